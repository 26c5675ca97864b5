//! The cluster's control surface: what an operator's tool, or a fault, asks of it. Brokers look here; nothing else reaches into the model.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use runtime::Time;
use tokio::sync::Notify;

use super::cluster::BrokerId;

/// What a broker's fetching from leaders is held back by.
#[derive(Default)]
pub(super) struct ReplicationHold {
    until: Cell<Time>,
    changed: Notify,
}

impl ReplicationHold {
    /// Whether the broker may not fetch now.
    pub fn holds(&self) -> bool {
        runtime::now() < self.until.get()
    }

    /// Returns once the broker is held back.
    pub async fn begins(&self) {
        loop {
            let changed = self.changed.notified();
            if self.holds() {
                return;
            }
            changed.await;
        }
    }

    /// Returns once the broker may fetch.
    pub async fn ends(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.holds() {
                return;
            }
            runtime::select! {
                () = changed => {}
                () = runtime::sleep_until(self.until.get()) => {}
            }
        }
    }
}

#[derive(Default)]
struct Surface {
    holds: BTreeMap<BrokerId, Rc<ReplicationHold>>,
    names: BTreeMap<String, BrokerId>,
    /// An election of preferred leaders was asked for and not yet begun.
    elect: Cell<bool>,
    asked: Notify,
}

/// Acts on a cluster as its operator does. Clones act on the same one.
#[derive(Clone, Default)]
pub struct Operator(Rc<Surface>);

/// There is no broker of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to find a broker called {name}; there are: {}", known.join(", "))]
pub struct NoSuchBroker {
    pub name: String,
    pub known: Vec<String>,
}

impl Operator {
    pub(super) fn new(brokers: impl IntoIterator<Item = (String, BrokerId)>) -> Self {
        let names: BTreeMap<String, BrokerId> = brokers.into_iter().collect();
        let holds = names.values().map(|broker| (*broker, Rc::default())).collect();
        Operator(Rc::new(Surface { names, holds, ..Surface::default() }))
    }

    /// Has a broker receive nothing from the leaders that it follows, from now until `until`.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn hold_replication(&self, name: &str, until: Time) -> Result<(), NoSuchBroker> {
        let unknown = || NoSuchBroker { name: name.to_owned(), known: self.0.names.keys().cloned().collect() };
        let broker = self.0.names.get(name).ok_or_else(unknown)?;
        let hold = &self.0.holds[broker];
        hold.until.set(until);
        hold.changed.notify_waiters();
        Ok(())
    }

    /// Has the controller move leaders back to the first replicas of their partitions now.
    pub fn elect_preferred_leaders(&self) {
        self.0.elect.set(true);
        self.0.asked.notify_waiters();
    }

    pub(super) fn hold(&self, broker: BrokerId) -> Rc<ReplicationHold> {
        self.0.holds[&broker].clone()
    }

    /// Returns once an election of preferred leaders is asked for.
    pub(super) async fn election_asked(&self) {
        loop {
            let asked = self.0.asked.notified();
            if self.0.elect.take() {
                return;
            }
            asked.await;
        }
    }
}
