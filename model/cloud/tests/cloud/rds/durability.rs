//! What is lost, and what is not, when commits do or do not wait for the disk.

use std::time::Duration;

use cloud::rds::{Durability, ServerParameters};
use engine::LinkFault;
use runtime::Time;

use super::support::*;

const PERIOD: Duration = Duration::from_millis(20);

/// A Single-AZ server whose host loses power for a minute.
fn power_loss(durability: Durability, multi_az: bool) -> (Scene, Outcomes) {
    let server = ServerParameters { durability, ..ServerParameters::default() };
    let mut scene = Setup { server, multi_az, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let host = scene.store.servers[0].host;
    scene.engine.control().at(Time::from_secs(64), move |control| control.power_off(host));
    scene.engine.control().at(Time::from_secs(124), move |control| control.power_on(host));
    scene.run(400);
    (scene, outcomes)
}

/// The loss that observations name is the loss that a reader finds.
fn lost(scene: &mut Scene, outcomes: &Outcomes) -> usize {
    scene.assert_one_writable();
    let named = scene.lost().len();
    let missing = scene.missing("rds.internal", outcomes.acknowledged());
    assert_eq!(missing.len(), named, "{missing:?}");
    // What is missing is one span of identifiers: the youngest before the loss.
    if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
        assert!(outcomes.acknowledged().range(first..=last).all(|id| missing.contains(id)));
    }
    named
}

#[test]
fn synchronous_commits_survive_a_loss_of_power() {
    let (mut scene, outcomes) = power_loss(Durability::Synchronous, false);
    assert_eq!(lost(&mut scene, &outcomes), 0);
}

#[test]
fn without_fsync_a_loss_of_power_loses_what_the_kernel_had_not_written() {
    let (mut scene, outcomes) = power_loss(Durability::NoSync, false);
    let lost = lost(&mut scene, &outcomes);
    // At most five seconds of commits, fifty a second, and not none.
    assert!((1..=260).contains(&lost), "{lost}");
}

#[test]
fn without_synchronous_commit_even_a_standby_does_not_save_the_last_moments() {
    for multi_az in [false, true] {
        let (mut scene, outcomes) = power_loss(Durability::AsynchronousCommit, multi_az);
        let lost = lost(&mut scene, &outcomes);
        assert!((1..=12).contains(&lost), "{lost} of fifty a second in two hundred milliseconds");
    }
}

#[test]
fn a_connection_cut_around_commit_leaves_doubts_but_loses_nothing() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, Duration::from_millis(2));
    let (client, server) = (hosts_in(&scene.engine, "c"), scene.store.servers[0].host);
    // Answers of the server are lost for three seconds, five times: longer than anybody waits.
    for round in 1..=5 {
        let client = client.clone();
        scene.engine.control().at(Time::from_secs(round * 10), move |control| {
            let cut = control.begin_link_fault(&[server], &client, LinkFault::Cut);
            let until = control.now() + Duration::from_secs(4);
            control.at(until, move |control| control.end_link_fault(cut));
        });
    }
    scene.run(80);
    let unknown = outcomes.unknown();
    assert!(!unknown.is_empty(), "commits were under way at each cut");
    let absent = scene.missing("rds.internal", unknown.clone());
    assert!(absent.len() < unknown.len(), "some that nobody heard of took effect");
    assert_eq!(lost(&mut scene, &outcomes), 0);
}

#[test]
fn a_killed_server_leaves_doubts_but_loses_nothing() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, Duration::from_millis(2));
    let process = scene.store.servers[0].process;
    for round in 1..=5 {
        let at = Time::from_secs(round * 20) + Duration::from_micros(round * 311);
        scene.engine.control().at(at, move |control| control.crash(process, Some(Duration::from_millis(100))));
    }
    scene.run(140);
    assert!(!outcomes.unknown().is_empty());
    assert_eq!(lost(&mut scene, &outcomes), 0);
}

#[test]
fn recovery_takes_as_long_as_the_log_behind_the_last_checkpoint() {
    let recovery = |checkpoint_interval, replay_bytes_per_s| {
        let server = ServerParameters { checkpoint_interval, replay_bytes_per_s, ..ServerParameters::default() };
        let mut scene = Setup { server, multi_az: false, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", 0, PERIOD);
        let process = scene.store.servers[0].process;
        scene.engine.control().at(Time::from_secs(200), move |control| control.crash(process, Some(Duration::ZERO)));
        scene.run(260);
        outcomes.outage_around(Time::from_secs(200)).as_secs_f64()
    };
    let (often, seldom) = (Duration::from_secs(10), Duration::from_secs(10_000));
    let log_bytes = 200.0 * 50.0 * 176.0;
    let quick = recovery(seldom, 100 << 20);
    let slow = recovery(seldom, 100 << 10);
    let expected = log_bytes / 102_400.0;
    assert!((slow - quick - expected).abs() < expected * 0.2, "{quick} {slow}, log {expected}");
    let checkpointed = recovery(often, 100 << 10);
    assert!(checkpointed - quick < expected * 0.2, "{quick} {checkpointed}");
}
