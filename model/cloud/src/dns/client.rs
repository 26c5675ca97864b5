//! The resolver in every process: asks its servers in turn and remembers answers, sometimes longer than is good.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::resolver::{ResolveError, Resolver};
use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::net::Address;

use super::parameters::ClientParameters;
use super::protocol::{Request, Response};

/// A remembered answer.
struct Remembered {
    addresses: Vec<Address>,
    /// Used without asking until then.
    fresh_until: Time,
    /// Used for want of a better one until then.
    usable_until: Time,
}

#[derive(Default)]
struct Name {
    remembered: RefCell<Option<Remembered>>,
    /// Held by whoever asks, so that a name is asked for once however many wait for it.
    asking: tokio::sync::Mutex<()>,
}

impl Name {
    fn fresh(&self) -> Option<Vec<Address>> {
        let remembered = self.remembered.borrow();
        let answer = remembered.as_ref().filter(|answer| runtime::now() < answer.fresh_until)?;
        Some(answer.addresses.clone())
    }
}

struct Inner {
    servers: Vec<Address>,
    parameters: ClientParameters,
    callers: RefCell<BTreeMap<Address, Caller<Request, Response>>>,
    names: RefCell<BTreeMap<String, Rc<Name>>>,
}

/// A process's resolver. Clones share its memory. It remembers addresses, never that a name is unknown.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

impl Client {
    /// `servers` are asked in this order: the own zone's first.
    #[must_use]
    pub fn new(servers: Vec<Address>, parameters: ClientParameters) -> Self {
        Client(Rc::new(Inner { servers, parameters, callers: RefCell::default(), names: RefCell::default() }))
    }

    fn name(&self, name: &str) -> Rc<Name> {
        if let Some(entry) = self.0.names.borrow().get(name) {
            return entry.clone();
        }
        self.0.names.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    /// Goes through the servers until one answers.
    async fn ask(&self, name: &str) -> Option<Response> {
        for _ in 0..self.0.parameters.attempts.max(1) {
            for &server in &self.0.servers {
                let asked = self.ask_server(server, name);
                match runtime::timeout(self.0.parameters.query_timeout, asked).await {
                    Ok(Some(answer)) => return Some(answer),
                    // A real query is a datagram: the next one must not wait behind one that was lost.
                    Ok(None) | Err(_) => drop(self.0.callers.borrow_mut().remove(&server)),
                }
            }
        }
        None
    }

    async fn ask_server(&self, server: Address, name: &str) -> Option<Response> {
        let kept = self.0.callers.borrow().get(&server).filter(|caller| caller.closed().is_none()).cloned();
        let caller = match kept {
            Some(caller) => caller,
            None => {
                let caller = Caller::connect(server).await.ok()?;
                self.0.callers.borrow_mut().insert(server, caller.clone());
                caller
            }
        };
        let context = CallContext::within(self.0.parameters.query_timeout, 0);
        caller.call(Request::Query { name: name.to_owned() }, context).await.ok()
    }

    /// No server answered: an old answer, if the parameters allow one this old.
    fn stale(&self, name: &Name) -> Option<Vec<Address>> {
        let mut remembered = name.remembered.borrow_mut();
        let answer = remembered.as_mut().filter(|answer| runtime::now() < answer.usable_until)?;
        answer.fresh_until = answer.usable_until.min(runtime::now() + self.0.parameters.stale_recheck);
        Some(answer.addresses.clone())
    }
}

impl Resolver for Client {
    async fn resolve(&self, name: &str) -> Result<Vec<Address>, ResolveError> {
        let entry = self.name(name);
        if let Some(addresses) = entry.fresh() {
            return Ok(addresses);
        }
        let _asking = entry.asking.lock().await;
        if let Some(addresses) = entry.fresh() {
            return Ok(addresses);
        }
        match self.ask(name).await {
            Some(Response::Answer { addresses, ttl }) => {
                let fresh_until = runtime::now() + ttl + self.0.parameters.client_cache;
                let usable_until = fresh_until + self.0.parameters.serve_stale;
                let answer = Remembered { addresses: addresses.clone(), fresh_until, usable_until };
                *entry.remembered.borrow_mut() = Some(answer);
                Ok(addresses)
            }
            Some(_) => {
                *entry.remembered.borrow_mut() = None;
                Err(ResolveError::NameUnknown { name: name.to_owned() })
            }
            None => self.stale(&entry).ok_or_else(|| ResolveError::Unreachable { name: name.to_owned() }),
        }
    }
}
