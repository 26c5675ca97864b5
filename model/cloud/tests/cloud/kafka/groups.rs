//! Consumers share partitions, die, are missed, and what they did not commit is read again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cloud::kafka::GroupParameters;
use ports::event_log::{Partition, ProducerOptions};
use runtime::Time;

use super::support::*;

/// Who read each partition in a span of time.
fn readers(readings: &Readings, from: u64, to: u64) -> BTreeMap<Partition, BTreeSet<&'static str>> {
    let mut readers: BTreeMap<Partition, BTreeSet<&'static str>> = BTreeMap::new();
    for (at, name, event) in readings.0.borrow().iter() {
        if *at >= Time::from_secs(from) && *at < Time::from_secs(to) {
            readers.entry(event.position.partition).or_default().insert(name);
        }
    }
    readers
}

#[test]
fn two_consumers_share_the_partitions_and_a_third_takes_its_part() {
    let mut scene = Setup { partitions: 6, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(100));
    let readings = Readings::default();
    for name in ["first", "second"] {
        scene.reader(name, "a", &readings, Duration::ZERO);
    }
    scene.run(60);
    scene.reader("third", "b", &readings, Duration::ZERO);
    scene.run(120);
    let shared = readers(&readings, 20, 60);
    assert!(shared.values().all(|names| names.len() == 1), "each partition has one reader: {shared:?}");
    assert_eq!(shared.values().flatten().collect::<BTreeSet<_>>().len(), 2);
    let later = readers(&readings, 75, 120);
    assert!(later.values().all(|names| names.len() == 1), "{later:?}");
    assert!(later.values().flatten().any(|name| *name == "third"), "{later:?}");
    let seen: BTreeSet<u64> = readings.0.borrow().iter().map(|(_, _, event)| id_of(event)).collect();
    assert_eq!(seen, outcomes.acknowledged(), "an orderly rebalance misses nothing");
}

#[test]
fn a_dead_consumers_partitions_go_to_others_after_its_session_and_uncommitted_records_come_again() {
    let mut scene = Setup { partitions: 6, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(160));
    let readings = Readings::default();
    let victim = scene.reader("victim", "a", &readings, Duration::from_secs(2));
    scene.reader("survivor", "b", &readings, Duration::from_secs(2));
    let death = Time::from_secs(60);
    scene.engine.control().at(death, move |control| control.crash(victim, None));
    scene.run(200);
    let theirs: BTreeSet<Partition> =
        readers(&readings, 40, 60).into_iter().filter(|(_, names)| names.contains("victim")).map(|(p, _)| p).collect();
    assert!(!theirs.is_empty());
    let mut seen: BTreeMap<u64, Vec<(Time, &str)>> = BTreeMap::new();
    let mut resumed = Time::MAX;
    for (at, name, event) in readings.0.borrow().iter() {
        seen.entry(id_of(event)).or_default().push((*at, name));
        if *name == "survivor" && *at > death && theirs.contains(&event.position.partition) {
            resumed = resumed.min(*at);
        }
    }
    // The session, counted from the last heartbeat, and the survivor's next heartbeat and commit.
    let pause = resumed.since(death).as_secs_f64();
    assert!((42.0..52.0).contains(&pause), "{pause}\n{}", scene.watcher.story());
    let again = seen.values().filter(|times| times.len() > 1).count();
    assert!(again > 0 && again < 150, "what was polled in the last moments: {again}");
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), outcomes.acknowledged(), "none is missed");
}

#[test]
fn a_group_outlives_its_coordinator() {
    for seed in 1..=3 {
        // Written afresh so often that another coordinator has little to read.
        let groups = GroupParameters { snapshot_every: 50, ..GroupParameters::default() };
        let mut scene = Setup { seed, partitions: 6, groups, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(420));
        let readings = Readings::default();
        for name in ["first", "second"] {
            scene.reader(name, "a", &readings, Duration::ZERO);
        }
        for (number, broker) in scene.store.brokers.clone().into_iter().enumerate() {
            let at = Time::from_secs(60 + 120 * number as u64);
            scene.engine.control().at(at, move |control| control.crash(broker.process, Some(Duration::from_secs(3))));
        }
        scene.run(520);
        let seen: BTreeSet<u64> = readings.0.borrow().iter().map(|(_, _, event)| id_of(event)).collect();
        assert_eq!(seen, outcomes.acknowledged(), "{}", scene.watcher.story());
        // Members keep what they have: nothing is read twice for want of a coordinator but what was under way.
        let twice = readings.0.borrow().len() - seen.len();
        assert!(twice < 50, "{twice}\n{}", scene.watcher.story());
    }
}

#[test]
fn a_consumer_that_polls_no_more_loses_its_partitions_and_may_not_commit() {
    let groups = GroupParameters { poll_interval_max: Duration::from_secs(30), ..GroupParameters::default() };
    let mut scene = Setup { partitions: 6, groups, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(150));
    let readings = Readings::default();
    // It takes 100 s over each batch, three times what it may.
    scene.reader("slow", "a", &readings, Duration::from_secs(100));
    scene.reader("quick", "b", &readings, Duration::ZERO);
    scene.run(400);
    let late = readers(&readings, 60, 100);
    assert!(late.values().all(|names| names.len() == 1 && names.contains("quick")), "{late:?}");
    let quick: BTreeSet<u64> =
        readings.0.borrow().iter().filter(|(_, name, _)| *name == "quick").map(|(_, _, event)| id_of(event)).collect();
    assert_eq!(quick, outcomes.acknowledged(), "what the slow one did is done again\n{}", scene.watcher.story());
}
