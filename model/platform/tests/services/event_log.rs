//! An event log in memory: one partition a topic, one consumer a group at a time, and everything that was read and not committed is read again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::{
    Consumer, ConsumerOptions, Delivery, Event, EventLog, EventLogError, NewEvent, Offset, Partition, Polled, Position,
    Producer, ProducerOptions, Progress, TopicId,
};
use runtime::Time;

/// How long a request takes.
const REQUEST: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Shared {
    topics: RefCell<BTreeMap<TopicId, Vec<Event>>>,
    committed: RefCell<BTreeMap<(String, TopicId), u64>>,
    up_since: Cell<Time>,
    sent: Cell<u32>,
    /// Every so many records is written and not acknowledged.
    doubt_every: Cell<Option<u32>>,
}

/// Clones are clients of the same log.
#[derive(Clone, Default)]
pub struct Tape(Rc<Shared>);

impl Tape {
    pub fn down_until(&self, up: Time) {
        self.0.up_since.set(up);
    }

    pub fn doubt(&self, every: u32) {
        self.0.doubt_every.set(Some(every));
    }

    /// The values written to a topic.
    pub fn values(&self, topic: TopicId) -> Vec<Vec<u8>> {
        self.0.topics.borrow().get(&topic).into_iter().flatten().map(|event| event.value.clone()).collect()
    }

    fn append(&self, partition: Partition, NewEvent { topic, key, value }: NewEvent) -> Offset {
        let mut topics = self.0.topics.borrow_mut();
        let records = topics.entry(topic).or_default();
        let offset = Offset(records.len() as u64);
        let position = Position { partition, offset };
        records.push(Event { position, sent_at: runtime::now(), key, value });
        offset
    }

    /// Every group reads everything again, as after a rebalance without commits.
    pub fn rewind(&self) {
        self.0.committed.borrow_mut().clear();
    }
}

impl EventLog for Tape {
    type Producer = Tape;
    type Consumer = Reader;

    fn producer(&self, _: ProducerOptions) -> Result<Tape, EventLogError> {
        Ok(self.clone())
    }

    fn consumer(&self, options: ConsumerOptions) -> Reader {
        Reader { log: self.clone(), group: options.group, topic: options.topics[0], next: 0, seen: u64::MAX }
    }
}

impl Producer for Tape {
    fn send(&self, event: NewEvent, deadline: Time) -> impl Future<Output = Result<Delivery, EventLogError>> + 'static {
        let log = self.clone();
        async move {
            runtime::sleep(REQUEST).await;
            let partition = Partition { topic: event.topic, number: 0 };
            if runtime::now() < log.0.up_since.get() {
                return Err(EventLogError::NoLeader { partition });
            }
            log.0.sent.set(log.0.sent.get() + 1);
            let offset = log.append(partition, event);
            if log.0.doubt_every.get().is_some_and(|every| log.0.sent.get().is_multiple_of(every)) {
                runtime::sleep_until(deadline).await;
                return Err(EventLogError::TimedOut);
            }
            Ok(Delivery { partition, offset: Some(offset) })
        }
    }
}

pub struct Reader {
    log: Tape,
    group: String,
    topic: TopicId,
    next: u64,
    /// What was committed when this reader last looked.
    seen: u64,
}

impl Consumer for Reader {
    async fn poll(&mut self, deadline: Time) -> Result<Polled, EventLogError> {
        loop {
            let committed = self.log.0.committed.borrow().get(&(self.group.clone(), self.topic)).copied().unwrap_or(0);
            if committed != self.seen {
                (self.next, self.seen) = (committed, committed);
            }
            let events: Vec<Event> = {
                let topics = self.log.0.topics.borrow();
                let records = topics.get(&self.topic).map_or(&[][..], Vec::as_slice);
                records.iter().skip(self.next as usize).take(10).cloned().collect()
            };
            if !events.is_empty() || runtime::now() >= deadline {
                self.next += events.len() as u64;
                return Ok(Polled::Events(events));
            }
            runtime::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn commit(&mut self, progress: &Progress, _: Time) -> Result<(), EventLogError> {
        for (partition, next) in progress.iter() {
            self.log.0.committed.borrow_mut().insert((self.group.clone(), partition.topic), next.0);
            self.seen = next.0;
        }
        Ok(())
    }

    async fn leave(self, _: Time) -> Result<(), EventLogError> {
        Ok(())
    }
}
