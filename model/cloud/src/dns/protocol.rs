//! What travels between name servers and those who ask or tell them something.

use std::time::Duration;

use runtime::net::Address;
use serde::{Deserialize, Serialize};

/// Where a name server listens.
pub const PORT: u16 = 53;

/// A request to a name server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    Query {
        name: String,
    },
    Update(Update),
    /// What is the record of this name, with its version? As a query for an SOA record tells a zone's serial.
    Inspect {
        name: String,
    },
}

/// A name server's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The addresses behind a name, and how long they may be remembered.
    Answer {
        addresses: Vec<Address>,
        ttl: Duration,
    },
    NameUnknown,
    /// The record is as the update says, and stays so through a loss of power.
    Accepted,
    /// The record is as a later update said.
    Superseded {
        version: u64,
    },
    /// The record that was asked for.
    Record(Record),
}

/// A record's new content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    pub name: String,
    pub record: Record,
}

/// What is behind a name. Records of one name are ordered by their fields in turn, and the greatest wins wherever several meet: the
/// later version, and of two writers with one version the same one on every server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Record {
    pub version: u64,
    pub ttl: Duration,
    pub addresses: Vec<Address>,
}
