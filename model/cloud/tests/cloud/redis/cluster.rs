//! Cluster mode on: primaries that fail, are cut off, or fall behind.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::redis::{ClusterParameters, Mode, ServerParameters};
use ports::cache::{Cache, CacheError};
use ports::observe::Mark;
use runtime::Time;

use super::support::*;

const PERIOD: Duration = Duration::from_millis(20);

fn assert_loss_is_named(scene: &mut Scene, outcomes: &Outcomes) -> usize {
    let missing = scene.missing(outcomes.acknowledged());
    assert_eq!(missing, scene.lost(), "{}", scene.watcher.story());
    missing.len()
}

#[test]
fn a_zone_without_power_costs_a_third_of_the_keys_an_election_and_hardly_a_write() {
    let mut lost = 0;
    for seed in 1..=6 {
        let mut scene = Setup { seed, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        let onset = Time::from_secs(60) + Duration::from_millis(seed * 377);
        power_off_zone(&scene.engine, "a", onset, None);
        scene.run(180);
        let phases = scene.watcher.phases_after(onset);
        // A ping that is unanswered for the node time-out; the ping may be half of one late.
        let detected = phases[0].since(onset).as_secs_f64();
        assert!((15.0..27.0).contains(&detected), "{detected}\n{}", scene.watcher.story());
        let elected = phases[1].since(phases[0]).as_secs_f64();
        assert!((0.5..1.2).contains(&elected), "{elected}\n{}", scene.watcher.story());
        let outage = outcomes.outage_around(onset).as_secs_f64();
        assert!((15.0..32.0).contains(&outage), "{outage} {:?}\n{}", outcomes.errors(), scene.watcher.story());
        // Two thirds of the keys are served all along.
        let served = outcomes.acknowledged_between(onset + Duration::from_secs(3), phases[0]).len() as f64;
        let offered = phases[0].since(onset).as_secs_f64() * 50.0;
        assert!((0.4..0.75).contains(&(served / offered)), "{served} of {offered}");
        lost += assert_loss_is_named(&mut scene, &outcomes);
    }
    assert!(lost <= 6, "fifty a second, a third of them, less than a millisecond behind: {lost}");
}

#[test]
fn a_replica_that_was_held_back_loses_exactly_what_had_not_reached_it() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let operator = scene.store.operator.clone();
    let (stalled, onset) = (Time::from_secs(50), Time::from_secs(60));
    scene.engine.control().at(stalled, move |_| {
        operator.hold_replication("redis-0-1", Duration::MAX, Time::MAX).unwrap();
        assert!(operator.hold_replication("redis-9-9", Duration::ZERO, Time::MAX).is_err());
    });
    power_off_zone(&scene.engine, "a", onset, None);
    scene.run(180);
    let missing = assert_loss_is_named(&mut scene, &outcomes);
    // A third of ten seconds of fifty writes.
    assert!((120..220).contains(&missing), "{missing}");
    let window = outcomes.acknowledged_between(stalled, onset + Duration::from_millis(5));
    assert!(scene.lost().is_subset(&window));
}

#[test]
fn a_primary_on_the_minority_side_acknowledges_until_the_node_timeout_and_all_of_it_is_lost() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    // A neighbour of the primary in its zone goes on talking to it.
    let inside = scene.writer("neighbour", "a", "n", PERIOD);
    let (onset, healed) = (Time::from_secs(60), Time::from_secs(120));
    cut_off_zone(&scene.engine, "a", onset, healed);
    scene.run(240);
    let refused = inside.0.borrow().iter().find(|outcome| outcome.2 == Err(CacheError::ClusterDown)).map(|of| of.1);
    let until_refusal = refused.expect("the minority stops serving").since(onset).as_secs_f64();
    assert!((14.0..27.0).contains(&until_refusal), "{until_refusal}\n{}", scene.watcher.story());
    // Zone a also holds a replica of another shard, whose primary is elsewhere: only shard 0 is served inside.
    let promised = inside.acknowledged_between(onset + Duration::from_millis(10), healed).len();
    assert!(promised > 100, "{promised}");
    let both = Outcomes::default();
    both.0.borrow_mut().extend(outcomes.0.borrow().iter().cloned());
    both.0.borrow_mut().extend(inside.0.borrow().iter().cloned());
    let lost = assert_loss_is_named(&mut scene, &both);
    assert!(lost >= promised, "{lost} of {promised}\n{}", scene.watcher.story());
    assert!(lost <= promised + 3, "{lost} of {promised}\n{}", scene.watcher.story());
    assert!(scene.watcher.story().contains("redis-0-0 follows redis-0-1 from now on"), "{}", scene.watcher.story());
    // For a while two servers accepted writes to one shard.
    let writable = scene.watcher.writable();
    let span = |name: &str| writable.iter().find(|span| span.node == name).expect("it reigned");
    assert!(span("redis-0-0").to > span("redis-0-1").from, "{writable:?}");
}

