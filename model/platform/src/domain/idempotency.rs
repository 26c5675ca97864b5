//! What to do with a request that carries an idempotency key: do it, answer as before, wait, or refuse.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use ports::IdempotencyKey;
use xxhash_rust::xxh3::Xxh3Default;

use super::retention::end_ns;
use super::schema::IdempotencyRecord;

pub use super::schema::delivery::Scope;

/// For how long a request in flight is left alone before whoever repeats it takes it over. Assumption: longer than any deadline of a phone.
pub const LOCK_NS: i64 = 15_000_000_000;

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is new, or whoever had it is gone: write this record, then do it.
    Proceed(IdempotencyRecord),
    /// It was done: answer this.
    Replay(Vec<u8>),
    /// Somebody is doing it.
    InFlight,
    /// The key was used for something else: no effect, an error.
    OtherParameters,
}

/// A request as far as its key is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    pub scope: Scope,
    /// Who sent it.
    pub caller: i64,
    pub key: IdempotencyKey,
    /// See [`request_hash`].
    pub request_hash: i64,
    /// For how long it is remembered ([`Retention::keys`](super::retention::Retention::keys)).
    pub remembered_for: Duration,
}

/// Decides, given what is stored under the key.
pub fn decide(request: Keyed, stored: Option<&IdempotencyRecord>, now_ns: i64) -> Decision {
    let fresh = IdempotencyRecord {
        scope: request.scope,
        caller: request.caller,
        idempotency_key: request.key,
        request_hash: request.request_hash,
        response: None,
        locked_until_ns: now_ns + LOCK_NS,
        created_at_ns: now_ns,
        expires_at_ns: end_ns(now_ns, request.remembered_for),
    };
    match stored {
        None => Decision::Proceed(fresh),
        Some(record) if now_ns >= record.expires_at_ns => Decision::Proceed(fresh),
        Some(record) if record.request_hash != request.request_hash => Decision::OtherParameters,
        Some(IdempotencyRecord { response: Some(response), .. }) => Decision::Replay(response.clone()),
        Some(record) if now_ns < record.locked_until_ns => Decision::InFlight,
        Some(record) => Decision::Proceed(IdempotencyRecord {
            created_at_ns: record.created_at_ns,
            expires_at_ns: record.expires_at_ns,
            ..fresh
        }),
    }
}

/// A hash over a request's parameters: equal requests have equal hashes on every run and machine of one architecture.
pub fn request_hash(parameters: &impl Hash) -> i64 {
    let mut hasher = Xxh3Default::new();
    parameters.hash(&mut hasher);
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME_NS: i64 = 3_600_000_000_000;
    const REQUEST: Keyed = Keyed {
        scope: Scope::RequestTrip,
        caller: 1,
        key: IdempotencyKey(2),
        request_hash: 3,
        remembered_for: Duration::from_secs(3_600),
    };

    fn in_flight() -> IdempotencyRecord {
        match decide(REQUEST, None, 100) {
            Decision::Proceed(record) => record,
            other => panic!("{other:?}"),
        }
    }

    fn done() -> IdempotencyRecord {
        IdempotencyRecord { response: Some(vec![7]), ..in_flight() }
    }

    #[test]
    fn the_same_request_is_answered_alike() {
        assert_eq!(decide(REQUEST, Some(&done()), 100 + LIFETIME_NS - 1), Decision::Replay(vec![7]));
    }

    #[test]
    fn other_parameters_are_refused_whether_done_or_in_flight() {
        let other = Keyed { request_hash: 4, ..REQUEST };
        for record in [in_flight(), done()] {
            assert_eq!(decide(other, Some(&record), 100 + LOCK_NS), Decision::OtherParameters);
        }
    }

    #[test]
    fn a_request_in_flight_is_left_alone_and_then_taken_over() {
        assert_eq!(decide(REQUEST, Some(&in_flight()), 100 + LOCK_NS - 1), Decision::InFlight);
        let taken = IdempotencyRecord { locked_until_ns: 100 + 2 * LOCK_NS, ..in_flight() };
        assert_eq!(decide(REQUEST, Some(&in_flight()), 100 + LOCK_NS), Decision::Proceed(taken));
    }

    #[test]
    fn an_expired_key_is_as_good_as_new() {
        let now_ns = 100 + LIFETIME_NS;
        assert_eq!(decide(REQUEST, Some(&done()), now_ns), decide(REQUEST, None, now_ns));
    }

    #[test]
    fn the_hash_of_a_request_never_changes() {
        assert_eq!(request_hash(&(1i64, 2i32)), request_hash(&(1i64, 2i32)));
        assert_ne!(request_hash(&(1i64, 2i32)), request_hash(&(1i64, 3i32)));
    }
}
