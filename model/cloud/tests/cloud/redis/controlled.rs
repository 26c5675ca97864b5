//! Cluster mode off: one shard, and a control plane that fails over by name.

use std::time::Duration;

use cloud::redis::{ControlParameters, Mode, ServerParameters};
use ports::observe::Mark;
use runtime::Time;

use super::support::*;

const PERIOD: Duration = Duration::from_millis(20);

fn setup(control: ControlParameters) -> Setup {
    Setup { mode: Mode::Controlled(control), shards: 1, replicas: 2, ..Setup::default() }
}

fn assert_loss_is_named(scene: &mut Scene, outcomes: &Outcomes) -> usize {
    let missing = scene.missing(outcomes.acknowledged());
    assert_eq!(missing, scene.lost(), "{}", scene.watcher.story());
    missing.len()
}

#[test]
fn a_zone_without_power_costs_a_failover_in_phases() {
    let mut totals = Vec::new();
    for seed in 1..=6 {
        let mut scene = Setup { seed, ..setup(ControlParameters::default()) }.build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        let onset = Time::from_secs(60) + Duration::from_millis(seed * 377);
        power_off_zone(&scene.engine, "a", onset, None);
        scene.run(240);
        let phases = scene.watcher.phases_after(onset);
        assert!(phases[0].since(onset) >= Duration::from_secs(12), "five checks are missed first");
        assert!(phases[2].since(phases[1]) >= ControlParameters::default().promote);
        totals.push(outcomes.outage_around(onset));
        assert!(assert_loss_is_named(&mut scene, &outcomes) <= 2);
    }
    assert!(totals.iter().all(|total| (20..63).contains(&total.as_secs())), "{totals:?}");
}

#[test]
fn the_outage_moves_with_the_promotion() {
    let outage = |promote| {
        let control = ControlParameters { promote: Duration::from_secs(promote), ..ControlParameters::default() };
        let mut scene = setup(control).build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        power_off_zone(&scene.engine, "a", Time::from_secs(60), None);
        scene.run(300);
        outcomes.outage_around(Time::from_secs(60)).as_secs_f64()
    };
    let [short, long] = [5, 105].map(outage);
    assert!((long - short - 100.0).abs() < 6.0, "{short} {long}");
}

#[test]
fn a_failover_behind_a_stalled_replication_loses_exactly_the_window() {
    let control = ControlParameters::default();
    let mut scene = Setup { replicas: 1, ..setup(control) }.build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let operator = scene.store.operator.clone();
    let (stalled, ordered) = (Time::from_secs(50), Time::from_secs(60));
    scene.engine.control().at(stalled, {
        let operator = operator.clone();
        move |_| operator.hold_replication("redis-0-1", Duration::MAX, Time::MAX).unwrap()
    });
    scene.engine.control().at(ordered, move |_| operator.fail_over("redis-0-0").unwrap());
    scene.run(180);
    let lost = assert_loss_is_named(&mut scene, &outcomes);
    // Until the replica reigns, ten seconds after the order, the old primary goes on, and while the name still leads there.
    let promoted = scene.watcher.marks(Mark::Promoted)[0];
    let window = outcomes.acknowledged_between(stalled, promoted).len();
    assert!(lost >= window && lost <= window + 300, "{lost} of {window}\n{}", scene.watcher.story());
}

#[test]
fn an_order_is_carried_out_though_a_monitor_is_cut_off() {
    // Nobody acts by itself: suspicion takes five minutes. The first monitor takes the order and cannot carry it out.
    let mut scene = setup(ControlParameters { missed_checks: 100, ..ControlParameters::default() }).build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let operator = scene.store.operator.clone();
    cut_off_zone(&scene.engine, "a", Time::from_secs(55), Time::from_secs(100));
    scene.engine.control().at(Time::from_secs(60), move |_| operator.fail_over("redis-0-0").unwrap());
    scene.run(150);
    let reigned = scene.watcher.writable();
    assert_eq!((reigned.len(), &*reigned[1].node), (2, "redis-0-1"), "{}", scene.watcher.story());
    assert!(reigned[1].from < Time::from_secs(80), "{}", scene.watcher.story());
    assert_loss_is_named(&mut scene, &outcomes);
}

