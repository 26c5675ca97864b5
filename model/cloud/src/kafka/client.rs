//! The client of the cluster that services use: the event log's port over calls to brokers, which it finds through a few addresses.

mod brokers;
mod consumer;
mod heartbeats;
mod producer;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::{ConsumerOptions, EventLog, EventLogError, ProducerOptions, TopicId};
use ports::observe::{Name, Observer};
use runtime::net::Address;
use runtime::random::{Rng, Stream};

use super::parameters::{ClientParameters, GroupParameters};
use brokers::Brokers;

pub use consumer::Consumer;
pub use producer::Producer;

/// What a client is told of a cluster.
#[derive(Clone)]
pub(super) struct Introduction {
    pub store: Name,
    pub bootstrap: Vec<Address>,
    /// Partitions of each topic.
    pub topics: BTreeMap<TopicId, u16>,
    pub record_bytes_max: usize,
    pub groups: GroupParameters,
    pub observer: Rc<dyn Observer>,
}

struct Shared {
    introduction: Introduction,
    parameters: ClientParameters,
    brokers: Brokers,
    consumers: Cell<u64>,
    numbers: std::cell::RefCell<Stream>,
}

/// A cluster as one process sees it. Clones share its connections.
#[derive(Clone)]
pub struct Client(Rc<Shared>);

impl Client {
    /// A client of the process that calls this.
    pub(super) fn new(introduction: Introduction, parameters: ClientParameters) -> Self {
        let brokers = Brokers::new(introduction.bootstrap.clone(), parameters.clone());
        let numbers = std::cell::RefCell::new(runtime::random::stream("kafka members"));
        Client(Rc::new(Shared { introduction, parameters, brokers, consumers: Cell::new(0), numbers }))
    }

    /// A number that no other member of a group has, nor this process in another life.
    fn unique(&self) -> u64 {
        let consumer = self.0.consumers.replace(self.0.consumers.get() + 1);
        let drawn = self.0.numbers.borrow_mut().next_u64();
        runtime::random::mix(runtime::random::mix(drawn, runtime::now().0), consumer)
    }
}

impl EventLog for Client {
    type Producer = Producer;
    type Consumer = Consumer;

    fn producer(&self, options: ProducerOptions) -> Result<Producer, EventLogError> {
        Producer::new(self.clone(), options)
    }

    fn consumer(&self, options: ConsumerOptions) -> Consumer {
        Consumer::new(self.clone(), options)
    }
}
