//! Read replicas follow, lag, and are promoted.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::rds::FailoverParameters;
use ports::database::{Database, DatabaseError, Isolation, Transaction};
use runtime::Time;

use super::support::*;

const PERIOD: Duration = Duration::from_millis(50);

fn with_replicas() -> Scene {
    let failover = FailoverParameters { replica_promote: Duration::from_secs(60), ..FailoverParameters::default() };
    Setup { replicas: 2, failover, ..Setup::default() }.build()
}

#[test]
fn a_replica_has_what_the_primary_has_a_moment_later_and_takes_no_writes() {
    let mut scene = with_replicas();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    scene.run(30);
    let written = outcomes.acknowledged();
    assert!(written.len() > 500);
    for replica in ["rds-replica-1", "rds-replica-2"] {
        assert!(scene.missing(replica, written.clone()).is_empty());
    }
    let refused = Rc::new(RefCell::new(None));
    let noted = refused.clone();
    scene.client_of("rds-replica-1", "misled", "c", move |client| {
        let noted = noted.clone();
        async move { *noted.borrow_mut() = Some(insert(&client, -1, Duration::from_secs(2)).await) }
    });
    let until = scene.engine.control().now().as_secs_f64() as u64 + 5;
    scene.run(until);
    assert_eq!(*refused.borrow(), Some(Err(DatabaseError::ReadOnly)));
}

#[test]
fn a_replica_that_is_held_back_shows_the_past() {
    let mut scene = with_replicas();
    let _outcomes = scene.writer("writer", "c", 0, PERIOD);
    let operator = scene.store.operator.clone();
    scene.engine.control().at(Time::from_secs(20), move |control| {
        let until = control.now() + Duration::from_secs(40);
        operator.hold_replication("rds-replica-1", Duration::from_secs(5), until).unwrap();
        assert!(operator.hold_replication("rds-replica-9", Duration::ZERO, until).is_err());
    });
    let youngest = Rc::new(RefCell::new(Vec::new()));
    let noted = youngest.clone();
    scene.client_of("rds-replica-1", "reader", "c", move |client| {
        let noted = noted.clone();
        async move {
            for at in [15, 40, 70] {
                runtime::sleep_until(Time::from_secs(at)).await;
                let deadline = runtime::now() + Duration::from_secs(4);
                let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
                // Identifiers are dense: bisect for the first that is not there.
                let (mut there, mut not_there) = (0, 10_000);
                while not_there - there > 1 {
                    let middle = (there + not_there) / 2;
                    let found = transaction.get::<Entry>(middle).await.unwrap().is_some();
                    (there, not_there) = if found { (middle, not_there) } else { (there, middle) };
                }
                noted.borrow_mut().push(not_there);
            }
        }
    });
    scene.run(75);
    let seen = youngest.borrow().clone();
    let behind: Vec<f64> = seen.iter().zip([15.0, 40.0, 70.0]).map(|(id, at)| at - 1.0 - *id as f64 / 20.0).collect();
    assert!(behind[0] < 0.5 && behind[2] < 0.5, "{behind:?}");
    assert!((behind[1] - 5.0).abs() < 0.5, "{behind:?}");
}

#[test]
fn promoting_a_replica_behind_a_stalled_replication_loses_exactly_the_window() {
    let mut scene = with_replicas();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let operator = scene.store.operator.clone();
    let (stalled, promoted) = (Time::from_secs(60), Time::from_secs(90));
    scene.engine.control().at(stalled, {
        let operator = operator.clone();
        move |_| operator.hold_replication("rds-replica-1", Duration::MAX, Time::MAX).unwrap()
    });
    scene.engine.control().at(promoted, move |_| operator.promote_replica("rds-replica-1").unwrap());
    scene.run(300);
    scene.assert_one_writable();
    let missing = scene.missing("rds.internal", outcomes.acknowledged());
    // One row every 50 ms from the stall, or what was under way then, to the end of the old primary's reign.
    let window: Vec<i64> = outcomes
        .0
        .borrow()
        .iter()
        .filter(|(_, at, result)| result.is_ok() && *at > stalled && *at <= promoted + Duration::from_secs(1))
        .map(|(id, _, _)| *id)
        .collect();
    assert!(missing.len() >= 599 && missing.len() <= 601, "{}", missing.len());
    assert!(window.iter().filter(|id| !missing.contains(id)).count() <= 1, "{} {}", window.len(), missing.len());
    assert_eq!(scene.lost().len(), missing.len(), "observations name what readers miss");
    let writable = scene.watcher.writable();
    assert_eq!(writable.last().unwrap().node, "rds-replica-1");
    // The other replica follows the new primary, though it had more.
    let survivors = outcomes.acknowledged().difference(&missing).copied().collect();
    assert!(scene.missing("rds-replica-2", survivors).is_empty());
}

#[test]
fn a_session_with_a_server_that_stepped_down_is_not_kept() {
    let mut scene = with_replicas();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    for (at_s, replica) in [(20, "rds-replica-1"), (100, "rds-replica-2")] {
        let operator = scene.store.operator.clone();
        scene.engine.control().at(Time::from_secs(at_s), move |_| operator.promote_replica(replica).unwrap());
    }
    scene.run(200);
    // A minute of promotion, in which the server that stepped down is all that the name leads to; then the name's time to live.
    let settled = Time::from_secs(100 + 60 + 10);
    let later: Vec<_> = outcomes.0.borrow().iter().filter(|(_, at, _)| *at > settled).cloned().collect();
    assert!(later.len() > 400, "the writer goes on: {}", later.len());
    let refused: Vec<_> = later.iter().filter(|(.., result)| result.is_err()).take(3).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
