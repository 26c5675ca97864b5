//! The notifications service: hears from the event log what happened to trips, and tells the people whom it concerns.
//!
//! An event may be heard twice, and a process may die anywhere: what is about to be told is claimed in a row first, so that nobody is told
//! twice over one channel. A delivery that fails goes to a retry topic and keeps nothing else waiting.

mod tell;

use std::rc::Rc;
use std::time::Duration;

use ports::database::{Database, Transaction};
use ports::event_log::{
    Consumer, ConsumerOptions, Event, EventLog, EventLogError, NewEvent, Polled, Producer, ProducerOptions, Progress,
    Start, Topic, TopicId,
};
use runtime::call::CallContext;
use runtime::{Time, now};

use super::clock::now_ns;
use super::relay::TRIP_EVENTS;
use super::transaction::{Failure, Store, update};
use super::{Config, periodic, server, sweep};
use crate::domain::ids::{DriverId, RiderId};
use crate::domain::notification::{self, Notification, RETRY_WAITS_NS};
use crate::domain::outbox::DomainEvent;
use crate::domain::schema::TripNews;
use crate::domain::session::Caller;

/// Where notifications wait for another try, by how long; see [`RETRY_WAITS_NS`].
pub const RETRIES: [Topic; RETRY_WAITS_NS.len()] = [
    Topic { id: TopicId(2), name: "notifications-retry-5s" },
    Topic { id: TopicId(3), name: "notifications-retry-30s" },
    Topic { id: TopicId(4), name: "notifications-retry-2m" },
];

/// Where notifications end that nobody can tell, and events that nobody can read.
pub const DEAD_LETTERS: Topic = Topic { id: TopicId(5), name: "notifications-dead" };

/// Whom the recipient in a row of what was told stands for: rows number drivers below zero.
#[must_use]
pub fn recipient_of(number: i64) -> Caller {
    if number < 0 { Caller::Driver(DriverId(!number)) } else { Caller::Rider(RiderId(number)) }
}

/// How long one poll waits for events. Assumption; it costs nothing to wait.
const POLL_WAIT: Duration = Duration::from_secs(30);

/// Before something that is away is asked again. Assumption.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a notification was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    #[error("failed to deliver: the carrier did not take it in time")]
    Unavailable,
    /// This channel does not reach the recipient, now or later.
    #[error("failed to deliver: the recipient is not known on this channel")]
    NoSuchRecipient,
}

/// Whoever brings notifications to people: the push service, the carriers of text messages and mail.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Carrier: Clone + 'static {
    /// Brings one notification over its channel.
    async fn deliver(&self, notification: &Notification, deadline: Time) -> Result<(), CarrierError>;
}

/// Runs one replica.
///
/// # Errors
/// The event log refuses the service's options.
pub async fn run<D: Database, L: EventLog, C: Carrier>(
    config: Rc<Config>,
    database: D,
    log: L,
    carrier: C,
) -> Result<(), EventLogError> {
    let producer = log.producer(ProducerOptions::default())?;
    let store = Store::new(database, &config.calls);
    let teller = Rc::new(Teller { config: config.clone(), store, producer, carrier });
    for topic in RETRIES {
        let (teller, log) = (teller.clone(), log.clone());
        drop(runtime::spawn(async move { teller.follow(&log, topic).await }));
    }
    let sweeper = teller.clone();
    let sweep = async move || sweep::notifications(&sweeper.store, &sweeper.config).await;
    periodic::every(config.sweep_interval, "notifications.sweep", sweep);
    let _port = server::health_only(&config);
    teller.follow(&log, TRIP_EVENTS).await;
    Ok(())
}

struct Teller<D, P, C> {
    config: Rc<Config>,
    store: Store<D>,
    producer: P,
    carrier: C,
}

impl<D: Database, P: Producer, C: Carrier> Teller<D, P, C> {
    /// Handles what is written to a topic, in order, for ever.
    async fn follow<L: EventLog>(&self, log: &L, topic: Topic) {
        // A group for each topic: one that waits keeps no other from going on.
        let group = format!("notifications of {}", topic.name);
        let mut consumer = log.consumer(ConsumerOptions { group, topics: vec![topic.id], start: Start::Earliest });
        loop {
            match consumer.poll(now() + POLL_WAIT).await {
                Ok(Polled::Events(events)) if !events.is_empty() => {
                    if topic == TRIP_EVENTS {
                        self.news(&events).await
                    } else {
                        self.retries(&events).await
                    }
                    // If it is refused, somebody handles the same again, and finds in the rows that it was.
                    let _ = consumer.commit(&Progress::after(&events), self.background().deadline).await;
                }
                Ok(_) => {}
                Err(_) => runtime::sleep(PAUSE).await,
            }
        }
    }

    /// Events of trips: all are noted before any is told, so that of a backlog only what is still so is told.
    async fn news(&self, events: &[Event]) {
        let mut noted = Vec::with_capacity(events.len());
        for event in events {
            let Ok(news) = postcard::from_bytes::<DomainEvent>(&event.value) else {
                self.bury(event).await;
                continue;
            };
            self.insist(async |transaction: &mut D::Transaction| note(transaction, &news).await).await;
            noted.push(news);
        }
        for notification in noted.iter().flat_map(notification::of) {
            self.tell(notification).await;
        }
    }

    /// Notifications whose turn it is again, or soon.
    async fn retries(&self, events: &[Event]) {
        for event in events {
            let Ok(notification) = postcard::from_bytes::<Notification>(&event.value) else {
                self.bury(event).await;
                continue;
            };
            let wait_ns = notification.due_at_ns.saturating_sub(now_ns());
            runtime::sleep(Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(0))).await;
            self.tell(notification).await;
        }
    }

    /// Puts what cannot be read where people look.
    async fn bury(&self, event: &Event) {
        self.send(DEAD_LETTERS, event.key.clone(), event.value.clone()).await;
    }

    /// Writes a record, however long it takes: what it holds is nowhere else.
    async fn send(&self, topic: Topic, key: Vec<u8>, value: Vec<u8>) {
        let record = NewEvent { topic: topic.id, key, value };
        while self.producer.send(record.clone(), self.background().deadline).await.is_err() {
            runtime::sleep(PAUSE).await;
        }
    }

    /// Runs a transaction until it has an answer: whoever skips an event has lost it.
    async fn insist<T>(&self, mut work: impl AsyncFnMut(&mut D::Transaction) -> Result<T, Failure>) -> T {
        loop {
            if let Ok(answer) = self.store.run(&mut self.background(), &mut work).await {
                return answer;
            }
            runtime::sleep(PAUSE).await;
        }
    }

    fn background(&self) -> CallContext {
        CallContext::within(self.config.background_limit, self.config.calls.background_retries)
    }
}

/// Notes the newest that is known of a trip, so that nobody is told what is no longer so.
async fn note<X: Transaction>(transaction: &mut X, event: &DomainEvent) -> Result<(), Failure> {
    let news = TripNews { trip_id: event.trip, sequence: event.sequence, state: event.state, at_ns: event.at_ns };
    match transaction.get_for_update::<TripNews>(event.trip).await? {
        None => transaction.insert(&news).await?,
        Some(known) if known.sequence < event.sequence => update(transaction, &news).await?,
        Some(_) => {}
    }
    Ok(())
}
