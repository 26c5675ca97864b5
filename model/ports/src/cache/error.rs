//! Everything that a cache may refuse or fail to do, and what a caller may do about each.

use serde::{Deserialize, Serialize};

use crate::Retry;

/// Why a command or a subscription failed. The words after "Redis:" are how a server's message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum CacheError {
    /// The key holds a value of another type. Redis: `WRONGTYPE`.
    #[error("failed to run a command: the key holds a value of another type")]
    WrongType,
    /// The string is not a 64-bit integer. Redis: `ERR value is not an integer or out of range`.
    #[error("failed to count: the value is not an integer")]
    NotAnInteger,
    /// The field is not a 64-bit integer. Redis: `ERR hash value is not an integer`.
    #[error("failed to count: the hash's field is not an integer")]
    FieldNotAnInteger,
    /// The sum does not fit in 64 bits. Redis: `ERR increment or decrement would overflow`.
    #[error("failed to count: the sum would overflow")]
    Overflow,
    /// An expiry that is not positive where it must be, or too far away. Redis: `ERR invalid expire time`.
    #[error("failed to set an expiry: invalid time")]
    InvalidExpiry,
    /// A list that must not be empty is. Redis: `ERR wrong number of arguments`.
    #[error("failed to run a command: wrong number of arguments")]
    Arguments,
    /// The keys of one command are in different slots. Redis: `CROSSSLOT`.
    #[error("failed to run a command: its keys are in different slots")]
    CrossSlot,
    /// The slot is served elsewhere, and following that led nowhere in time. Redis: `MOVED`.
    #[error("failed to find who serves slot {slot}")]
    Moved { slot: u16 },
    /// The cluster does not serve the slot now, or not at all. Redis: `CLUSTERDOWN`.
    #[error("failed to run a command: the cluster is down")]
    ClusterDown,
    /// The server is a replica. Redis: `READONLY`.
    #[error("failed to write: the server is a read-only replica")]
    ReadOnly,
    /// Memory is full and nothing may be evicted. Redis: `OOM`.
    #[error("failed to write: the server's memory is full")]
    OutOfMemory,
    /// The server is loading its data. Redis: `LOADING`.
    #[error("failed to run a command: the server is loading its data")]
    Loading,
    /// The server has all the clients it allows. Redis: `ERR max number of clients reached`.
    #[error("failed to connect: the server has too many clients")]
    TooManyClients,
    /// There is no connection, or it broke and nothing was changed: the command was not sent, or only reads.
    #[error("failed to reach the server: connection lost")]
    ConnectionLost,
    /// The deadline passed and nothing was changed: the command was not sent, or only reads.
    #[error("failed to finish before the deadline")]
    DeadlineExceeded,
    /// The connection broke, or the deadline passed, between sending a write and hearing of it.
    #[error("failed to hear whether the write took effect")]
    OutcomeUnknown,
    /// The other side answered something that does not fit what was asked.
    #[error("failed to understand the server's answer")]
    Protocol,
}

impl CacheError {
    /// Whether the command may be run again.
    pub fn retry(self) -> Retry {
        match self {
            // Refused before anything was done: another server, or this one later, may accept it.
            Self::Moved { .. }
            | Self::ClusterDown
            | Self::ReadOnly
            | Self::OutOfMemory
            | Self::Loading
            | Self::TooManyClients
            | Self::ConnectionLost
            | Self::DeadlineExceeded => Retry::Safe,
            // Of the commands, `SET`, `DEL`, `HSET`, `SADD`, `ZADD` and their opposites do the same when done twice; the increments and
            // conditional writes do not.
            Self::OutcomeUnknown => Retry::OnlyIdempotent,
            Self::WrongType
            | Self::NotAnInteger
            | Self::FieldNotAnInteger
            | Self::Overflow
            | Self::InvalidExpiry
            | Self::Arguments
            | Self::CrossSlot
            | Self::Protocol => Retry::Useless,
        }
    }
}
