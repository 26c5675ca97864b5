//! The producer: one queue for each partition, one batch of each queue under way at a time, tried again until its records' deadlines.
//!
//! Kafka's own client has up to five batches of a partition under way (`max.in.flight.requests.per.connection`), and without numbering may
//! write them in another order after a failure. With one at a time the order is kept either way.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::rc::Rc;

use ports::event_log::{
    Acks, Delivery, EventLogError, NewEvent, Offset, Partition, Producer as ProducerPort, ProducerOptions,
};
use ports::observe::{EventPosition, Observation};
use runtime::Time;
use tokio::sync::oneshot;

use super::Client;
use super::brokers::NoAnswer;
use crate::kafka::failure::Failure;
use crate::kafka::log::{Content, Record, Stamp};
use crate::kafka::partitioner::partition_of;
use crate::kafka::protocol::{ClientAnswer, ClientRequest};

type Outcome = Result<Delivery, EventLogError>;

/// What is known of a record while nobody has said what became of it.
#[derive(Default)]
struct Ticket {
    /// A request with it was sent, and its fate was not heard.
    may_be_written: Cell<bool>,
    last_failure: RefCell<Option<EventLogError>>,
}

impl Ticket {
    /// What to say of it when its deadline passes.
    fn expired(&self) -> EventLogError {
        match (self.may_be_written.get(), self.last_failure.take()) {
            (true, Some(failure @ EventLogError::NotEnoughReplicasAfterAppend { .. })) => failure,
            (true, _) => EventLogError::TimedOut,
            (false, failure) => failure.unwrap_or(EventLogError::Expired),
        }
    }
}

/// A record in a queue.
struct Waiting {
    record: Record,
    deadline: Time,
    ticket: Rc<Ticket>,
    done: oneshot::Sender<Outcome>,
}

/// A partition's records on their way.
struct Queue {
    partition: Partition,
    waiting: RefCell<VecDeque<Waiting>>,
    /// A task sends them.
    runs: Cell<bool>,
    /// The numbering in use, and the number of the next record.
    numbering: Cell<(u32, u64)>,
}

struct Sending {
    client: Client,
    options: ProducerOptions,
    queues: RefCell<BTreeMap<Partition, Rc<Queue>>>,
    /// The producer's number, once a broker gave it one.
    id: Cell<Option<u64>>,
    /// Held by whoever asks for that.
    asking: tokio::sync::Mutex<()>,
    /// Bytes of records that wait.
    bytes: Cell<usize>,
}

/// Writes records to a cluster. Clones share its queues.
#[derive(Clone)]
pub struct Producer(Rc<Sending>);

impl Producer {
    pub(super) fn new(client: Client, options: ProducerOptions) -> Result<Self, EventLogError> {
        if options.idempotent && options.acks != Acks::All {
            return Err(EventLogError::Options);
        }
        let (queues, id, bytes) = (RefCell::default(), Cell::new(None), Cell::new(0));
        Ok(Producer(Rc::new(Sending { client, options, queues, id, asking: tokio::sync::Mutex::new(()), bytes })))
    }

    /// Puts a record in its queue.
    fn enqueue(
        &self,
        event: NewEvent,
        deadline: Time,
    ) -> Result<(Rc<Ticket>, oneshot::Receiver<Outcome>), EventLogError> {
        let sending = &self.0;
        let shared = &sending.client.0;
        let topic = event.topic;
        let partitions = *shared.introduction.topics.get(&topic).ok_or(EventLogError::UnknownTopic { topic })?;
        let partition = Partition { topic, number: partition_of(&event.key, partitions) };
        let content = Content::Event { key: event.key, value: event.value };
        let record = Record { sent_at: runtime::now(), content };
        let (bytes, limit) = (record.size_bytes(), shared.introduction.record_bytes_max);
        if bytes > limit {
            return Err(EventLogError::RecordTooLarge { bytes, limit });
        }
        if sending.bytes.get() + bytes > shared.parameters.buffer_bytes {
            return Err(EventLogError::BufferExhausted);
        }
        sending.bytes.set(sending.bytes.get() + bytes);
        let (done, outcome) = oneshot::channel();
        let ticket = Rc::<Ticket>::default();
        let queue = sending.queue(partition);
        queue.waiting.borrow_mut().push_back(Waiting { record, deadline, ticket: ticket.clone(), done });
        if !queue.runs.replace(true) {
            let sending = sending.clone();
            drop(runtime::spawn(async move { sending.run(&queue).await }));
        }
        Ok((ticket, outcome))
    }
}

