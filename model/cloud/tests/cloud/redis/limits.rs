//! One thread, so much memory, so many clients.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::redis::{ClientParameters, ControlParameters, EvictionPolicy, Mode, ServerParameters};
use ports::cache::{Cache, CacheError, Command, Message, Subscription};
use runtime::Time;

use super::support::*;

fn single(server: ServerParameters) -> Setup {
    let mode = Mode::Controlled(ControlParameters::default());
    Setup { mode, shards: 1, replicas: 1, server, ..Setup::default() }
}

fn soon() -> Time {
    runtime::now() + Duration::from_secs(5)
}

#[test]
fn seventy_four_thousand_commands_a_second_is_all_that_one_thread_does() {
    let client = ClientParameters { connections_per_server: 200, ..ClientParameters::default() };
    let mut scene = Setup { client, ..single(ServerParameters::default()) }.build();
    let done = Rc::new(RefCell::new(0u64));
    let counted = done.clone();
    scene.client("flood", "a", move |cache| {
        let counted = counted.clone();
        async move {
            runtime::sleep(Duration::from_secs(10)).await;
            for number in 0..100 {
                let (cache, counted) = (cache.clone(), counted.clone());
                drop(runtime::spawn(async move {
                    loop {
                        cache.set(format!("k{number}"), "v", soon()).await.unwrap();
                        if runtime::now() >= Time::from_secs(11) && runtime::now() < Time::from_secs(12) {
                            *counted.borrow_mut() += 1;
                        }
                    }
                }));
            }
            runtime::task::forever().await;
        }
    });
    scene.run(12);
    let a_second = *done.borrow();
    assert!((72_000..75_000).contains(&a_second), "{a_second}");
}

