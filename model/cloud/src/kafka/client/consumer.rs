//! The consumer: a member of a group that reads its partitions from their leaders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use ports::event_log::{
    Consumer as ConsumerPort, ConsumerOptions, Event, EventLogError, Offset, Partition, Polled, Progress, Start,
};
use runtime::net::Address;
use runtime::{JoinHandle, Time};
use tokio::sync::mpsc;

use super::Client;
use super::brokers::NoAnswer;
use super::heartbeats::{self, Membership, Pulse, Standing};
use crate::kafka::failure::Failure;
use crate::kafka::plan::partition_of_group;
use crate::kafka::protocol::{ClientAnswer, ClientRequest, GroupRequest, Read};

/// Where a fetch began in each partition, and what it brought.
struct FetchResult {
    from: Address,
    generation: u64,
    asked: Vec<(Partition, Offset)>,
    read: Option<Vec<(Partition, Read)>>,
}

/// A membership and what it has.
struct Joined {
    membership: Membership,
    pulse: Rc<Pulse>,
    heartbeats: JoinHandle<()>,
    /// Where to read next; none until the partition's bounds are known.
    positions: BTreeMap<Partition, Place>,
    /// The consumer was told that partitions are about to be taken away.
    told: bool,
}

/// Where to read next in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    At(Offset),
    /// Nothing was committed yet.
    Unknown,
    /// The offset that was to be read is not there.
    Gone(Offset),
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.heartbeats.abort();
    }
}

/// Reads from a cluster as a member of a group.
pub struct Consumer {
    client: Client,
    options: ConsumerOptions,
    coordinator: Partition,
    member: u64,
    joined: Option<Joined>,
    /// Records that were fetched and not polled.
    fetched: VecDeque<Event>,
    /// Leaders that were asked and have not answered.
    asked: BTreeSet<Address>,
    results: mpsc::UnboundedReceiver<FetchResult>,
    sender: mpsc::UnboundedSender<FetchResult>,
}

