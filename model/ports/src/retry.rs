//! What a caller may do about an error: every error of every port answers this one question.

use serde::{Deserialize, Serialize};

/// Whether an operation that failed may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Retry {
    /// Nothing happened: the same operation may be sent again, within the caller's deadline and retry budget.
    Safe,
    /// It may have happened: ask first, or send it again only under the same idempotency key.
    OnlyIdempotent,
    /// It cannot succeed by being sent again.
    Useless,
}
