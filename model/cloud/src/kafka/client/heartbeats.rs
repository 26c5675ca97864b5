//! A member's heartbeats to its group's coordinator, and what it hears with them.

use std::cell::Cell;
use std::rc::Rc;

use ports::event_log::Partition;
use runtime::Time;
use tokio::sync::Notify;

use super::Client;
use crate::kafka::failure::Failure;
use crate::kafka::protocol::{ClientAnswer, ClientRequest, GroupRequest};

/// How a member stands with its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Steady,
    /// It should join again: partitions are being shared out.
    Rebalancing,
    /// The group goes on without it.
    Lost,
}

/// What heartbeats and polls tell each other.
pub(super) struct Pulse {
    standing: Cell<Standing>,
    polled: Cell<Time>,
    changed: Notify,
}

impl Pulse {
    pub fn new() -> Rc<Self> {
        Rc::new(Pulse {
            standing: Cell::new(Standing::Steady),
            polled: Cell::new(runtime::now()),
            changed: Notify::new(),
        })
    }

    pub fn standing(&self) -> Standing {
        self.standing.get()
    }

    pub fn set(&self, standing: Standing) {
        self.standing.set(standing);
        self.changed.notify_waiters();
    }

    /// The consumer's process looks after its records.
    pub fn polled(&self) {
        self.polled.set(runtime::now());
    }

    /// Returns once the standing is another than `known`.
    pub async fn changes(&self, known: Standing) {
        loop {
            let changed = self.changed.notified();
            if self.standing.get() != known {
                return;
            }
            changed.await;
        }
    }
}

/// One membership in one generation.
#[derive(Clone)]
pub(super) struct Membership {
    pub group: String,
    pub coordinator: Partition,
    pub member: u64,
    pub generation: u64,
}

/// Sends heartbeats until the membership ends.
pub(super) async fn keep_alive(client: Client, membership: Membership, pulse: Rc<Pulse>) {
    let (shared, groups) = (&client.0, &client.0.introduction.groups);
    let Membership { group, coordinator, member, generation } = membership;
    loop {
        runtime::sleep(groups.heartbeat_interval).await;
        let deadline = runtime::now() + shared.parameters.request_timeout;
        let Some(address) = shared.brokers.leader(coordinator, deadline).await else { continue };
        let stuck = runtime::now().since(pulse.polled.get()) > groups.poll_interval_max;
        let request = match stuck {
            true => GroupRequest::Leave { member },
            false => GroupRequest::Heartbeat { member, generation },
        };
        let request = ClientRequest::Group { group: group.clone(), request };
        let answer = shared.brokers.ask(address, request, deadline).await;
        if stuck {
            return pulse.set(Standing::Lost);
        }
        match answer {
            Ok(ClientAnswer::Failed(Failure::Rebalancing)) => pulse.set(Standing::Rebalancing),
            Ok(ClientAnswer::Failed(Failure::UnknownMember | Failure::IllegalGeneration)) => {
                return pulse.set(Standing::Lost);
            }
            Ok(ClientAnswer::Done) => {}
            Ok(_) | Err(_) => shared.brokers.forget(coordinator, address),
        }
    }
}
