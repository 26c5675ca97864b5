//! All is well.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::redis::{ControlParameters, Mode};
use ports::cache::{Cache, CacheError, CellIndex, Command, Range, Reply, Score, Subscription};
use runtime::Time;

use super::support::*;

fn soon() -> Time {
    runtime::now() + Duration::from_secs(2)
}

fn controlled() -> Setup {
    Setup { mode: Mode::Controlled(ControlParameters::default()), shards: 1, replicas: 2, ..Setup::default() }
}

/// What a service does all day, through the typed methods.
async fn a_day(cache: Client) {
    assert_eq!(cache.get("session", soon()).await, Ok(None));
    cache.set("session", "s1", soon()).await.unwrap();
    assert_eq!(cache.get("session", soon()).await, Ok(Some(b"s1".to_vec())));
    assert_eq!(cache.pttl("session", soon()).await, Ok(None));
    assert!(cache.pexpire("session", Duration::from_millis(1_500), soon()).await.unwrap());
    let left = cache.pttl("session", soon()).await.unwrap().expect("it expires");
    assert!(left > Duration::from_millis(1_450), "{left:?}");

    let lock = Duration::from_secs(1);
    assert_eq!(cache.set_if_absent("lock", "me", lock, soon()).await, Ok(true));
    assert_eq!(cache.set_if_absent("lock", "you", lock, soon()).await, Ok(false));
    assert_eq!(cache.incrby("count", 5, soon()).await, Ok(5));
    assert_eq!(cache.incrby("session", 1, soon()).await, Err(CacheError::NotAnInteger));
    assert_eq!(cache.sadd("count", "x", soon()).await, Err(CacheError::WrongType));

    assert_eq!(
        cache.hset("hash", vec![(b"b".to_vec(), b"2".to_vec()), (b"a".to_vec(), b"1".to_vec())], soon()).await,
        Ok(2)
    );
    let fields = cache.hgetall("hash", soon()).await.unwrap();
    assert_eq!(fields, [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())]);
    assert!(cache.sadd("set", "m", soon()).await.unwrap());
    assert_eq!(cache.smembers("set", soon()).await, Ok(vec![b"m".to_vec()]));
    for (member, score) in [("late", 3), ("early", 1), ("mid", 2)] {
        assert!(cache.zadd("sorted", Score::of(score), member, soon()).await.unwrap());
    }
    let all = cache.zrange("sorted", Range::Rank { start: 0, stop: 1 }, soon()).await.unwrap();
    assert_eq!(all, [(b"early".to_vec(), Score::of(1)), (b"mid".to_vec(), Score::of(2))]);

    let drivers = CellIndex::new("drivers");
    let (here, there) = (0x08a2_a107_2b59_ffff, 0x08a2_a107_2b58_ffff);
    assert!(drivers.put(&cache, here, "d1", 1_000, soon()).await.unwrap());
    assert!(!drivers.put(&cache, here, "d1", 900, soon()).await.unwrap(), "an older position changes nothing");
    assert!(drivers.put(&cache, here, "d2", 2_000, soon()).await.unwrap());
    assert!(drivers.put(&cache, there, "d3", 2_000, soon()).await.unwrap());
    let near = drivers.seen_since(&cache, here, 1_000, 10, soon()).await.unwrap();
    assert_eq!(near, [(b"d2".to_vec(), 2_000), (b"d1".to_vec(), 1_000)]);
    assert_eq!(drivers.sweep(&cache, here, 1_500, soon()).await, Ok(1));

    runtime::sleep(Duration::from_secs(2)).await;
    assert_eq!(cache.get("session", soon()).await, Ok(None));
    assert_eq!(cache.del("lock", soon()).await, Ok(false), "it expired by itself");
    assert_eq!(cache.del("count", soon()).await, Ok(true));
}

#[test]
fn a_service_finds_what_it_put_wherever_its_keys_are() {
    for setup in [Setup::default(), controlled()] {
        let mut scene = setup.build();
        scene.run(20);
        scene.ask(|cache| async move { a_day(cache).await });
    }
}

#[test]
fn keys_of_one_command_must_share_a_slot_only_in_a_cluster() {
    let delete = |cache: Client| async move {
        let keys = vec![b"a".to_vec(), b"b".to_vec(), b"{a}c".to_vec()];
        let apart = cache.execute(Command::Del { keys }, soon()).await;
        let together = cache.execute(Command::Del { keys: vec![b"a".to_vec(), b"{a}c".to_vec()] }, soon()).await;
        (apart, together)
    };
    let mut cluster = Setup::default().build();
    cluster.run(20);
    assert_eq!(cluster.ask(delete), (Err(CacheError::CrossSlot), Ok(Reply::Integer(0))));
    let mut single = controlled().build();
    single.run(20);
    assert_eq!(single.ask(delete), (Ok(Reply::Integer(0)), Ok(Reply::Integer(0))));
}

#[test]
fn what_is_published_on_one_member_is_heard_on_another_and_only_while_subscribed() {
    let mut scene = Setup::default().build();
    let heard = Rc::new(RefCell::new(Vec::new()));
    for (name, server) in [("near", "redis-0-0"), ("far", "redis-2-1")] {
        let heard = heard.clone();
        scene.client_of(server, name, "b", move |cache| {
            let heard = heard.clone();
            async move {
                runtime::sleep_until(Time::from_secs(10)).await;
                let channels = vec![b"surge".to_vec(), b"news".to_vec()];
                let mut messages = cache.subscribe(channels, soon()).await.unwrap();
                loop {
                    let message = messages.next().await.unwrap();
                    heard.borrow_mut().push((name, message.payload));
                }
            }
        });
    }
    scene.client("speaker", "a", |cache| async move {
        for (at, channel, payload) in
            [(9, "surge", "early"), (20, "surge", "one"), (21, "else", "no"), (22, "news", "two")]
        {
            runtime::sleep_until(Time::from_secs(at)).await;
            cache.publish(channel, payload, soon()).await.unwrap();
        }
    });
    scene.run(30);
    let mut heard = heard.borrow().clone();
    heard.sort();
    let expected = [("far", "one"), ("far", "two"), ("near", "one"), ("near", "two")];
    assert_eq!(heard, expected.map(|(name, payload)| (name, payload.as_bytes().to_vec())));
}

#[test]
fn a_replica_refuses_writes_and_answers_reads() {
    let mut scene = controlled().build();
    let _outcomes = scene.writer("writer", "a", "w", Duration::from_millis(50));
    scene.run(30);
    let answers = Rc::new(RefCell::new(Vec::new()));
    let noted = answers.clone();
    scene.client_of("redis-0-2", "reader", "c", move |cache| {
        let noted = noted.clone();
        async move {
            let refused = cache.set("k", "v", soon()).await;
            let read = cache.get("w10", soon()).await;
            *noted.borrow_mut() = vec![refused.map(|()| None), read];
        }
    });
    scene.run(35);
    assert_eq!(*answers.borrow(), [Err(CacheError::ReadOnly), Ok(Some(b"v".to_vec()))]);
}

#[test]
fn an_idle_store_costs_next_to_nothing() {
    for (setup, events_max) in [(Setup::default(), 100), (controlled(), 40)] {
        let mut scene = setup.build();
        scene.run(60);
        let before = scene.engine.control().events();
        scene.run(660);
        let a_second = (scene.engine.control().events() - before) / 600;
        assert!(a_second < events_max, "{a_second} events a second");
    }
}
