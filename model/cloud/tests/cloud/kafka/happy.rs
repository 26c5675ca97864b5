//! All is well: records arrive once, in order, and an idle cluster is quiet.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::{Acks, EventLog, EventLogError, NewEvent, Producer, ProducerOptions, TopicId};
use runtime::Time;

use super::support::*;

#[test]
fn what_is_written_is_read_once_and_in_the_order_of_its_key() {
    let mut scene = Setup::default().build();
    let outcomes = scene.writer("writer", "b", ProducerOptions::default(), Time::from_secs(35));
    scene.run(40);
    assert_eq!(outcomes.acknowledged().len(), 600, "{}", scene.watcher.story());
    let slowest = outcomes.all().iter().map(|outcome| outcome.ended_at.since(outcome.sent_at)).max();
    assert!(slowest.unwrap() < Duration::from_millis(50), "{slowest:?}");
    let events = scene.everything();
    assert_in_order(&events);
    assert_eq!(events.len(), 600);
    assert!(events.iter().all(|event| outcomes.acknowledged().contains(&id_of(event))));
    let partitions: std::collections::BTreeSet<_> = events.iter().map(|event| event.position.partition).collect();
    assert!(partitions.len() > 1, "keys are spread");
    assert_eq!(scene.acknowledged().len(), 600);
    assert_eq!(scene.lost(), []);
}

#[test]
fn an_idle_cluster_costs_its_heartbeats() {
    let mut scene = Setup { partitions: 12, ..Setup::default() }.build();
    scene.run(60);
    let before = scene.engine.control().events();
    scene.run(660);
    let per_second = (scene.engine.control().events() - before) as f64 / 600.0;
    // Nine heartbeats in six seconds, six fetches in five, each some six events, and now and then a look at lags and ages.
    assert!(per_second < 25.0, "{per_second}");
}

#[test]
fn a_reader_without_a_partition_costs_its_heartbeats() {
    let per_second = |names: &[&'static str]| {
        let mut scene = Setup { partitions: 1, ..Setup::default() }.build();
        let readings = Readings::default();
        for name in names {
            scene.reader(name, "a", &readings, Duration::ZERO);
        }
        scene.run(60);
        let before = scene.engine.control().events();
        scene.run(660);
        (scene.engine.control().events() - before) as f64 / 600.0
    };
    let (alone, beside) = (per_second(&["first"]), per_second(&["first", "second"]));
    // A heartbeat in three seconds is a timer, a question and an answer; and twice in ten seconds it looks up.
    assert!(beside - alone < 2.0, "{alone} and {beside}");
}

#[test]
fn senders_are_told_what_cannot_be_sent() {
    let mut scene = Setup::default().build();
    let errors = Rc::new(RefCell::new(Vec::new()));
    let noted = errors.clone();
    scene.client("misled", "a", move |client| {
        let noted = noted.clone();
        async move {
            let contradiction = ProducerOptions { acks: Acks::Leader, idempotent: true };
            noted.borrow_mut().push(client.producer(contradiction).err());
            let producer = client.producer(ProducerOptions::default()).unwrap();
            let unknown = NewEvent { topic: TopicId(99), ..event(0) };
            let large = NewEvent { value: vec![0; 2 << 20], ..event(0) };
            for event in [unknown, large] {
                let sent = producer.send(event, Time::from_secs(60)).await;
                noted.borrow_mut().push(sent.err());
            }
            let in_the_past = producer.send(event(1), Time::ZERO).await;
            noted.borrow_mut().push(in_the_past.err());
        }
    });
    scene.run(20);
    let limit = 1_048_588;
    let expected = [
        EventLogError::Options,
        EventLogError::UnknownTopic { topic: TopicId(99) },
        EventLogError::RecordTooLarge { bytes: (2 << 20) + 8 + 7, limit },
        EventLogError::Expired,
    ];
    assert_eq!(*errors.borrow(), expected.map(Some));
    assert_eq!(scene.everything(), [], "what expired is not written later");
}

#[test]
fn the_same_seed_is_the_same_run_whether_frames_move_or_are_serialised() {
    assert_reproducible(|seed, wire_check| {
        let mut scene = Setup { seed, wire_check, ..Setup::default() }.build();
        let _outcomes = scene.writer("writer", "c", ProducerOptions::default(), Time::from_secs(90));
        let readings = Readings::default();
        scene.reader("reader", "b", &readings, Duration::ZERO);
        let host = scene.store.brokers[0].host;
        scene.engine.control().at(Time::from_secs(30), move |control| control.power_off(host));
        scene.engine.control().at(Time::from_secs(60), move |control| control.power_on(host));
        scene.run(300);
        trail(&scene.engine, &scene.watcher)
    });
}
