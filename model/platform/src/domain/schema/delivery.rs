//! Tables that make effects happen once: the outbox and the idempotency keys.

use ports::IdempotencyKey;
use ports::record;

use crate::domain::idempotency::Scope;
use crate::domain::ids::TripId;

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
