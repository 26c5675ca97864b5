//! Locks, connections, and clients that go away.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::rds::{PoolParameters, ServerParameters};
use ports::database::{Database, DatabaseError, Isolation, Transaction};
use runtime::Time;

use super::support::*;

type Notes<T> = Rc<RefCell<Vec<T>>>;

async fn prepare(client: &Client) {
    runtime::sleep(Duration::from_secs(1)).await;
    for id in 0..4 {
        // Whichever of the clients comes first.
        let _ = insert(client, id, Duration::from_secs(5)).await;
    }
    runtime::sleep_until(Time::from_secs(3)).await;
}

#[test]
fn a_deadlock_is_broken_after_a_second_and_one_of_the_two_goes_on() {
    let mut scene = Setup::default().build();
    let ends: Notes<(Time, Result<(), DatabaseError>)> = Rc::default();
    for (name, first, second) in [("one", 0, 1), ("two", 1, 0)] {
        let ends = ends.clone();
        scene.client(name, "a", move |client| {
            let ends = ends.clone();
            async move {
                prepare(&client).await;
                let result = async {
                    let deadline = runtime::now() + Duration::from_secs(10);
                    let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await?;
                    transaction.get_for_update::<Entry>(first).await?;
                    runtime::sleep(Duration::from_millis(200)).await;
                    transaction.get_for_update::<Entry>(second).await?;
                    transaction.commit().await
                };
                let result = result.await;
                ends.borrow_mut().push((runtime::now(), result));
            }
        });
    }
    scene.run(20);
    let ends = ends.borrow().clone();
    let victims: Vec<_> = ends.iter().filter(|end| end.1 == Err(DatabaseError::DeadlockDetected)).collect();
    assert_eq!((ends.len(), victims.len()), (2, 1), "{ends:?}");
    assert!(ends.iter().any(|end| end.1 == Ok(())));
    let after = victims[0].0.since(Time::from_secs(3));
    assert!((Duration::from_millis(1_200)..Duration::from_millis(1_250)).contains(&after), "{after:?}");
}

#[test]
fn a_second_writer_waits_for_the_first_and_sees_its_work() {
    let mut scene = Setup::default().build();
    for name in ["one", "two", "three"] {
        scene.client(name, "b", move |client| async move {
            prepare(&client).await;
            for _ in 0..50 {
                let deadline = runtime::now() + Duration::from_secs(10);
                let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
                let mut entry = transaction.get_for_update::<Entry>(2).await.unwrap().unwrap();
                entry.amount += 1;
                assert!(transaction.update(&entry).await.unwrap());
                transaction.commit().await.unwrap();
            }
        });
    }
    let total: Notes<i64> = Rc::default();
    let noted = total.clone();
    scene.client("reader", "c", move |client| {
        let noted = noted.clone();
        async move {
            runtime::sleep_until(Time::from_secs(30)).await;
            let deadline = runtime::now() + Duration::from_secs(1);
            let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
            let entry = transaction.get::<Entry>(2).await.unwrap().unwrap();
            noted.borrow_mut().push(entry.amount);
        }
    });
    scene.run(35);
    assert_eq!(*total.borrow(), [150]);
}

#[test]
fn a_pool_refuses_when_its_queue_is_full_and_gives_up_when_nothing_comes_free() {
    let pool =
        PoolParameters { size: 2, queue: 3, acquire_timeout: Duration::from_secs(1), ..PoolParameters::default() };
    let mut scene = Setup { pool, ..Setup::default() }.build();
    let ends: Notes<(Duration, Option<DatabaseError>)> = Rc::default();
    let noted = ends.clone();
    scene.client("crowd", "a", move |client| {
        let noted = noted.clone();
        async move {
            prepare(&client).await;
            let started = runtime::now();
            for _ in 0..8 {
                let (client, noted) = (client.clone(), noted.clone());
                drop(runtime::spawn(async move {
                    let transaction = client.begin(Isolation::ReadCommitted, started + Duration::from_secs(9)).await;
                    noted.borrow_mut().push((runtime::now().since(started), transaction.as_ref().err().cloned()));
                    if transaction.is_ok() {
                        runtime::sleep(Duration::from_secs(5)).await;
                    }
                }));
            }
            runtime::task::forever().await;
        }
    });
    scene.run(20);
    let ends = ends.borrow().clone();
    let refused: Vec<Duration> =
        ends.iter().filter(|end| end.1 == Some(DatabaseError::PoolExhausted)).map(|end| end.0).collect();
    assert_eq!(ends.iter().filter(|end| end.1.is_none()).count(), 2, "{ends:?}");
    assert_eq!(refused, [[Duration::ZERO; 3], [Duration::from_secs(1); 3]].concat());
}

#[test]
fn the_server_refuses_more_connections_than_it_has_slots() {
    let server = ServerParameters { max_connections: 3, ..ServerParameters::default() };
    let mut scene = Setup { server, ..Setup::default() }.build();
    let errors: Notes<DatabaseError> = Rc::default();
    let noted = errors.clone();
    scene.client("crowd", "a", move |client| {
        let noted = noted.clone();
        async move {
            runtime::sleep(Duration::from_secs(1)).await;
            for id in 0..5 {
                let (client, noted) = (client.clone(), noted.clone());
                drop(runtime::spawn(async move {
                    let deadline = runtime::now() + Duration::from_secs(5);
                    let result = async {
                        let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await?;
                        transaction.insert(&Entry { id, amount: 0 }).await?;
                        runtime::sleep(Duration::from_secs(1)).await;
                        transaction.commit().await
                    };
                    if let Err(error) = result.await {
                        noted.borrow_mut().push(error);
                    }
                }));
            }
            runtime::task::forever().await;
        }
    });
    scene.run(10);
    assert_eq!(*errors.borrow(), [DatabaseError::TooManyConnections, DatabaseError::TooManyConnections]);
}

#[test]
fn a_dead_clients_lock_comes_free_with_the_keepalive() {
    let (idle, give_up) = (Duration::from_secs(120), Duration::from_secs(60));
    let server = ServerParameters { keepalive_idle: idle, keepalive_give_up: give_up, ..ServerParameters::default() };
    let mut scene = Setup { server, ..Setup::default() }.build();
    scene.client("holder", "a", |client| async move {
        prepare(&client).await;
        let deadline = runtime::now() + Duration::from_secs(1_000);
        let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
        transaction.get_for_update::<Entry>(0).await.unwrap();
        runtime::task::forever().await;
    });
    let holder = scene.engine.control().hosts().into_iter().find(|(_, spec)| spec.name == "holder").unwrap().0;
    let free: Notes<Time> = Rc::default();
    let noted = free.clone();
    scene.client("waiter", "c", move |client| {
        let noted = noted.clone();
        async move {
            runtime::sleep_until(Time::from_secs(5)).await;
            let deadline = runtime::now() + Duration::from_secs(1_000);
            let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
            transaction.get_for_update::<Entry>(0).await.unwrap();
            noted.borrow_mut().push(runtime::now());
        }
    });
    let onset = Time::from_secs(10);
    scene.engine.control().at(onset, move |control| control.power_off(holder));
    scene.run(400);
    let waited = free.borrow()[0].since(onset);
    assert!(waited >= idle + give_up && waited < idle + give_up + Duration::from_secs(1), "{waited:?}");
}