#[test]
fn a_shard_without_replicas_takes_its_slots_with_it() {
    let run = |require_full_coverage| {
        let mode = Mode::Cluster(ClusterParameters { require_full_coverage, ..ClusterParameters::default() });
        let mut scene = Setup { mode, replicas: 0, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        let (onset, back) = (Time::from_secs(60), Time::from_secs(180));
        power_off_zone(&scene.engine, "a", onset, Some(back));
        scene.run(330);
        let share = |from, to| {
            let offered = 50 * (to - from);
            outcomes.acknowledged_between(Time::from_secs(from), Time::from_secs(to)).len() as f64 / offered as f64
        };
        let served = [share(30, 60), share(100, 180), share(300, 330)];
        let lost = assert_loss_is_named(&mut scene, &outcomes);
        // It comes back with nothing: a third of fifty-five seconds of fifty writes.
        assert!((700..1_150).contains(&lost), "{lost}\n{}", scene.watcher.story());
        served
    };
    let [before, during, after] = run(false);
    assert!(before > 0.99 && (0.6..0.72).contains(&during) && after > 0.99, "{before} {during} {after}");
    let [before, during, after] = run(true);
    assert!(before > 0.99 && during < 0.01 && after > 0.99, "{before} {during} {after}");
}

#[test]
fn two_shards_are_no_majority_when_one_is_gone() {
    let mut scene = Setup { shards: 2, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    power_off_zone(&scene.engine, "a", Time::from_secs(60), None);
    scene.run(240);
    let late = outcomes.acknowledged_between(Time::from_secs(120), Time::from_secs(240));
    assert!(late.is_empty(), "one primary of two elects nobody and serves nobody: {}", late.len());
    assert_eq!(scene.watcher.marks(Mark::Decided), []);
}

#[test]
fn a_restarted_primary_takes_what_its_replica_had_with_it() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let primary = named(&scene.engine, "redis-0-0");
    scene.engine.control().at(Time::from_secs(60), move |control| {
        control.crash(primary, Some(Duration::from_secs(1)));
    });
    scene.run(120);
    // Back before anybody noticed, with nothing, and the replica follows it there.
    let writable: Vec<String> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
    assert_eq!(writable.iter().filter(|name| name.starts_with("redis-0")).count(), 2, "{writable:?}");
    assert!(!writable.contains(&"redis-0-1".to_owned()));
    let lost = assert_loss_is_named(&mut scene, &outcomes);
    assert!((700..1_150).contains(&lost), "{lost}\n{}", scene.watcher.story());
}

#[test]
fn an_operator_has_a_replica_take_over_within_moments() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "c", "w", PERIOD);
    let operator = scene.store.operator.clone();
    scene.engine.control().at(Time::from_secs(60), move |_| operator.fail_over("redis-0-0").unwrap());
    scene.run(120);
    let writable: Vec<String> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
    assert!(writable.contains(&"redis-0-1".to_owned()), "{}", scene.watcher.story());
    assert!(outcomes.outage_around(Time::from_secs(60)) < Duration::from_secs(2), "{:?}", outcomes.errors());
    assert!(assert_loss_is_named(&mut scene, &outcomes) <= 2);
}

#[test]
fn of_two_replicas_the_one_with_more_data_takes_over() {
    for behind in ["redis-0-1", "redis-0-2"] {
        let mut scene = Setup { replicas: 2, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", "w", PERIOD);
        let operator = scene.store.operator.clone();
        scene.engine.control().at(Time::from_secs(50), move |_| {
            operator.hold_replication(behind, Duration::MAX, Time::MAX).unwrap();
        });
        power_off_zone(&scene.engine, "a", Time::from_secs(60), None);
        scene.run(180);
        let successor = if behind == "redis-0-1" { "redis-0-2" } else { "redis-0-1" };
        let writable: Vec<String> = scene.watcher.writable().into_iter().map(|span| span.node).collect();
        assert!(writable.contains(&successor.to_owned()), "{behind}\n{}", scene.watcher.story());
        assert!(assert_loss_is_named(&mut scene, &outcomes) <= 2);
    }
}

#[test]
fn the_same_seed_is_the_same_run_whether_frames_move_or_are_serialised() {
    assert_reproducible(|seed, wire_check| {
        let server = ServerParameters { backlog_bytes: 2_000, ..ServerParameters::default() };
        let mut scene = Setup { seed, wire_check, server, ..Setup::default() }.build();
        let _outcomes = scene.writer("writer", "c", "w", PERIOD);
        power_off_zone(&scene.engine, "a", Time::from_secs(30), Some(Time::from_secs(60)));
        scene.run(240);
        assert!(scene.watcher.story().contains("full resynchronisation"));
        trail(&scene.engine, &scene.watcher)
    });
}

#[test]
fn what_is_published_goes_through_another_member_once_one_was_silent() {
    let mut scene = Setup::default().build();
    let published = Rc::new(RefCell::new(Vec::new()));
    let noted = published.clone();
    scene.client("speaker", "c", move |client| {
        let published = noted.clone();
        async move {
            runtime::sleep(Duration::from_secs(10)).await;
            loop {
                let at = runtime::now();
                let outcome = client.publish("news", "word", at + Duration::from_secs(1)).await;
                published.borrow_mut().push((at, outcome));
                runtime::sleep(Duration::from_millis(500)).await;
            }
        }
    });
    let (lost_at, member) = (Time::from_secs(20), scene.store.servers[0].host);
    scene.engine.control().at(lost_at, move |control| control.power_off(member));
    // It is not replaced before a node time-out of 15 s is over.
    scene.run(32);
    let published = published.borrow();
    let (before, since): (Vec<_>, Vec<_>) = published.iter().partition(|(at, _)| *at < lost_at);
    assert!(!before.is_empty() && before.iter().all(|(_, outcome)| outcome.is_ok()), "{before:?}");
    let failed = since.iter().filter(|(_, outcome)| outcome.is_err()).count();
    assert!(since.len() > 15 && failed == 1, "{since:?}");
}
