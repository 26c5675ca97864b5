//! What a broker answers to clients.

use std::cell::Cell;
use std::rc::Rc;

use ports::event_log::{Acks, Offset, Partition};
use runtime::call::CallContext;
use runtime::net::OpenPort;
use tokio::sync::Notify;

use super::broker::Broker;
use super::failure::Failure;
use super::log::{Record, Stamp};
use super::protocol::{CLIENT_PORT, ClientAnswer, ClientRequest, Leaders, Read};
use super::replica::Replica;

/// Numbers of producers that a broker gives out under one session.
const PRODUCERS_A_SESSION: u64 = 1 << 24;

/// Opens the port for clients.
///
/// # Panics
/// If the port is taken: two brokers share a host.
pub(super) fn open(broker: &Rc<Broker>) -> OpenPort {
    let (broker, producers) = (broker.clone(), Rc::new(Cell::new(0)));
    runtime::call::serve(CLIENT_PORT, move |request: ClientRequest, context| {
        let (broker, producers) = (broker.clone(), producers.clone());
        async move { answer(&broker, &producers, request, context).await }
    })
    .expect("a broker has its host to itself")
}

async fn answer(
    broker: &Rc<Broker>,
    producers: &Cell<u64>,
    request: ClientRequest,
    context: CallContext,
) -> ClientAnswer {
    runtime::cpu::work(broker.plan.broker.request_cpu).await;
    match request {
        ClientRequest::Metadata => ClientAnswer::Metadata(leaders(broker)),
        ClientRequest::ProducerId => match broker.registration.session() {
            // Sessions are numbered across the cluster and never again.
            Some(session) => {
                let number = producers.replace(producers.get() + 1);
                ClientAnswer::ProducerId(session * PRODUCERS_A_SESSION + number)
            }
            None => ClientAnswer::Failed(Failure::NotCoordinator),
        },
        ClientRequest::Produce { partition, acks, stamp, records } => {
            let produced = produce(broker, partition, acks, stamp, records, context).await;
            produced.unwrap_or_else(ClientAnswer::Failed)
        }
        ClientRequest::Fetch { reader, from } => fetch(broker, reader, &from, context).await,
        ClientRequest::Bounds(partition) => match leading(broker, partition) {
            Some(replica) => {
                let (start, end) = replica.bounds();
                ClientAnswer::Bounds { start, end }
            }
            None => ClientAnswer::Failed(Failure::NotLeader),
        },
        ClientRequest::Group { group, request } => broker.coordinator.answer(group, request, context.deadline).await,
    }
}

fn leaders(broker: &Broker) -> Leaders {
    let leader = |(partition, state): (&Partition, &super::cluster::PartitionState)| {
        state.leader.map(|leader| (*partition, broker.plan.client_address(leader)))
    };
    broker.cluster().partitions.iter().filter_map(leader).collect()
}

fn leading(broker: &Broker, partition: Partition) -> Option<&Rc<Replica>> {
    broker.replicas.get(&partition).filter(|replica| replica.leads().is_some())
}

async fn produce(
    broker: &Rc<Broker>,
    partition: Partition,
    acks: Acks,
    stamp: Option<Stamp>,
    records: Vec<Record>,
    context: CallContext,
) -> Result<ClientAnswer, Failure> {
    let parameters = &broker.plan.broker;
    if records.iter().any(|record| record.size_bytes() > parameters.record_bytes_max) {
        return Err(Failure::TooLarge);
    }
    broker.charge(records.iter().map(Record::size_bytes).sum()).await;
    broker.writeback.room().await;
    let replica = leading(broker, partition).ok_or(Failure::NotLeader)?;
    let min_in_step = broker.plan.topic(partition.topic).min_in_step;
    if acks == Acks::All && replica.in_step() < min_in_step {
        return Err(Failure::NotEnoughReplicas);
    }
    let appended = replica.append(stamp, records)?;
    broker.waiting.wake(partition);
    if acks == Acks::All {
        let safe = replica.safe(appended.end, appended.epoch);
        runtime::timeout(context.remaining(), safe).await.unwrap_or(Err(Failure::TimedOut))?;
        if replica.in_step() < min_in_step {
            return Err(Failure::NotEnoughReplicasAfterAppend);
        }
    }
    Ok(ClientAnswer::Produced { base: appended.base, epoch: appended.written_in })
}

/// Wakes a reader when there may be news in one of its partitions, as long as it waits.
struct Watch<'a> {
    broker: &'a Broker,
    reader: u64,
    partitions: &'a [(Partition, Offset)],
    news: Rc<Notify>,
}

impl<'a> Watch<'a> {
    fn new(broker: &'a Broker, reader: u64, partitions: &'a [(Partition, Offset)]) -> Self {
        let news = Rc::new(Notify::new());
        for (partition, _) in partitions {
            if let Some(replica) = broker.replicas.get(partition) {
                replica.watch(reader, news.clone());
            }
        }
        Watch { broker, reader, partitions, news }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        for (partition, _) in self.partitions {
            if let Some(replica) = self.broker.replicas.get(partition) {
                replica.unwatch(self.reader, &self.news);
            }
        }
    }
}

/// Answers a reader as soon as there is something for it, or after a while.
async fn fetch(broker: &Rc<Broker>, reader: u64, from: &[(Partition, Offset)], context: CallContext) -> ClientAnswer {
    let give_up = (runtime::now() + broker.plan.broker.fetch_wait).min(context.deadline);
    let mut watch = None;
    loop {
        let mut found = Vec::new();
        for &(partition, offset) in from {
            let read = broker.replicas.get(&partition).map_or(Read::NotLeader, |replica| replica.read(offset));
            if !matches!(&read, Read::Events(events) if events.is_empty()) {
                found.push((partition, read));
            }
        }
        if !found.is_empty() || runtime::now() >= give_up {
            broker.charge(found.iter().map(|(_, read)| read.size_bytes()).sum()).await;
            return ClientAnswer::Fetched(found);
        }
        // Nothing happens between the look and the wait: tasks yield only where they await.
        let watch = watch.get_or_insert_with(|| Watch::new(broker, reader, from));
        runtime::select! {
            () = watch.news.notified() => {}
            () = runtime::sleep_until(give_up) => {}
        }
    }
}
