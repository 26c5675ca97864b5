//! How a node is told of its targets while it runs, and how it remembers.

use std::time::Duration;

use runtime::disk::{self, Log};
use runtime::net::Address;
use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::asking::ask_once;

/// Where a node is told of its targets.
pub(super) const PORT: u16 = 8_444;

/// How long telling a node may take (assumption).
const LIMIT: Duration = Duration::from_secs(5);

/// All targets there are: what is not named is deregistered. Requests that a target has are waited for, whose deadlines are shorter than the
/// deregistration delay of 300 s (source: Elastic Load Balancing documentation, mid-2023), which is therefore not modelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The greater one wins: the time at which it was said, in nanoseconds.
    pub version: u64,
    /// Name, zone and address; the health check is on the next port.
    pub targets: Vec<(String, String, Address)>,
}

impl Registration {
    pub(super) fn targets(&self) -> Vec<Target> {
        let target = |(name, zone, address): &(String, String, Address)| Target {
            name: name.as_str().into(),
            zone: zone.as_str().into(),
            address: *address,
            health: Address { port: address.port + 1, ..*address },
        };
        self.targets.iter().map(target).collect()
    }
}

/// Tells a node of its targets; whether it has them now, even after a loss of power.
pub async fn register(node: Address, registration: Registration) -> bool {
    ask_once::<_, ()>(node, registration, LIMIT).await.is_some()
}

/// What a node was told last, on its disk.
pub(super) struct Register(Log<Registration>);

impl Register {
    pub(super) fn open() -> Self {
        Register(disk::open("targets"))
    }

    pub(super) fn last(&self) -> Option<Registration> {
        self.0.records().last().cloned()
    }

    /// Puts what was said on disk; false if something later was said before.
    pub(super) async fn keep(&self, registration: Registration) -> bool {
        if self.last().is_some_and(|last| last.version > registration.version) {
            return false;
        }
        let (_, bytes) = runtime::digest::of(&registration);
        let former = self.0.records().len();
        self.0.append(registration, bytes);
        self.0.flush().await;
        self.0.drop_oldest(former);
        true
    }
}
