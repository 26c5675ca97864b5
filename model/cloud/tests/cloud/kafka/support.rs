//! A small world with one cluster in it, producers that write all the time, and notes of everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use cloud::kafka::{
    BrokerParameters, Client, ClientParameters, ClusterSpec, Deployed, EnsembleParameters, GroupParameters, ServerSpec,
    TopicSpec, deploy,
};
use engine::Engine;
use ports::event_log::{
    Consumer, ConsumerOptions, Delivery, Event, EventLog, EventLogError, NewEvent, Partition, Polled, Producer,
    ProducerOptions, Progress, Start, Topic, TopicId,
};
use ports::observe::{EventPosition, Observation, PartitionLed};
use runtime::Time;
use runtime::world::ProcessId;

pub use crate::world::*;

pub const TRIPS: Topic = Topic { id: TopicId(1), name: "trips" };
pub const PERIOD: Duration = Duration::from_millis(50);

/// What to build.
pub struct Setup {
    pub seed: u64,
    pub wire_check: bool,
    pub partitions: u16,
    pub min_in_step: usize,
    pub retention: Option<Duration>,
    pub broker: BrokerParameters,
    pub client: ClientParameters,
    pub groups: GroupParameters,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            wire_check: false,
            partitions: 3,
            min_in_step: 2,
            retention: None,
            broker: BrokerParameters { unclean_election: false, ..BrokerParameters::default() },
            client: ClientParameters::default(),
            groups: GroupParameters::default(),
        }
    }
}

pub struct Scene {
    pub engine: Engine,
    pub store: Rc<Deployed>,
    pub watcher: Rc<Watcher>,
    pub client: ClientParameters,
}

impl Setup {
    pub fn build(self) -> Scene {
        let mut engine = engine(self.seed, self.wire_check);
        let watcher = Rc::new(Watcher::default());
        let broker = |(number, zone): (usize, &&str)| ServerSpec {
            name: format!("broker-{}", number + 1),
            zone: (*zone).to_owned(),
        };
        let spec = ClusterSpec {
            store: "kafka".to_owned(),
            region: REGION.to_owned(),
            brokers: ZONES.iter().enumerate().map(broker).collect(),
            ensemble_zones: ZONES.map(str::to_owned).to_vec(),
            topics: vec![TopicSpec {
                min_in_step: self.min_in_step,
                retention: self.retention,
                ..TopicSpec::new(TRIPS, self.partitions)
            }],
            broker: self.broker,
            ensemble: EnsembleParameters::default(),
            groups: self.groups,
        };
        let store = Rc::new(deploy(&mut engine, spec, watcher.clone()));
        Scene { engine, store, watcher, client: self.client }
    }
}

impl Scene {
    /// Runs `body` with a client of the cluster, in a process on a host of its own.
    pub fn client<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        zone: &str,
        body: impl Fn(Client) -> F + 'static,
    ) -> ProcessId {
        let connect = self.connecting();
        lone_process(&mut self.engine, name, zone, move || body(connect()))
    }

    /// What makes clients of the cluster.
    fn connecting(&self) -> impl Fn() -> Client + use<> {
        let (store, parameters) = (self.store.clone(), self.client.clone());
        move || store.client(parameters.clone())
    }

    /// A producer in `zone` that from the fifth second on until `until` writes a record every [`PERIOD`], each of the next of ten keys.
    pub fn writer(&mut self, name: &str, zone: &str, options: ProducerOptions, until: Time) -> Outcomes {
        let outcomes = Outcomes::default();
        let written = outcomes.clone();
        self.client(name, zone, move |client| {
            let outcomes = written.clone();
            async move {
                let producer = client.producer(options).expect("the options fit each other");
                runtime::sleep(Duration::from_secs(5)).await;
                for id in 0u64.. {
                    if runtime::now() >= until {
                        return;
                    }
                    let sent_at = runtime::now();
                    let sent = producer.send(event(id), Time::MAX);
                    let outcomes = outcomes.clone();
                    drop(runtime::spawn(async move {
                        let result = sent.await;
                        outcomes.0.borrow_mut().push(Outcome { id, sent_at, ended_at: runtime::now(), result });
                    }));
                    runtime::sleep(PERIOD).await;
                }
            }
        });
        outcomes
    }

    /// Everything that the topic holds now, as a new group reads it.
    pub fn everything(&mut self) -> Vec<Event> {
        let connect = self.connecting();
        ask(&mut self.engine, "c", Duration::from_secs(60), move || audited(connect()))
    }

    pub fn run(&mut self, seconds: u64) {
        run(&mut self.engine, seconds);
    }

    /// Who began to lead a partition, in order.
    pub fn reigns(&self) -> Vec<PartitionLed> {
        self.watcher.find(|observation| match observation {
            Observation::PartitionLed(led) => Some(led.clone()),
            _ => None,
        })
    }

    /// Records that a producer was told of.
    pub fn acknowledged(&self) -> Vec<EventPosition> {
        self.watcher.find(|observation| match observation {
            Observation::EventAcknowledged(position) => Some(position.clone()),
            _ => None,
        })
    }

    /// Acknowledged records that the last leader of their partition does not hold.
    pub fn lost(&self) -> Vec<EventPosition> {
        let last: BTreeMap<Partition, PartitionLed> =
            self.reigns().into_iter().map(|led| (led.partition, led)).collect();
        let is_lost = |position: &EventPosition| {
            let led = &last[&position.partition];
            position.epoch < led.epoch && !led.holds(position.epoch, position.offset)
        };
        self.acknowledged().into_iter().filter(is_lost).collect()
    }

    /// The broker that is to lead a partition of the topic, as its place in the deployment.
    pub fn first_replica(&self, number: u16) -> usize {
        let first = &self.store.replicas[&Partition { topic: TRIPS.id, number }][0];
        self.store.brokers.iter().position(|broker| broker.name == *first).expect("replicas are brokers")
    }
}