#[test]
fn a_monitor_that_was_away_learns_what_was_decided_and_coordinates_again() {
    let mut scene = setup(ControlParameters::default()).build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    // The first monitor is away while the others replace the primary; when that one fails too, the first one has to act.
    cut_off_zone(&scene.engine, "a", Time::from_secs(55), Time::from_secs(120));
    power_off_zone(&scene.engine, "b", Time::from_secs(150), None);
    scene.run(300);
    let reigned: Vec<String> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
    assert_eq!(reigned[..2], ["redis-0-0", "redis-0-1"], "{}", scene.watcher.story());
    assert_eq!(reigned.len(), 3, "{}", scene.watcher.story());
    let late = outcomes.acknowledged_between(Time::from_secs(250), Time::from_secs(300));
    assert!(late.len() > 2_400, "{}", late.len());
    assert_loss_is_named(&mut scene, &outcomes);
}

#[test]
fn an_isolated_primary_is_not_fenced_and_what_it_promised_is_lost() {
    let mut scene = setup(ControlParameters::default()).build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let inside = scene.writer("neighbour", "a", "n", PERIOD);
    let (onset, healed) = (Time::from_secs(60), Time::from_secs(120));
    cut_off_zone(&scene.engine, "a", onset, healed);
    scene.run(240);
    // Nobody tells it to stop: a minute of promises.
    let promised = inside.acknowledged_between(onset, healed).len();
    assert!(promised > 2_900, "{promised}\n{}", scene.watcher.story());
    outcomes.0.borrow_mut().extend(inside.0.borrow().iter().cloned());
    let lost = assert_loss_is_named(&mut scene, &outcomes);
    assert!(lost >= promised - 2 && lost < promised + 500, "{lost} of {promised}\n{}", scene.watcher.story());
}

#[test]
fn a_primary_that_lost_its_memory_gives_way_to_a_replica_if_that_is_automatic() {
    let run = |automatic_failover| {
        let control = ControlParameters { automatic_failover, ..ControlParameters::default() };
        let mut scene = setup(control).build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        let primary = named(&scene.engine, "redis-0-0");
        scene.engine.control().at(Time::from_secs(60), move |control| {
            control.crash(primary, Some(Duration::from_secs(2)));
        });
        scene.run(180);
        let reigned: Vec<String> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
        (assert_loss_is_named(&mut scene, &outcomes), reigned[1].clone())
    };
    let (lost, successor) = run(true);
    assert!(lost <= 2 && successor != "redis-0-0", "{lost} {successor}");
    let (lost, successor) = run(false);
    assert!((2_700..2_800).contains(&lost) && successor == "redis-0-0", "{lost} {successor}");
}

#[test]
fn a_snapshot_brings_back_what_it_has() {
    let server = ServerParameters { snapshot_interval: Some(Duration::from_secs(40)), ..ServerParameters::default() };
    let control = ControlParameters { automatic_failover: false, ..ControlParameters::default() };
    let mut scene = Setup { server, replicas: 0, ..setup(control) }.build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let operator = scene.store.operator.clone();
    let primary = named(&scene.engine, "redis-0-0");
    let control = scene.engine.control();
    control.at(Time::from_secs(60), move |control| control.crash(primary, Some(Duration::from_secs(1))));
    control.at(Time::from_secs(90), move |_| operator.restore("redis-0-0").unwrap());
    scene.run(120);
    let missing = scene.missing(outcomes.acknowledged());
    let lost = scene.lost();
    assert_eq!(missing, lost, "{}", scene.watcher.story());
    // What was written between the snapshot and the restoration.
    let kept_before = outcomes.acknowledged_between(Time::ZERO, Time::from_secs(40));
    assert!(kept_before.len() > 1_700 && kept_before.is_disjoint(&missing));
    let gone = outcomes.acknowledged_between(Time::from_secs(41), Time::from_secs(90));
    assert!(gone.len() > 1_000 && gone.is_subset(&missing), "{} {}", gone.len(), missing.len());
}
