//! How a control plane changes a record: on every zone's server, repeated until each has it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::call::{CallContext, Caller};
use runtime::net::Address;
use tokio::sync::mpsc;

use super::parameters::PublisherParameters;
use super::protocol::{Record, Request, Response, Update};

/// How far an update came at the first try. Servers that are pending are tried again in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Propagation {
    /// Servers that hold the record as published.
    pub accepted: usize,
    /// Servers that hold a later version: somebody else published since.
    pub superseded: usize,
    /// Servers that did not answer in time.
    pub pending: usize,
}

/// What the first server that answered says is behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    pub server: Address,
    /// Empty if the name is unknown.
    pub addresses: Vec<Address>,
}

/// The newest record of a name that is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    pub record: Record,
    /// Whether more than half of the servers were heard. If not, all that were may have been away when the name's record changed.
    pub by_majority: bool,
}

struct Inner {
    servers: Vec<Address>,
    parameters: PublisherParameters,
    /// The greatest record published here by name: a smaller one is not repeated any more.
    last: RefCell<BTreeMap<String, Published>>,
}

struct Published {
    record: Record,
    /// Whether a server took it at the first try.
    is_taken: bool,
}

/// Changes records. Clones share what was published; it belongs to one process.
#[derive(Clone)]
pub struct Publisher(Rc<Inner>);

impl Publisher {
    /// `servers` are the name servers of all zones, the own zone's first.
    #[must_use]
    pub fn new(servers: Vec<Address>, parameters: PublisherParameters) -> Self {
        Publisher(Rc::new(Inner { servers, parameters, last: RefCell::default() }))
    }

    /// Puts `addresses` behind `name` and returns when every server has been tried once. The greater `version` wins on each server
    /// whichever arrives last: a control plane gives its epoch, one without epochs its time in nanoseconds. No addresses makes the name
    /// unknown.
    pub async fn publish(&self, name: &str, addresses: Vec<Address>, ttl: Duration, version: u64) -> Propagation {
        let record = Record { version, ttl, addresses };
        let update = Update { name: name.to_owned(), record };
        self.note(&update);
        let tries: Vec<_> = (self.0.servers.iter())
            .map(|&server| {
                let (publisher, update) = (self.clone(), update.clone());
                (server, runtime::spawn(async move { publisher.send(server, Request::Update(update)).await }))
            })
            .collect();
        let mut propagation = Propagation::default();
        for (server, first_try) in tries {
            match first_try.await {
                Some(Response::Accepted) => propagation.accepted += 1,
                Some(_) => propagation.superseded += 1,
                None => {
                    propagation.pending += 1;
                    let (publisher, update) = (self.clone(), update.clone());
                    runtime::spawn(async move { publisher.repeat(server, update).await });
                }
            }
        }
        if propagation.accepted > 0
            && let Some(last) = self.0.last.borrow_mut().get_mut(name)
        {
            last.is_taken |= last.record == update.record;
        }
        propagation
    }

    fn note(&self, update: &Update) {
        let mut last = self.0.last.borrow_mut();
        if last.get(&update.name).is_none_or(|last| last.record < update.record) {
            last.insert(update.name.clone(), Published { record: update.record.clone(), is_taken: false });
        }
    }

    async fn repeat(&self, server: Address, update: Update) {
        loop {
            runtime::sleep(self.0.parameters.retry_interval).await;
            if self.0.last.borrow().get(&update.name).is_none_or(|last| last.record != update.record) {
                return; // a greater one was published here: that one is repeated by its own task
            }
            if self.send(server, Request::Update(update.clone())).await.is_some() {
                return;
            }
        }
    }

    /// What the first server that answers says is behind `name`, past every cache; none if no server answers.
    pub async fn current(&self, name: &str) -> Option<Current> {
        for &server in &self.0.servers {
            match self.send(server, Request::Query { name: name.to_owned() }).await {
                Some(Response::Answer { addresses, .. }) => return Some(Current { server, addresses }),
                Some(_) => return Some(Current { server, addresses: Vec::new() }),
                None => {}
            }
        }
        None
    }

    /// The newest record of `name` among what was published here and taken at once, and what a majority of the servers has, or fewer if no
    /// more answer: one that was away has the record of before, until whoever publishes has reached it. `server`, the one that
    /// [`current`](Self::current) heard, is waited for in any case: it may be ahead of the others. None if no record is found.
    pub async fn newest(&self, name: &str, server: Address) -> Option<Newest> {
        let (sender, mut answers) = mpsc::unbounded_channel();
        for &asked in &self.0.servers {
            let (publisher, sender, name) = (self.clone(), sender.clone(), name.to_owned());
            drop(runtime::spawn(async move {
                if let Some(answer) = publisher.send(asked, Request::Inspect { name }).await {
                    // Nobody listens any more once there were enough.
                    let _ = sender.send((asked, answer));
                }
            }));
        }
        drop(sender);
        let mut newest = self.0.last.borrow().get(name).filter(|last| last.is_taken).map(|last| last.record.clone());
        let mut heard = Vec::new();
        let is_majority = |heard: &[Address]| heard.len() * 2 > self.0.servers.len();
        while !(is_majority(&heard) && heard.contains(&server))
            && let Some((asked, answer)) = answers.recv().await
        {
            heard.push(asked);
            if let Response::Record(record) = answer {
                newest = newest.max(Some(record));
            }
        }
        Some(Newest { record: newest?, by_majority: is_majority(&heard) })
    }

    /// One try on a connection of its own: it happens rarely. None if there was no answer in time.
    async fn send(&self, server: Address, request: Request) -> Option<Response> {
        let context = CallContext::within(self.0.parameters.timeout, 0);
        let answer = runtime::timeout(self.0.parameters.timeout, async {
            let caller = Caller::connect(server).await.ok()?;
            caller.call(request, context).await.ok()
        });
        answer.await.ok().flatten()
    }
}