impl ProducerPort for Producer {
    fn send(&self, event: NewEvent, deadline: Time) -> impl Future<Output = Outcome> + 'static {
        let deadline = deadline.min(runtime::now() + self.0.client.0.parameters.delivery_timeout);
        let queued = self.enqueue(event, deadline);
        async move {
            let (ticket, outcome) = queued?;
            match runtime::timeout(deadline.since(runtime::now()), outcome).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) | Err(runtime::time::Elapsed) => Err(ticket.expired()),
            }
        }
    }
}

impl Sending {
    fn queue(&self, partition: Partition) -> Rc<Queue> {
        let fresh =
            || Queue { partition, waiting: RefCell::default(), runs: Cell::new(false), numbering: Cell::new((0, 0)) };
        self.queues.borrow_mut().entry(partition).or_insert_with(|| Rc::new(fresh())).clone()
    }

    /// Sends a queue's records until there are none.
    async fn run(&self, queue: &Queue) {
        loop {
            let batch = self.next_batch(queue);
            if batch.is_empty() {
                queue.runs.set(false);
                return;
            }
            self.deliver(queue, batch).await;
        }
    }

    /// The next records of a queue, as many as go together. Those whose time is up are left out.
    fn next_batch(&self, queue: &Queue) -> Vec<Waiting> {
        let mut waiting = queue.waiting.borrow_mut();
        let mut batch: Vec<Waiting> = Vec::new();
        let mut bytes = 0;
        while let Some(next) = waiting.front() {
            let size = next.record.size_bytes();
            if !batch.is_empty() && bytes + size > self.client.0.parameters.batch_bytes {
                break;
            }
            let next = waiting.pop_front().expect("it was looked at");
            self.bytes.set(self.bytes.get() - size);
            if next.deadline > runtime::now() {
                bytes += size;
                batch.push(next);
            }
        }
        batch
    }

    /// The producer's number.
    async fn id(&self, deadline: Time) -> Option<u64> {
        let _asking = self.asking.lock().await;
        if self.id.get().is_none() {
            let brokers = &self.client.0.brokers;
            for address in &self.client.0.introduction.bootstrap {
                let asked = brokers.ask(*address, ClientRequest::ProducerId, deadline).await;
                if let Ok(ClientAnswer::ProducerId(id)) = asked {
                    self.id.set(Some(id));
                    break;
                }
            }
        }
        self.id.get()
    }

    /// Tries to have a batch written until it is, or until the last deadline of its records has passed.
    async fn deliver(&self, queue: &Queue, batch: Vec<Waiting>) {
        let (partition, shared) = (queue.partition, &self.client.0);
        let deadline = batch.iter().map(|waiting| waiting.deadline).max().expect("a batch holds a record");
        let mut may_be_written = false;
        loop {
            if runtime::now() >= deadline {
                if may_be_written {
                    // Whether the leader counts these records is not known: later ones are numbered afresh.
                    queue.numbering.set((queue.numbering.get().0 + 1, 0));
                }
                return; // each caller has its deadline
            }
            let failure = match self.attempt(queue, &batch, deadline).await {
                Attempt::Done(base, epoch) => return self.succeed(queue, batch, base, epoch),
                Attempt::Sent => return self.sent(partition, batch),
                Attempt::NotWritten(failure) => failure,
                Attempt::PerhapsWritten(failure) => {
                    may_be_written = true;
                    batch.iter().for_each(|waiting| waiting.ticket.may_be_written.set(true));
                    failure
                }
                Attempt::Useless(failure) => {
                    for waiting in batch {
                        // Nobody may be waiting any more.
                        let _ = waiting.done.send(Err(failure.clone()));
                    }
                    return;
                }
            };
            for waiting in &batch {
                waiting.ticket.last_failure.replace(failure.clone());
            }
            runtime::sleep(shared.parameters.retry_backoff).await;
        }
    }