impl Consumer {
    pub(super) fn new(client: Client, options: ConsumerOptions) -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        let coordinator = partition_of_group(&options.group, client.0.introduction.groups.partitions);
        Consumer {
            member: client.unique(),
            client,
            options,
            coordinator,
            joined: None,
            fetched: VecDeque::new(),
            asked: BTreeSet::new(),
            results,
            sender,
        }
    }

    /// Asks the group's coordinator.
    async fn ask(&self, request: GroupRequest, deadline: Time) -> Result<ClientAnswer, NoAnswer> {
        let brokers = &self.client.0.brokers;
        let Some(address) = brokers.leader(self.coordinator, deadline).await else {
            return Err(NoAnswer { sent: false });
        };
        let request = ClientRequest::Group { group: self.options.group.clone(), request };
        let answer = brokers.ask(address, request, deadline).await;
        if matches!(answer, Err(_) | Ok(ClientAnswer::Failed(Failure::NotCoordinator | Failure::Deposed))) {
            brokers.forget(self.coordinator, address);
        }
        answer
    }

    /// Becomes a member of the next generation; none if the deadline passes first.
    async fn join(&mut self, deadline: Time) -> Option<Vec<Partition>> {
        while runtime::now() < deadline {
            let request = GroupRequest::Join { member: self.member, topics: self.options.topics.clone() };
            if let Ok(ClientAnswer::Joined { generation, assignment }) = self.ask(request, deadline).await {
                return Some(self.begin(generation, assignment));
            }
            let pause = self.client.0.parameters.retry_backoff.min(deadline.since(runtime::now()));
            runtime::sleep(pause).await;
        }
        None
    }

    fn begin(&mut self, generation: u64, assignment: Vec<(Partition, Option<Offset>)>) -> Vec<Partition> {
        let membership = Membership {
            group: self.options.group.clone(),
            coordinator: self.coordinator,
            member: self.member,
            generation,
        };
        let pulse = Pulse::new();
        let heartbeats = heartbeats::keep_alive(self.client.clone(), membership.clone(), pulse.clone());
        let place = |offset: Option<Offset>| offset.map_or(Place::Unknown, Place::At);
        let positions = assignment.iter().map(|(partition, offset)| (*partition, place(*offset))).collect();
        let heartbeats = runtime::spawn(heartbeats);
        self.joined = Some(Joined { membership, pulse, heartbeats, positions, told: false });
        self.fetched.clear();
        assignment.into_iter().map(|(partition, _)| partition).collect()
    }

    /// The partitions of a membership that is over.
    fn end(&mut self) -> Vec<Partition> {
        self.fetched.clear();
        self.joined.take().map(|joined| joined.positions.keys().copied().collect()).unwrap_or_default()
    }

    /// Finds out who leads each partition, and where to read in those in which that is not known. Returns whether it is known of all.
    async fn place(&mut self, deadline: Time) -> bool {
        let Some(joined) = &mut self.joined else { return true };
        let shared = &self.client.0;
        let mut all = true;
        for (partition, place) in &mut joined.positions {
            let Some(leader) = shared.brokers.leader(*partition, deadline).await else {
                all = false;
                continue;
            };
            if matches!(place, Place::At(_)) {
                continue;
            }
            match shared.brokers.ask(leader, ClientRequest::Bounds(*partition), deadline).await {
                Ok(ClientAnswer::Bounds { start, end }) => {
                    *place = Place::At(begin_at(*place, self.options.start, start, end));
                }
                _ => {
                    shared.brokers.forget(*partition, leader);
                    all = false;
                }
            }
        }
        all
    }

    /// Asks leaders for what comes next, those that were not asked already.
    fn fetch(&mut self) {
        let Some(joined) = &self.joined else { return };
        let brokers = &self.client.0.brokers;
        let mut from: BTreeMap<Address, Vec<(Partition, Offset)>> = BTreeMap::new();
        for (partition, place) in &joined.positions {
            let Place::At(offset) = place else { continue };
            if let Some(leader) = brokers.known_leader(*partition) {
                from.entry(leader).or_default().push((*partition, *offset));
            }
        }
        for (leader, asked) in from {
            if !self.asked.insert(leader) {
                continue;
            }
            let (client, sender) = (self.client.clone(), self.sender.clone());
            let (generation, reader) = (joined.membership.generation, self.member);
            drop(runtime::spawn(async move {
                let deadline = runtime::now() + client.0.parameters.request_timeout;
                let request = ClientRequest::Fetch { reader, from: asked.clone() };
                let answer = client.0.brokers.ask(leader, request, deadline).await;
                let read = match answer {
                    Ok(ClientAnswer::Fetched(read)) => Some(read),
                    _ => None,
                };
                let found = |(_, read): &(Partition, Read)| matches!(read, Read::Events(_));
                if !read.as_ref().is_some_and(|read| read.iter().all(found)) {
                    runtime::sleep(client.0.parameters.retry_backoff).await;
                }
                // The consumer may be gone.
                let _ = sender.send(FetchResult { from: leader, generation, asked, read });
            }));
        }
    }

    /// Takes over what a fetch brought, unless the consumer has moved on.
    fn take(&mut self, result: FetchResult) {
        self.asked.remove(&result.from);
        let Some(joined) = &mut self.joined else { return };
        if joined.membership.generation != result.generation {
            return;
        }
        let brokers = &self.client.0.brokers;
        let Some(read) = result.read else {
            result.asked.iter().for_each(|(partition, _)| brokers.forget(*partition, result.from));
            return;
        };
        let asked: BTreeMap<Partition, Offset> = result.asked.into_iter().collect();
        for (partition, read) in read {
            let Some(place) = joined.positions.get_mut(&partition) else { continue };
            let Some(&offset) = asked.get(&partition).filter(|offset| *place == Place::At(**offset)) else { continue };
            match read {
                Read::Events(events) => {
                    if let Some(last) = events.last() {
                        *place = Place::At(last.position.offset.next());
                    }
                    self.fetched.extend(events);
                }
                Read::OutOfRange => *place = Place::Gone(offset),
                Read::NotLeader => brokers.forget(partition, result.from),
            }
        }
    }

    /// What happened to the membership that the caller must hear of; none if it goes on.
    async fn news(&mut self, deadline: Time) -> Option<Polled> {
        match self.joined.as_ref().map(|joined| (joined.pulse.standing(), joined.told)) {
            Some((Standing::Steady, _)) => None,
            Some((Standing::Rebalancing, false)) => {
                let joined = self.joined.as_mut().expect("it was looked at");
                joined.told = true;
                Some(Polled::Revoking(joined.positions.keys().copied().collect()))
            }
            Some((Standing::Lost, _)) => {
                self.member = self.client.unique();
                Some(Polled::Lost(self.end()))
            }
            Some((Standing::Rebalancing, true)) | None => {
                self.end();
                Some(self.join(deadline).await.map_or_else(|| Polled::Events(Vec::new()), Polled::Assigned))
            }
        }
    }
}

