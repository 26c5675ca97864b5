//! A phone's one connection to the platform: which address, when to give it up, where to go next.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use platform::api::{Reply, gateway};
use runtime::backend::LocalFuture;
use runtime::call::{CallContext, CallError, Caller};
use runtime::net::Address;
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, timeout};
use tokio::sync::{Mutex, Notify};

use super::patience::Patience;

/// Every address behind the platform's name; none if nobody says.
pub(super) type Lookup = Rc<dyn Fn() -> LocalFuture<Vec<Address>>>;

type Api = Caller<gateway::Request, Reply<gateway::Response>>;

/// Why there is no answer. Whether the request was carried out is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody says where the platform is.
    NameUnknown,
    /// Nobody took the connection in time.
    NoConnection,
    /// Nothing was heard until the deadline.
    TimedOut,
    /// The connection ended under the request.
    ConnectionLost,
}

pub(super) struct Line {
    lookup: Lookup,
    connection: RefCell<Option<Api>>,
    /// Raised with each connection, so that a late time-out of an old one does not count against the new.
    generation: Cell<u32>,
    /// Where the phone was or wanted to be last: it goes elsewhere next, if there is an elsewhere.
    last: Cell<Option<Address>>,
    timeouts_in_a_row: Cell<u32>,
    /// Requests that find no connection dial once, not each.
    dialling: Mutex<()>,
    /// Rung when a connection is given up that may not know of it.
    given_up: Notify,
    stream: RefCell<Stream>,
}

impl Line {
    pub(super) fn new(lookup: Lookup, stream: Stream) -> Line {
        Line {
            lookup,
            connection: RefCell::new(None),
            generation: Cell::new(0),
            last: Cell::new(None),
            timeouts_in_a_row: Cell::new(0),
            dialling: Mutex::new(()),
            given_up: Notify::new(),
            stream: RefCell::new(stream),
        }
    }

    /// Sends a request and waits for the answer until the deadline, connecting first where need be.
    pub(super) async fn call(
        &self,
        request: gateway::Request,
        deadline: Time,
        patience: &Patience,
    ) -> Result<Reply<gateway::Response>, NoAnswer> {
        self.exchange(request, deadline, patience, patience.timeouts_before_reconnect).await
    }

    /// The same with a request that the platform may keep: one such time-out is silence enough to give the connection up, and a connection that
    /// other requests give up is lost to this one too.
    pub(super) async fn listen(
        &self,
        request: gateway::Request,
        deadline: Time,
        patience: &Patience,
    ) -> Result<Reply<gateway::Response>, NoAnswer> {
        let given_up = self.given_up.notified();
        runtime::select! {
            answer = self.exchange(request, deadline, patience, 1) => answer,
            () = given_up => Err(NoAnswer::ConnectionLost),
        }
    }

    async fn exchange(
        &self,
        request: gateway::Request,
        deadline: Time,
        patience: &Patience,
        timeouts_max: u32,
    ) -> Result<Reply<gateway::Response>, NoAnswer> {
        let api = match self.connected() {
            Some(api) => api,
            // A rare and large future: kept out of the requests that find a connection.
            None => timeout(deadline.since(now()), Box::pin(self.dial(patience)))
                .await
                .unwrap_or(Err(NoAnswer::NoConnection))?,
        };
        let generation = self.generation.get();
        let context = CallContext { deadline, retry_budget: patience.retry_budget };
        let answer = api.call(request, context).await;
        match answer {
            Ok(reply) => {
                self.timeouts_in_a_row.set(0);
                Ok(reply)
            }
            Err(CallError::DeadlineExceeded) => {
                if generation == self.generation.get() {
                    self.timeouts_in_a_row.set(self.timeouts_in_a_row.get() + 1);
                    if self.timeouts_in_a_row.get() >= timeouts_max {
                        self.connection.take();
                        self.given_up.notify_waiters();
                    }
                }
                Err(NoAnswer::TimedOut)
            }
            // A connection that ended is seen as such by the next request.
            Err(CallError::Connection(_)) => Err(NoAnswer::ConnectionLost),
        }
    }

    /// The connection is closed by whoever carries it; the phone may go back to where it was.
    pub(super) fn hang_up(&self) {
        self.connection.take();
        self.last.set(None);
        self.given_up.notify_waiters();
    }

    fn connected(&self) -> Option<Api> {
        self.connection.borrow().as_ref().filter(|api| api.closed().is_none()).cloned()
    }

    async fn dial(&self, patience: &Patience) -> Result<Api, NoAnswer> {
        let _turn = self.dialling.lock().await;
        if let Some(api) = self.connected() {
            return Ok(api);
        }
        let address = self.choose((self.lookup)().await).ok_or(NoAnswer::NameUnknown)?;
        self.last.set(Some(address));
        match timeout(patience.connect_timeout, Api::connect(address)).await {
            Ok(Ok(api)) => {
                self.generation.set(self.generation.get().wrapping_add(1));
                self.timeouts_in_a_row.set(0);
                *self.connection.borrow_mut() = Some(api.clone());
                Ok(api)
            }
            _ => Err(NoAnswer::NoConnection),
        }
    }

    fn choose(&self, mut addresses: Vec<Address>) -> Option<Address> {
        if addresses.len() > 1 {
            addresses.retain(|address| Some(*address) != self.last.get());
        }
        if addresses.is_empty() {
            return None;
        }
        let chosen = self.stream.borrow_mut().random_range(0..addresses.len());
        Some(addresses[chosen])
    }
}