    async fn attempt(&self, queue: &Queue, batch: &[Waiting], deadline: Time) -> Attempt {
        let (partition, brokers) = (queue.partition, &self.client.0.brokers);
        let no_leader = || Attempt::NotWritten(Some(EventLogError::NoLeader { partition }));
        let stamp = match self.options.idempotent {
            true => match self.id(deadline).await {
                Some(producer) => {
                    let (epoch, sequence) = queue.numbering.get();
                    Some(Stamp { producer, epoch, sequence })
                }
                None => return Attempt::NotWritten(None),
            },
            false => None,
        };
        let Some(leader) = brokers.leader(partition, deadline).await else { return no_leader() };
        if runtime::now() >= deadline {
            return no_leader();
        }
        let records = batch.iter().map(|waiting| waiting.record.clone()).collect();
        let request = ClientRequest::Produce { partition, acks: self.options.acks, stamp, records };
        if self.options.acks == Acks::None {
            let client = self.client.clone();
            drop(runtime::spawn(async move {
                let answer = client.0.brokers.ask(leader, request, deadline).await;
                if !matches!(answer, Ok(ClientAnswer::Produced { .. })) {
                    client.0.brokers.forget(partition, leader);
                }
            }));
            return Attempt::Sent;
        }
        match brokers.ask(leader, request, deadline).await {
            Ok(ClientAnswer::Produced { base, epoch }) => Attempt::Done(base, epoch),
            Ok(ClientAnswer::Failed(failure)) => {
                if matches!(failure, Failure::NotLeader | Failure::Deposed) {
                    brokers.forget(partition, leader);
                }
                self.failed(queue, failure)
            }
            Ok(_) => Attempt::Useless(EventLogError::Protocol),
            Err(NoAnswer { sent }) => {
                brokers.forget(partition, leader);
                if sent { Attempt::PerhapsWritten(None) } else { no_leader() }
            }
        }
    }

    /// What a broker's refusal means for a batch.
    fn failed(&self, queue: &Queue, failure: Failure) -> Attempt {
        let partition = queue.partition;
        match failure {
            Failure::NotLeader => Attempt::NotWritten(Some(EventLogError::NoLeader { partition })),
            Failure::NotEnoughReplicas => Attempt::NotWritten(Some(EventLogError::NotEnoughReplicas { partition })),
            Failure::NotEnoughReplicasAfterAppend => {
                Attempt::PerhapsWritten(Some(EventLogError::NotEnoughReplicasAfterAppend { partition }))
            }
            Failure::Deposed | Failure::TimedOut => Attempt::PerhapsWritten(None),
            Failure::OutOfOrderSequence | Failure::StaleProducer => {
                // The leader misses what came before (KIP-360): a new numbering.
                queue.numbering.set((queue.numbering.get().0 + 1, 0));
                Attempt::NotWritten(None)
            }
            Failure::TooLarge
            | Failure::NotCoordinator
            | Failure::UnknownMember
            | Failure::IllegalGeneration
            | Failure::Rebalancing => Attempt::Useless(EventLogError::Protocol),
        }
    }

    /// A batch was written.
    fn succeed(&self, queue: &Queue, batch: Vec<Waiting>, base: Offset, epoch: u64) {
        let (numbering, next) = queue.numbering.get();
        queue.numbering.set((numbering, next + batch.len() as u64));
        let partition = queue.partition;
        let introduction = &self.client.0.introduction;
        for (waiting, offset) in batch.into_iter().zip((base.0..).map(Offset)) {
            let Content::Event { key, .. } = &waiting.record.content else { unreachable!("producers write events") };
            let key = key.as_slice().into();
            if waiting.done.send(Ok(Delivery { partition, offset: Some(offset) })).is_ok() {
                introduction.observer.observe(&Observation::EventAcknowledged(EventPosition {
                    store: introduction.store.clone(),
                    partition,
                    key,
                    epoch,
                    offset,
                    at: runtime::now(),
                }));
            }
        }
    }

    /// A batch left, and nobody waits for it.
    fn sent(&self, partition: Partition, batch: Vec<Waiting>) {
        for waiting in batch {
            // Nobody may be waiting any more.
            let _ = waiting.done.send(Ok(Delivery { partition, offset: None }));
        }
    }
}

/// What came of one attempt to have a batch written.
enum Attempt {
    Done(Offset, u64),
    /// It left, and is not waited for.
    Sent,
    NotWritten(Option<EventLogError>),
    PerhapsWritten(Option<EventLogError>),
    /// To try again is of no use.
    Useless(EventLogError),
}