/// Where a reader begins in a partition that spans `start..end`.
fn begin_at(place: Place, policy: Start, start: Offset, end: Offset) -> Offset {
    match (place, policy) {
        (Place::At(offset), _) => offset,
        // Too old is gone for its age; too new was lost by an unclean election (KIP-320: it goes on where the logs part).
        (Place::Gone(offset), _) => offset.clamp(start, end),
        (Place::Unknown, Start::Earliest) => start,
        (Place::Unknown, Start::Latest) => end,
    }
}

impl ConsumerPort for Consumer {
    async fn poll(&mut self, deadline: Time) -> Result<Polled, EventLogError> {
        let known = &self.client.0.introduction.topics;
        if let Some(topic) = self.options.topics.iter().find(|topic| !known.contains_key(topic)) {
            return Err(EventLogError::UnknownTopic { topic: *topic });
        }
        loop {
            if let Some(joined) = &self.joined {
                joined.pulse.polled();
            }
            if let Some(news) = self.news(deadline).await {
                return Ok(news);
            }
            if !self.fetched.is_empty() {
                let count = self.fetched.len().min(self.client.0.parameters.poll_records_max);
                return Ok(Polled::Events(self.fetched.drain(..count).collect()));
            }
            if runtime::now() >= deadline {
                return Ok(Polled::Events(Vec::new()));
            }
            let placed = self.place(deadline).await;
            self.fetch();
            let Joined { pulse, positions, .. } = self.joined.as_ref().expect("it has joined");
            let pulse = pulse.clone();
            // Where leaders are unknown, nothing wakes this consumer but another look. One that has no partition waits for another membership.
            let idle = placed && (positions.is_empty() || !self.asked.is_empty());
            let look =
                if idle { deadline } else { deadline.min(runtime::now() + self.client.0.parameters.retry_backoff) };
            let result = runtime::select! {
                result = self.results.recv() => result,
                () = pulse.changes(Standing::Steady) => None,
                () = runtime::sleep_until(look) => None,
            };
            if let Some(result) = result {
                self.take(result);
            }
        }
    }

    async fn commit(&mut self, progress: &Progress, deadline: Time) -> Result<(), EventLogError> {
        if progress.is_empty() {
            return Ok(());
        }
        let joined = self.joined.as_ref().filter(|joined| joined.pulse.standing() != Standing::Lost);
        let Some(joined) = joined else { return Err(EventLogError::Fenced) };
        let Membership { member, generation, .. } = joined.membership;
        let offsets: Vec<(Partition, Offset)> = progress.iter().collect();
        let mut sent = false;
        while runtime::now() < deadline {
            let request = GroupRequest::Commit { member, generation, offsets: offsets.clone() };
            match self.ask(request, deadline).await {
                Ok(ClientAnswer::Done) => return Ok(()),
                Ok(ClientAnswer::Failed(Failure::UnknownMember | Failure::IllegalGeneration)) => {
                    if let Some(joined) = &self.joined {
                        joined.pulse.set(Standing::Lost);
                    }
                    return Err(EventLogError::Fenced);
                }
                Ok(ClientAnswer::Failed(Failure::Rebalancing)) => return Err(EventLogError::Rebalancing),
                Ok(ClientAnswer::Failed(Failure::Deposed)) => sent = true,
                Ok(ClientAnswer::Failed(_)) => {}
                Ok(_) => return Err(EventLogError::Protocol),
                Err(NoAnswer { sent: left }) => sent |= left,
            }
            let pause = self.client.0.parameters.retry_backoff.min(deadline.since(runtime::now()));
            runtime::sleep(pause).await;
        }
        Err(if sent { EventLogError::TimedOut } else { EventLogError::CoordinatorUnavailable })
    }

    async fn leave(self, deadline: Time) -> Result<(), EventLogError> {
        if self.joined.is_none() {
            return Ok(());
        }
        match self.ask(GroupRequest::Leave { member: self.member }, deadline).await {
            Ok(_) => Ok(()),
            Err(_) => Err(EventLogError::CoordinatorUnavailable),
        }
    }
}
