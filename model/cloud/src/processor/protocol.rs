//! What travels between the payment processor and its clients.

use ports::IdempotencyKey;
use ports::processor::{Operation, Outcome};
use serde::{Deserialize, Serialize};

/// Where the processor listens.
pub(super) const PORT: u16 = 443;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    Submit { key: IdempotencyKey, operation: Operation },
    Query { key: IdempotencyKey },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Response {
    Decided(Outcome),
    /// None: the key was never seen, and is burnt now.
    Found(Option<Outcome>),
    /// Too many requests, or out of service.
    Refused,
}
