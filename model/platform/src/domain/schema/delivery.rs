//! Tables that make effects happen once: the outbox and its relay's lease, the idempotency keys, and who was notified of what.

use ports::IdempotencyKey;
use ports::database::{Key, Record};
use ports::record;

use super::dispatch::State;
use crate::domain::coded::coded;
use crate::domain::ids::TripId;

coded! {
    /// What a key is a key to.
    pub enum Scope {
        RequestTrip = 1,
        CancelTrip = 2,
        AnswerOffer = 3,
        AdvanceTrip = 4,
        Refund = 5,
    }
}

coded! {
    /// How somebody is told. In the order in which they are tried.
    pub enum Channel {
        Push = 1,
        Sms = 2,
        Email = 3,
    }
}

coded! {
    /// How far one notification has come on one channel.
    pub enum Telling {
        /// Somebody is at it, or died over it: it may have been told.
        Claimed = 1,
        Told = 2,
        /// It was not told, and may be tried again.
        Failed = 3,
    }
}

record! {
    /// A domain event, written in the transaction that made it true.
    pub struct OutboxEntry in "outbox" as 10 {
        trip_id: TripId,
        /// The trip's version that the event tells of.
        sequence: i64,
        /// A serialised [`DomainEvent`](crate::domain::outbox::DomainEvent).
        payload: Vec<u8>,
        at_ns: i64,
        published_at_ns: Option<i64>,
    }
    key(trip_id, sequence)
    plain BY_PUBLICATION(published_at_ns, at_ns)
}

record! {
    /// A request that was seen, and the response to it.
    pub struct IdempotencyRecord in "idempotency_keys" as 11 {
        scope: Scope,
        /// Who sent it: keys of different callers never meet.
        caller: i64,
        idempotency_key: IdempotencyKey,
        /// The bits of a hash over the request's parameters.
        request_hash: i64,
        /// The serialised response; none while the request is in flight.
        response: Option<Vec<u8>>,
        /// Until when a request in flight is left alone; after that, whoever repeats it takes it over.
        locked_until_ns: i64,
        created_at_ns: i64,
        expires_at_ns: i64,
    }
    key(scope, caller, idempotency_key)
    plain BY_EXPIRY(expires_at_ns)
}

record! {
    /// The right to do what only one process should do at a time.
    pub struct Lease in "leases" as 14 {
        name: i64,
        holder: i64,
        until_ns: i64,
    }
    key(name)
}

record! {
    /// The newest that the notifications service has heard of a trip.
    pub struct TripNews in "trip_news" as 15 {
        trip_id: TripId,
        sequence: i64,
        state: State,
        at_ns: i64,
    }
    key(trip_id)
    plain BY_AGE(at_ns)
}

record! {
    /// A notification on one channel: its key keeps it from being told twice.
    pub struct ToldNotification in "notifications" as 16 {
        trip_id: TripId,
        sequence: i64,
        /// The recipient, as a number: drivers' are below zero.
        recipient: i64,
        channel: Channel,
        state: Telling,
        at_ns: i64,
    }
    key(trip_id, sequence, recipient, channel)
    plain BY_AGE(at_ns)
}

impl ToldNotification {
    /// The primary key.
    pub fn key(&self) -> Key {
        Self::SCHEMA.key_of(&self.to_row())
    }
}
