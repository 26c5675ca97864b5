//! The outbox relay: tells the event log what the database has committed, each trip's events in their order, at least once.
//!
//! One replica at a time holds the lease and works; the others look whether it still does. An event is marked as published after the log has
//! acknowledged it, so one that was sent before a crash is sent again: consumers remember what they did.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::database::{Database, Transaction};
use ports::event_log::{EventLog, EventLogError, NewEvent, Producer, ProducerOptions, Topic, TopicId};
use runtime::call::CallContext;
use runtime::random::{RngExt, stream};

use super::clock::{now_ns, span_ns};
use super::transaction::{Failure, Store, update};
use super::{Config, server};
use crate::domain::ids::TripId;
use crate::domain::lease::Holder;
use crate::domain::schema::{Lease, OutboxEntry};

/// Where domain events are written. The key is the trip, so that one partition has all of a trip's events, in order.
pub const TRIP_EVENTS: Topic = Topic { id: TopicId(1), name: "trip-events" };

/// The lease's number among all leases.
const LEASE: i64 = 1;

/// Runs one replica.
///
/// # Errors
/// The event log refuses the relay's options.
pub async fn run<D: Database, L: EventLog>(config: Rc<Config>, database: D, log: L) -> Result<(), EventLogError> {
    let producer = log.producer(ProducerOptions::default())?;
    let holder = Holder(stream("relay.holder").random());
    let relay = Relay { store: Store::new(database, &config.calls), config: config.clone(), producer, holder };
    let _ports = server::health_only(&config);
    let mut waits = stream("relay.waits");
    loop {
        // While there is more, it goes on at once.
        if relay.round().await == Round::More {
            continue;
        }
        let interval_ns = runtime::time::nanos(config.relay_interval).max(4);
        let wait_ns = waits.random_range(interval_ns * 3 / 4..=interval_ns * 5 / 4);
        runtime::sleep(std::time::Duration::from_nanos(wait_ns)).await;
    }
}

struct Relay<D, P> {
    config: Rc<Config>,
    store: Store<D>,
    producer: P,
    holder: Holder,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    More,
    /// Nothing is left, another replica works, or something that is needed is away.
    Rest,
}

impl<D: Database, P: Producer> Relay<D, P> {
    async fn round(&self) -> Round {
        let read = async |transaction: &mut D::Transaction| self.read(transaction).await;
        let Ok(entries) = self.store.run(&mut self.background(), read).await else { return Round::Rest };
        let full = entries.len() == self.config.batch as usize;
        let published = self.publish(by_trip(entries)).await;
        if published.is_empty() {
            return Round::Rest;
        }
        runtime::fault_point!("relay.after_send");
        let mark = async |transaction: &mut D::Transaction| mark(transaction, &published).await;
        match self.store.run(&mut self.background(), mark).await {
            Ok(()) if full => Round::More,
            _ => Round::Rest,
        }
    }

    /// Takes or renews the lease; with it, the events that have waited for longest.
    async fn read(&self, transaction: &mut D::Transaction) -> Result<Vec<OutboxEntry>, Failure> {
        let (stored, now_ns) = (transaction.get::<Lease>(LEASE).await?, now_ns());
        let until_ns = now_ns + span_ns(self.config.relay_lease);
        let Some(lease) = Lease::take(LEASE, stored.as_ref(), self.holder, until_ns, now_ns) else {
            return Ok(Vec::new());
        };
        let waiting: Vec<OutboxEntry> =
            transaction.scan(OutboxEntry::BY_PUBLICATION, None::<i64>, self.config.batch).await?;
        match stored {
            None => transaction.insert(&lease).await?,
            // A lease is renewed when half of it is over: an idle relay writes little.
            Some(held) if held.holder == lease.holder && held.until_ns - now_ns > (until_ns - now_ns) / 2 => {}
            Some(_) => {
                let current = transaction.get_for_update::<Lease>(LEASE).await?;
                if current != stored {
                    return Ok(Vec::new());
                }
                update(transaction, &lease).await?;
            }
        }
        self.without_gaps(transaction, waiting).await
    }

    /// Leaves out the events of trips of which an earlier one waits and is not among these: clocks of hosts differ, so a batch may lack it.
    async fn without_gaps(
        &self,
        transaction: &mut D::Transaction,
        waiting: Vec<OutboxEntry>,
    ) -> Result<Vec<OutboxEntry>, Failure> {
        let mut whole = Vec::with_capacity(waiting.len());
        for (trip, events) in by_trip(waiting) {
            let mut next = events[0].sequence;
            // One that is not there was published, and went.
            let before = transaction.get::<OutboxEntry>((trip, next - 1)).await?;
            if before.is_some_and(|before| before.published_at_ns.is_none()) {
                continue;
            }
            for event in events {
                if event.sequence != next {
                    break;
                }
                next += 1;
                whole.push(event);
            }
        }
        Ok(whole)
    }

    /// Sends trips' events, the trips beside each other and each one's events one after the other; those that were acknowledged.
    async fn publish(&self, trips: BTreeMap<TripId, Vec<OutboxEntry>>) -> Vec<OutboxEntry> {
        let deadline = self.background().deadline;
        let published: Rc<RefCell<Vec<OutboxEntry>>> = Rc::default();
        let sending: Vec<_> = trips
            .into_values()
            .map(|events| {
                let (producer, published) = (self.producer.clone(), published.clone());
                runtime::spawn(async move {
                    for event in events {
                        let (topic, key) = (TRIP_EVENTS.id, key_of(event.trip_id).to_vec());
                        let sent = producer.send(NewEvent { topic, key, value: event.payload.clone() }, deadline).await;
                        // What follows waits for this one: the next round tries again.
                        if sent.is_err() {
                            return;
                        }
                        published.borrow_mut().push(event);
                    }
                })
            })
            .collect();
        for sending in sending {
            sending.await;
        }
        published.take()
    }

    fn background(&self) -> CallContext {
        CallContext::within(self.config.background_limit, self.config.calls.background_retries)
    }
}

/// The key of a trip's records.
fn key_of(trip: TripId) -> [u8; 8] {
    trip.0.to_be_bytes()
}

/// The trip that a record with this key is about; none if it is about no trip.
#[must_use]
pub fn trip_of(key: &[u8]) -> Option<TripId> {
    key.try_into().ok().map(|bytes| TripId(i64::from_be_bytes(bytes)))
}

/// Events by their trips, each trip's in order.
fn by_trip(entries: Vec<OutboxEntry>) -> BTreeMap<TripId, Vec<OutboxEntry>> {
    let mut trips: BTreeMap<TripId, Vec<OutboxEntry>> = BTreeMap::new();
    for entry in entries {
        trips.entry(entry.trip_id).or_default().push(entry);
    }
    trips.values_mut().for_each(|events| events.sort_by_key(|event| event.sequence));
    trips
}

async fn mark<X: Transaction>(transaction: &mut X, published: &[OutboxEntry]) -> Result<(), Failure> {
    let published_at_ns = Some(now_ns());
    for entry in published {
        // Another relay that thought it had the lease may have marked it, and its time may have come since.
        transaction.update(&OutboxEntry { published_at_ns, ..entry.clone() }).await?;
    }
    Ok(())
}
