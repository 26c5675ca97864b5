//! Who leads what, as far as a client knows, and its connections to brokers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use ports::event_log::Partition;
use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::net::Address;

use crate::kafka::parameters::ClientParameters;
use crate::kafka::protocol::{ClientAnswer, ClientRequest, Leaders};

/// No answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// The request left: it may have been carried out.
    pub sent: bool,
}

pub(super) struct Brokers {
    bootstrap: Vec<Address>,
    parameters: ClientParameters,
    leaders: RefCell<Leaders>,
    /// Raised with each answer about leaders.
    refreshes: Cell<u64>,
    /// Held by whoever asks who leads.
    refreshing: tokio::sync::Mutex<()>,
    /// The broker that is asked who leads.
    asked: Cell<usize>,
    callers: RefCell<BTreeMap<Address, Caller<ClientRequest, ClientAnswer>>>,
}

impl Brokers {
    pub fn new(bootstrap: Vec<Address>, parameters: ClientParameters) -> Self {
        Brokers {
            bootstrap,
            parameters,
            leaders: RefCell::default(),
            refreshes: Cell::new(0),
            refreshing: tokio::sync::Mutex::new(()),
            asked: Cell::new(0),
            callers: RefCell::default(),
        }
    }

    /// The leader of a partition, if it is known.
    pub fn known_leader(&self, partition: Partition) -> Option<Address> {
        self.leaders.borrow().get(&partition).copied()
    }

    /// The leader of a partition, asked for if it is not known.
    pub async fn leader(&self, partition: Partition, deadline: Time) -> Option<Address> {
        if let Some(leader) = self.known_leader(partition) {
            return Some(leader);
        }
        // A deadline that passes leaves the leader unknown, as no answer does.
        let _ = runtime::timeout(deadline.since(runtime::now()), self.refresh()).await;
        self.known_leader(partition)
    }

    /// Whoever was asked does not lead the partition.
    pub fn forget(&self, partition: Partition, leader: Address) {
        let mut leaders = self.leaders.borrow_mut();
        if leaders.get(&partition) == Some(&leader) {
            leaders.remove(&partition);
        }
    }

    /// Asks one broker after another who leads what, until one answers.
    async fn refresh(&self) {
        let before = self.refreshes.get();
        let _refreshing = self.refreshing.lock().await;
        if self.refreshes.get() != before {
            return; // somebody else asked in the meantime
        }
        for _ in 0..self.bootstrap.len() {
            let address = self.bootstrap[self.asked.get()];
            let deadline = runtime::now() + self.parameters.request_timeout;
            if let Ok(ClientAnswer::Metadata(leaders)) = self.ask(address, ClientRequest::Metadata, deadline).await {
                *self.leaders.borrow_mut() = leaders;
                self.refreshes.set(before + 1);
                return;
            }
            self.asked.set((self.asked.get() + 1) % self.bootstrap.len());
        }
    }

    /// Asks one broker.
    pub async fn ask(&self, to: Address, request: ClientRequest, deadline: Time) -> Result<ClientAnswer, NoAnswer> {
        let known = self.callers.borrow().get(&to).filter(|caller| caller.closed().is_none()).cloned();
        let caller = match known {
            Some(caller) => caller,
            None => {
                let limit = self.parameters.connect_timeout.min(deadline.since(runtime::now()));
                let dialled = runtime::timeout(limit, Caller::connect(to)).await;
                let Ok(Ok(caller)) = dialled else { return Err(NoAnswer { sent: false }) };
                self.callers.borrow_mut().insert(to, caller.clone());
                caller
            }
        };
        // Brokers do not retry on our behalf.
        let context = CallContext { deadline, retry_budget: 0 }.at_most(self.parameters.request_timeout);
        caller.call(request, context).await.map_err(|_| {
            self.callers.borrow_mut().remove(&to);
            NoAnswer { sent: true }
        })
    }
}
