//! Followers fall behind and catch up; producers try again.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloud::kafka::{BrokerParameters, ClientParameters};
use ports::event_log::{Acks, EventLog, NewEvent, Producer, ProducerOptions};
use ports::observe::Observation;
use runtime::Time;
use runtime::world::VolumeSpec;

use super::support::*;

#[test]
fn a_follower_that_stands_still_is_out_of_step_after_30_to_45_s_and_back_when_it_has_caught_up() {
    for seed in 1..=4 {
        let mut scene = Setup { seed, ..Setup::default() }.build();
        let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(160));
        let operator = scene.store.operator.clone();
        let held = Time::from_secs(40) + Duration::from_millis(seed * 2_111);
        let freed = Time::from_secs(120);
        scene.engine.control().at(held, move |_| operator.hold_replication("broker-2", freed).unwrap());
        scene.run(200);
        let left = scene.watcher.in_state("replica out of step");
        assert!(!left.is_empty() && left.iter().all(|state| state.detail.starts_with("broker-2")));
        for state in &left {
            let after = state.at.since(held).as_secs_f64();
            assert!((30.0..45.5).contains(&after), "{after}\n{}", scene.watcher.story());
        }
        let back = scene.watcher.in_state("replica in step");
        assert!(
            !back.is_empty() && back.iter().all(|state| state.at >= freed && state.at < freed + Duration::from_secs(5))
        );
        assert_eq!(outcomes.acknowledged().len(), outcomes.all().len(), "writers wait, and no more");
        assert_eq!(scene.lost(), []);
    }
}

#[test]
fn what_a_producer_sends_again_is_written_once_only_if_it_numbers() {
    let copies = |idempotent| {
        let client = ClientParameters { request_timeout: Duration::from_secs(2), ..ClientParameters::default() };
        let mut scene = Setup { partitions: 1, client, ..Setup::default() }.build();
        let options = ProducerOptions { acks: Acks::All, idempotent };
        let outcomes = scene.writer("writer", "c", options, Time::from_secs(80));
        let leader = scene.store.brokers[scene.first_replica(0)].process;
        // For five seconds the leader answers nothing; then it does all that it was asked.
        for second in [20, 40, 60] {
            scene.engine.control().at(Time::from_secs(second), move |control| control.pause(leader));
            scene.engine.control().at(Time::from_secs(second + 5), move |control| control.resume(leader));
        }
        scene.run(120);
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        for event in scene.everything() {
            *counts.entry(id_of(&event)).or_default() += 1;
        }
        assert_eq!(counts.len(), outcomes.all().len(), "none is missing\n{}", scene.watcher.story());
        counts.into_values().max().unwrap()
    };
    assert_eq!(copies(true), 1);
    assert!(copies(false) > 1);
}

#[test]
fn a_stale_replica_that_leads_makes_a_numbering_producer_begin_anew() {
    let broker = BrokerParameters { unclean_election: true, ..BrokerParameters::default() };
    let mut scene = Setup { partitions: 1, min_in_step: 1, broker, ..Setup::default() }.build();
    let leader = scene.store.brokers[scene.first_replica(0)].clone();
    let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(180));
    let operator = scene.store.operator.clone();
    let death = Time::from_secs(100);
    let names: Vec<_> = scene.store.brokers.iter().map(|broker| broker.name.clone()).collect();
    scene.engine.control().at(Time::from_secs(30), move |_| {
        names.iter().for_each(|name| operator.hold_replication(name, death).unwrap());
    });
    scene.engine.control().at(death, move |control| control.crash(leader.process, Some(Duration::from_secs(60))));
    scene.run(260);
    let after = |outcome: &Outcome| outcome.sent_at > death + Duration::from_secs(25);
    assert!(outcomes.all().iter().filter(|outcome| after(outcome)).all(|outcome| outcome.result.is_ok()));
    assert!(!scene.lost().is_empty());
    // The old leader is a follower now and has thrown away what the new one lacks.
    let cut = scene.watcher.find(|observation| match observation {
        Observation::EventsTruncated { from, to, .. } => Some(to.0 - from.0),
        _ => None,
    });
    let cut: u64 = cut.into_iter().sum();
    assert!(cut >= scene.lost().len() as u64, "{cut}\n{}", scene.watcher.story());
}

#[test]
fn what_is_old_goes_and_readers_begin_behind_it() {
    let broker = BrokerParameters { retention_check: Duration::from_secs(10), ..BrokerParameters::default() };
    let retention = Some(Duration::from_secs(60));
    let mut scene = Setup { partitions: 1, retention, broker, ..Setup::default() }.build();
    let outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(120));
    scene.run(125);
    let now = scene.engine.control().now();
    let ids: Vec<u64> = scene.everything().iter().map(id_of).collect();
    let oldest = outcomes.all().iter().filter(|outcome| ids.contains(&outcome.id)).map(|outcome| outcome.sent_at).min();
    let age = now.since(oldest.unwrap()).as_secs_f64();
    // A minute, a check, and whatever the auditor took to come.
    assert!((45.0..71.0).contains(&age), "{age}");
    assert_eq!(ids.last().copied(), outcomes.acknowledged().last().copied());
    assert_eq!(scene.lost(), []);
}

#[test]
fn a_volume_that_is_too_slow_makes_writers_wait() {
    let megabytes_written_in = |bytes_per_s| {
        let volume = VolumeSpec { iops: 3_000, throughput_bytes_per_s: bytes_per_s, flush: Duration::from_millis(1) };
        let broker = BrokerParameters { volume, dirty_bytes_max: 2 << 20, ..BrokerParameters::default() };
        let mut scene = Setup { partitions: 1, broker, ..Setup::default() }.build();
        let last = Rc::new(Cell::new(Time::ZERO));
        let noted = last.clone();
        scene.client("bulk", "c", move |client| {
            let noted = noted.clone();
            async move {
                runtime::sleep(Duration::from_secs(5)).await;
                let producer = client.producer(ProducerOptions::default()).unwrap();
                let large = |id| NewEvent { value: vec![0; 500_000], ..event(id) };
                let sent: Vec<_> = (0..40).map(|id| producer.send(large(id), Time::MAX)).collect();
                for sent in sent {
                    sent.await.expect("there is time");
                }
                noted.set(runtime::now());
            }
        });
        scene.run(100);
        last.get().since(Time::from_secs(5)).as_secs_f64()
    };
    let (quick, slow) = (megabytes_written_in(125 << 20), megabytes_written_in(1 << 20));
    // Twenty megabytes, of which all but what may wait in memory have to be written.
    assert!(quick < 3.0, "{quick}");
    assert!((14.0..25.0).contains(&slow), "{slow}");
}
