//! From the server's errors to the port's.

use ports::cache::CacheError;
use redis::RedisError;

/// How far a command had come when something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was changed by it.
    Before,
    /// A write is on its way, and nobody has heard of it.
    WriteSent,
    /// The server has answered.
    Answered,
}

/// What an error means to the port.
pub(super) fn translate(error: &RedisError, phase: Phase) -> CacheError {
    let detail = error.detail().unwrap_or_default();
    match error.code() {
        Some("WRONGTYPE") => CacheError::WrongType,
        Some("CROSSSLOT") => CacheError::CrossSlot,
        Some("MOVED") => moved(detail),
        Some("CLUSTERDOWN") => CacheError::ClusterDown,
        Some("READONLY") => CacheError::ReadOnly,
        Some("OOM") => CacheError::OutOfMemory,
        Some("LOADING") => CacheError::Loading,
        Some("ERR") => general(detail),
        Some(_) => CacheError::Protocol,
        None => match phase {
            Phase::Before => CacheError::ConnectionLost,
            Phase::WriteSent => CacheError::OutcomeUnknown,
            Phase::Answered => CacheError::Protocol,
        },
    }
}

/// `MOVED 3999 127.0.0.1:6381`.
fn moved(detail: &str) -> CacheError {
    let slot = detail.split(' ').next().and_then(|slot| slot.parse().ok());
    slot.map_or(CacheError::Protocol, |slot| CacheError::Moved { slot })
}

/// Errors that Redis tells apart by their words alone.
fn general(detail: &str) -> CacheError {
    let meanings = [
        ("value is not an integer or out of range", CacheError::NotAnInteger),
        ("hash value is not an integer", CacheError::FieldNotAnInteger),
        ("increment or decrement would overflow", CacheError::Overflow),
        ("invalid expire time", CacheError::InvalidExpiry),
        ("wrong number of arguments", CacheError::Arguments),
        // What `words` writes is well formed, unless a list in it is empty.
        ("syntax error", CacheError::Arguments),
        ("max number of clients reached", CacheError::TooManyClients),
    ];
    let meaning = meanings.iter().find(|(words, _)| detail.starts_with(words));
    meaning.map_or(CacheError::Protocol, |(_, error)| *error)
}
