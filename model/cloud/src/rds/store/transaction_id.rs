//! A transaction's number.

use serde::{Deserialize, Serialize};

/// A transaction, numbered in the order of their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(pub u64);
