//! The primary fails: who notices, who takes over, how long clients see it, and what is lost.

use std::time::Duration;

use cloud::rds::FailoverParameters;
use ports::observe::Mark;
use runtime::Time;

use super::support::*;

const PERIOD: Duration = Duration::from_millis(50);

/// What every run must show, whatever broke: one writable server at a time, and every row that a client was told of.
fn assert_nothing_lost(mut scene: Scene, outcomes: &Outcomes) {
    scene.assert_one_writable();
    assert_eq!(scene.lost().len(), 0, "{}", scene.watcher.story());
    let missing = scene.missing("rds.internal", outcomes.acknowledged());
    assert!(missing.is_empty(), "{} of {}\n{}", missing.len(), outcomes.acknowledged().len(), scene.watcher.story());
}

#[test]
fn a_zone_without_power_costs_a_failover_in_phases_and_no_commit() {
    let mut totals = Vec::new();
    for seed in 1..=8 {
        let mut scene = Setup { seed, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", 0, PERIOD);
        let onset = Time::from_secs(60) + Duration::from_millis(seed * 377);
        power_off_zone(&scene.engine, "a", onset, None);
        scene.run(240);
        let phases = scene.watcher.phases_after(onset);
        assert!(phases[0].since(onset) >= Duration::from_secs(12), "five heartbeats are missed first");
        assert!(phases[2].since(phases[1]) >= FailoverParameters::default().promote);
        totals.push(outcomes.outage_around(onset));
        assert_nothing_lost(scene, &outcomes);
    }
    assert!(totals.iter().all(|total| (17..=120).contains(&total.as_secs())), "{totals:?}");
}

#[test]
fn the_outage_moves_with_the_promotion() {
    let outage = |promote| {
        let failover = FailoverParameters { promote: Duration::from_secs(promote), ..FailoverParameters::default() };
        let mut scene = Setup { failover, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", 0, PERIOD);
        let onset = Time::from_secs(60);
        power_off_zone(&scene.engine, "a", onset, None);
        scene.run(600);
        outcomes.outage_around(onset).as_secs_f64()
    };
    let [short, usual, long] = [5, 60, 300].map(outage);
    assert!((usual - short - 55.0).abs() < 4.0, "{short} {usual}");
    assert!((long - usual - 240.0).abs() < 4.0, "{usual} {long}");
}

#[test]
fn a_primary_elsewhere_does_not_notice_the_zone() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    power_off_zone(&scene.engine, "b", Time::from_secs(60), None);
    scene.run(240);
    // The standby was there: commits wait for leave to go on without it, and that is all.
    let outage = outcomes.outage_around(Time::from_secs(60));
    assert!(
        outage > Duration::from_secs(9) && outage < Duration::from_secs(16),
        "{outage:?}\n{}",
        scene.watcher.story()
    );
    assert_eq!(scene.watcher.writable().len(), 1);
    assert_nothing_lost(scene, &outcomes);
}

#[test]
fn a_zone_cut_off_from_the_network_is_fenced_before_another_server_writes() {
    for seed in 1..=4 {
        let mut scene = Setup { seed, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", 0, PERIOD);
        // A client beside the primary goes on talking to it.
        let inside = scene.writer("neighbour", "a", 1_000_000, PERIOD);
        let onset = Time::from_secs(60) + Duration::from_millis(seed * 431);
        cut_off_zone(&scene.engine, "a", onset, onset + Duration::from_secs(120));
        scene.run(400);
        let spans = scene.watcher.writable();
        assert_eq!(
            spans.iter().map(|span| (span.epoch, span.node.as_str())).collect::<Vec<_>>(),
            [(1, "rds-primary"), (2, "rds-standby")],
            "{}",
            scene.watcher.story()
        );
        assert!(spans[0].to <= spans[1].from, "the old primary stops first: {spans:?}");
        assert!(outcomes.outage_around(onset) < Duration::from_secs(60), "{}", scene.watcher.story());
        // The old primary is the new one's standby in the end.
        assert!(
            scene.watcher.story().contains("rds-primary has every acknowledged commit"),
            "{}",
            scene.watcher.story()
        );
        outcomes.0.borrow_mut().extend(inside.0.borrow().iter().cloned());
        assert_nothing_lost(scene, &outcomes);
    }
}

#[test]
fn a_forced_failover_needs_no_detection() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let operator = scene.store.operator.clone();
    scene.engine.control().at(Time::from_secs(60), move |_| operator.fail_over());
    scene.run(240);
    let detected = scene.watcher.marks(Mark::Detected);
    assert_eq!(detected, [Time::from_secs(60)]);
    let outage = outcomes.outage_around(Time::from_secs(60));
    assert!(
        outage > Duration::from_secs(10) && outage < Duration::from_secs(25),
        "{outage:?}\n{}",
        scene.watcher.story()
    );
    assert_eq!(scene.watcher.writable().len(), 2);
    assert_nothing_lost(scene, &outcomes);
}

#[test]
fn a_server_without_standby_is_back_when_its_host_is() {
    let mut scene = Setup { multi_az: false, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let onset = Time::from_secs(60);
    let back = onset + Duration::from_secs(30 * 60);
    power_off_zone(&scene.engine, "a", onset, Some(back));
    scene.run(30 * 60 + 300);
    let outage = outcomes.outage_around(onset);
    assert!(outage >= Duration::from_secs(30 * 60), "{outage:?}");
    assert!(outage < Duration::from_secs(30 * 60 + 200), "{outage:?}");
    assert_nothing_lost(scene, &outcomes);
}

#[test]
fn a_crashed_process_comes_back_in_place() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let primary = scene.store.servers[0].process;
    scene.engine.control().at(Time::from_secs(60), move |control| control.crash(primary, Some(Duration::from_secs(1))));
    scene.run(120);
    assert_eq!(scene.watcher.writable().iter().map(|span| span.node.as_str()).collect::<Vec<_>>(), ["rds-primary"; 2]);
    assert!(outcomes.outage_around(Time::from_secs(60)) < Duration::from_secs(12), "{}", scene.watcher.story());
    assert_nothing_lost(scene, &outcomes);
}

#[test]
fn a_primary_that_was_paused_beyond_its_lease_acknowledges_nothing_more() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    let primary = scene.store.servers[0].process;
    let control = scene.engine.control();
    control.at(Time::from_secs(60), move |control| control.pause(primary));
    control.at(Time::from_secs(150), move |control| control.resume(primary));
    scene.run(400);
    let servers: Vec<_> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
    assert_eq!(servers, ["rds-primary", "rds-standby"], "{}", scene.watcher.story());
    assert_nothing_lost(scene, &outcomes);
}

#[test]
fn the_same_seed_is_the_same_run_whether_frames_move_or_are_serialised() {
    assert_reproducible(|seed, wire_check| {
        let mut scene = Setup { seed, wire_check, replicas: 1, ..Setup::default() }.build();
        let _outcomes = scene.writer("writer", "c", 0, PERIOD);
        power_off_zone(&scene.engine, "a", Time::from_secs(30), Some(Time::from_secs(90)));
        scene.run(420);
        trail(&scene.engine, &scene.watcher)
    });
}

#[test]
fn a_server_that_was_gone_for_long_is_rebuilt_and_becomes_the_standby() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", 0, PERIOD);
    power_off_zone(&scene.engine, "a", Time::from_secs(60), Some(Time::from_secs(900)));
    // Then the other zone fails: the first is to have everything again.
    power_off_zone(&scene.engine, "b", Time::from_secs(1_500), None);
    scene.run(1_700);
    let servers: Vec<_> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
    assert_eq!(servers, ["rds-primary", "rds-standby", "rds-primary"], "{}", scene.watcher.story());
    assert!(scene.watcher.story().contains("rebuilding a copy"), "{}", scene.watcher.story());
    assert_nothing_lost(scene, &outcomes);
}
