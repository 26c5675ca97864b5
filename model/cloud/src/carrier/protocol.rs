//! What travels between the provider and its clients.

use serde::{Deserialize, Serialize};

/// Where the provider listens.
pub(super) const PORT: u16 = 443;

/// The way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    Push,
    Text,
    Mail,
}

/// A message for one person. What it says does not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub channel: Channel,
    pub recipient: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Response {
    Taken,
    /// Not now.
    Refused,
    /// This channel does not reach this person.
    Unknown,
}