#[test]
fn a_command_on_many_elements_makes_everybody_wait() {
    let mut scene = single(ServerParameters::default()).build();
    let slowest = Rc::new(RefCell::new([Duration::ZERO; 2]));
    let noted = slowest.clone();
    scene.client("pinger", "b", move |cache| {
        let noted = noted.clone();
        async move {
            runtime::sleep_until(Time::from_secs(20)).await;
            while runtime::now() < Time::from_secs(40) {
                let began = runtime::now();
                cache.get("small", soon()).await.unwrap();
                let phase = usize::from(began >= Time::from_secs(29));
                let took = runtime::now().since(began);
                let slowest = noted.borrow()[phase].max(took);
                noted.borrow_mut()[phase] = slowest;
                runtime::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    scene.client("hog", "a", |cache| async move {
        runtime::sleep_until(Time::from_secs(10)).await;
        let members = (0..200_000u32).map(|member| member.to_be_bytes().to_vec()).collect();
        cache.execute(Command::SAdd { key: b"big".to_vec(), members }, soon()).await.unwrap();
        runtime::sleep_until(Time::from_secs(30)).await;
        assert_eq!(cache.smembers("big", soon()).await.unwrap().len(), 200_000);
    });
    scene.run(40);
    let [alone, behind] = *slowest.borrow();
    assert!(alone < Duration::from_millis(10), "{alone:?}");
    // Half a microsecond for each of two hundred thousand.
    assert!(behind > Duration::from_millis(90) && behind < Duration::from_millis(140), "{behind:?}");
}

/// Sets a thousand keys of a kilobyte, every second one to expire, in a server with room for half; the errors, and what is there.
fn fill(eviction: EvictionPolicy) -> (usize, usize) {
    let server = ServerParameters { max_memory_bytes: 500 << 10, eviction, ..ServerParameters::default() };
    let mut scene = single(server).build();
    let refused = Rc::new(RefCell::new(0));
    let counted = refused.clone();
    scene.client("filler", "a", move |cache| {
        let counted = counted.clone();
        async move {
            runtime::sleep(Duration::from_secs(10)).await;
            for number in 0..1_000 {
                let (key, value) = (format!("k{number}"), vec![b'x'; 1_024]);
                let result = match number % 2 {
                    0 => cache.set(key, value, soon()).await,
                    _ => cache.set_for(key, value, Duration::from_secs(3_600), soon()).await,
                };
                match result {
                    Ok(()) => {}
                    Err(CacheError::OutOfMemory) => *counted.borrow_mut() += 1,
                    Err(other) => panic!("{other}"),
                }
                assert!(cache.get("nothing", soon()).await.is_ok(), "reads are never refused");
            }
        }
    });
    scene.run(60);
    let refused = *refused.borrow();
    let count = |scene: &mut Scene, server: &'static str| {
        let found = Rc::new(RefCell::new(0));
        let noted = found.clone();
        scene.client_of(server, &format!("counter of {server}"), "b", move |cache| {
            let noted = noted.clone();
            async move {
                for number in 0..1_000 {
                    *noted.borrow_mut() +=
                        usize::from(cache.get(format!("k{number}"), soon()).await.unwrap().is_some());
                }
            }
        });
        let until = scene.engine.control().now() + Duration::from_secs(20);
        assert_eq!(scene.engine.run_until(until), engine::Stopped::Reached);
        assert_eq!(scene.engine.control().panics(), []);
        *found.borrow()
    };
    let there = count(&mut scene, "redis-0-0");
    assert_eq!(there, count(&mut scene, "redis-0-1"), "a replica evicts what its primary evicts");
    (refused, there)
}

#[test]
fn full_memory_refuses_or_evicts() {
    let (refused, there) = fill(EvictionPolicy::NoEviction);
    assert!((500..600).contains(&refused) && refused + there == 1_000, "{refused} {there}");
    let (refused, there) = fill(EvictionPolicy::AllKeysLru);
    assert!(refused == 0 && (400..500).contains(&there), "{refused} {there}");
    // The keys that expire go first, and then there is nothing left that may go.
    let (refused, there) = fill(EvictionPolicy::VolatileTtl);
    assert!((1..520).contains(&refused) && (400..500).contains(&there), "{refused} {there}");
}

#[test]
fn what_expires_is_removed_everywhere_without_anybody_asking() {
    let mut scene = single(ServerParameters::default()).build();
    scene.client("brief", "a", |cache| async move {
        runtime::sleep(Duration::from_secs(10)).await;
        for number in 0..500 {
            cache.set_for(format!("k{number}"), "v", Duration::from_secs(20 + number % 3), soon()).await.unwrap();
        }
    });
    let keys = |scene: &Scene| {
        let mut keys = Vec::new();
        scene.engine.control().telemetry().sample(|process, metric, value| {
            if metric == "cache.keys" {
                keys.push((process.to_owned(), value));
            }
        });
        keys
    };
    scene.run(25);
    assert_eq!(keys(&scene), [("redis-0-0".to_owned(), 500), ("redis-0-1".to_owned(), 500)]);
    scene.run(40);
    assert_eq!(keys(&scene), [("redis-0-0".to_owned(), 0), ("redis-0-1".to_owned(), 0)]);
}

#[test]
fn a_subscription_ends_with_its_server_and_another_may_begin() {
    let mut scene = single(ServerParameters::default()).build();
    let primary = named(&scene.engine, "redis-0-0");
    scene.engine.control().at(Time::from_secs(20), move |control| control.crash(primary, None));
    let endings = Rc::new(RefCell::new(Vec::new()));
    let noted = endings.clone();
    scene.client("listener", "b", move |cache| {
        let noted = noted.clone();
        async move {
            runtime::sleep_until(Time::from_secs(10)).await;
            let mut messages = cache.subscribe(vec![b"news".to_vec()], soon()).await.unwrap();
            let ending = messages.next().await;
            noted.borrow_mut().push((ending, runtime::now() < Time::from_secs(21)));
            runtime::sleep_until(Time::from_secs(70)).await;
            let mut messages = cache.subscribe(vec![b"news".to_vec()], soon()).await.unwrap();
            let message = messages.next().await;
            noted.borrow_mut().push((message, true));
        }
    });
    scene.client("speaker", "a", |cache| async move {
        runtime::sleep_until(Time::from_secs(75)).await;
        assert_eq!(cache.publish("news", "again", soon()).await, Ok(1));
    });
    scene.run(80);
    let again = Message { channel: b"news".to_vec(), payload: b"again".to_vec() };
    assert_eq!(*endings.borrow(), [(Err(CacheError::ConnectionLost), true), (Ok(again), true)]);
}

#[test]
fn a_server_takes_so_many_clients_and_no_more() {
    let server = ServerParameters { max_clients: 2, ..ServerParameters::default() };
    let mut scene = single(server).build();
    let answers = Rc::new(RefCell::new(Vec::new()));
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        let answers = answers.clone();
        scene.client(name, "a", move |cache| {
            let answers = answers.clone();
            async move {
                runtime::sleep_until(Time::from_secs(10 + number as u64)).await;
                let answer = cache.get("k", soon()).await;
                answers.borrow_mut().push(answer);
                runtime::task::forever().await;
            }
        });
    }
    scene.run(20);
    assert_eq!(*answers.borrow(), [Ok(None), Ok(None), Err(CacheError::TooManyClients)]);
}

#[test]
fn a_write_whose_answer_is_late_may_have_happened_and_a_read_did_not() {
    let mut scene = single(ServerParameters::default()).build();
    let primary = named(&scene.engine, "redis-0-0");
    let control = scene.engine.control();
    control.at(Time::from_secs(20), move |control| control.pause(primary));
    control.at(Time::from_secs(24), move |control| control.resume(primary));
    let answers = Rc::new(RefCell::new(Vec::new()));
    let noted = answers.clone();
    scene.client("hasty", "b", move |cache| {
        let noted = noted.clone();
        async move {
            runtime::sleep_until(Time::from_secs(15)).await;
            cache.set("k", "before", soon()).await.unwrap();
            let other = cache.clone();
            let opening = runtime::spawn(async move { other.get("k", soon()).await });
            cache.get("k", soon()).await.unwrap();
            opening.await.unwrap();
            runtime::sleep_until(Time::from_secs(21)).await;
            let limit = runtime::now() + Duration::from_secs(1);
            let write = cache.set("k", "after", limit).await;
            let read = cache.get("k", runtime::now() + Duration::from_millis(500)).await;
            runtime::sleep_until(Time::from_secs(30)).await;
            let found = cache.get("k", soon()).await;
            *noted.borrow_mut() = vec![write.map(|()| None), read, found];
        }
    });
    scene.run(40);
    let expected = [Err(CacheError::OutcomeUnknown), Err(CacheError::DeadlineExceeded), Ok(Some(b"after".to_vec()))];
    assert_eq!(*answers.borrow(), expected);
}