/// What a new group reads until nothing more comes.
async fn audited(client: Client) -> Vec<Event> {
    let mut consumer = client.consumer(of_group("audit"));
    let (mut events, mut idle) = (Vec::new(), 0);
    while idle < 2 {
        let deadline = runtime::now() + Duration::from_secs(10);
        match consumer.poll(deadline).await.expect("all is well") {
            Polled::Events(more) if more.is_empty() => idle += 1,
            Polled::Events(more) => events.extend(more),
            Polled::Assigned(_) => idle = 0,
            other => panic!("nobody else is in the group: {other:?}"),
        }
    }
    consumer.leave(Time::MAX).await.expect("all is well");
    events
}

pub fn of_group(group: &str) -> ConsumerOptions {
    ConsumerOptions { group: group.to_owned(), topics: vec![TRIPS.id], start: Start::Earliest }
}

/// The record with this number, of one of ten keys.
pub fn event(id: u64) -> NewEvent {
    NewEvent { topic: TRIPS.id, key: (id % 10).to_be_bytes().to_vec(), value: id.to_be_bytes().to_vec() }
}

/// The number of a record.
pub fn id_of(event: &Event) -> u64 {
    u64::from_be_bytes(event.value.as_slice().try_into().expect("eight bytes"))
}

/// What became of one record.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub id: u64,
    pub sent_at: Time,
    pub ended_at: Time,
    pub result: Result<Delivery, EventLogError>,
}

#[derive(Clone, Default)]
pub struct Outcomes(pub Rc<RefCell<Vec<Outcome>>>);

impl Outcomes {
    pub fn all(&self) -> Vec<Outcome> {
        self.0.borrow().clone()
    }

    pub fn acknowledged(&self) -> BTreeSet<u64> {
        self.all().iter().filter(|outcome| outcome.result.is_ok()).map(|outcome| outcome.id).collect()
    }

    /// The longest span between two successes in a partition.
    pub fn outage(&self, partition: Partition) -> Duration {
        let of_partition =
            |outcome: &Outcome| matches!(&outcome.result, Ok(delivery) if delivery.partition == partition);
        let mut ends: Vec<Time> =
            self.all().iter().filter(|outcome| of_partition(outcome)).map(|outcome| outcome.ended_at).collect();
        ends.sort_unstable();
        ends.windows(2).map(|pair| pair[1].since(pair[0])).max().expect("records are written")
    }
}

/// Of each key, the numbers rise: what was written first is read first.
pub fn assert_in_order(events: &[Event]) {
    let mut last: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for event in events {
        let id = id_of(event);
        let before = last.insert(event.key.clone(), id);
        assert!(before.is_none_or(|before| before < id), "{before:?} before {id}");
    }
}

/// What a consumer of `group` polled, with the moment and whose it was; it commits `commits_after` after each batch.
#[derive(Clone, Default)]
pub struct Readings(pub Rc<RefCell<Vec<Reading>>>);

/// When a record was polled, and by whom.
pub type Reading = (Time, &'static str, Event);

impl Scene {
    pub fn reader(
        &mut self,
        name: &'static str,
        zone: &str,
        readings: &Readings,
        commits_after: Duration,
    ) -> ProcessId {
        let readings = readings.clone();
        self.client(name, zone, move |client| {
            let readings = readings.clone();
            async move {
                let mut consumer = client.consumer(of_group("readers"));
                loop {
                    let deadline = runtime::now() + Duration::from_secs(10);
                    let Polled::Events(events) = consumer.poll(deadline).await.expect("the topic is known") else {
                        continue;
                    };
                    for event in &events {
                        readings.0.borrow_mut().push((runtime::now(), name, event.clone()));
                    }
                    runtime::sleep(commits_after).await;
                    // What is not committed is read again.
                    let _ = consumer.commit(&Progress::after(&events), runtime::now() + Duration::from_secs(60)).await;
                }
            }
        })
    }
}
