//! Connections of one process to one server: at most so many, each carrying one command at a time. A connection whose answer did not come
//! in time is out of step and is closed.

use std::cell::RefCell;

use ports::cache::CacheError;
use runtime::Time;
use runtime::net::Address;
use tokio::sync::Semaphore;

use super::session::Session;
use crate::redis::parameters::ClientParameters;
use crate::redis::protocol::{ClientFrame, ServerFrame};

pub(super) struct Pool {
    address: Address,
    parameters: ClientParameters,
    /// First come, first served.
    slots: Semaphore,
    /// The one used last is used first.
    idle: RefCell<Vec<Session>>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// The frame was never sent.
    Unsent(CacheError),
    /// It was sent, and this is why nothing was heard.
    Unheard(CacheError),
}

impl Lost {
    /// The error of something that may have changed what is stored.
    pub fn as_write(self) -> CacheError {
        match self {
            Lost::Unsent(error) => error,
            Lost::Unheard(_) => CacheError::OutcomeUnknown,
        }
    }

    /// The error of something that only reads.
    pub fn as_read(self) -> CacheError {
        match self {
            Lost::Unsent(error) | Lost::Unheard(error) => error,
        }
    }
}

impl Pool {
    pub fn new(address: Address, parameters: ClientParameters) -> Self {
        Pool { address, parameters, slots: Semaphore::new(parameters.connections_per_server), idle: RefCell::default() }
    }

    /// Asks the server and waits for its answer.
    pub async fn ask(&self, frame: ClientFrame, deadline: Time) -> Result<ServerFrame, Lost> {
        let unsent = |_| Lost::Unsent(CacheError::DeadlineExceeded);
        let waiting = runtime::timeout(deadline.since(runtime::now()), self.slots.acquire());
        let _slot = waiting.await.map_err(unsent)?.expect("a pool never closes its slots");
        let session = self.session(deadline).await.map_err(Lost::Unsent)?;
        let left = deadline.since(runtime::now());
        if left.is_zero() {
            self.idle.borrow_mut().push(session);
            return Err(Lost::Unsent(CacheError::DeadlineExceeded));
        }
        session.send(frame);
        match runtime::timeout(left, session.receive()).await {
            Ok(Ok(answer)) => {
                self.idle.borrow_mut().push(session);
                Ok(answer)
            }
            Ok(Err(_)) => Err(Lost::Unheard(CacheError::ConnectionLost)),
            Err(runtime::time::Elapsed) => Err(Lost::Unheard(CacheError::DeadlineExceeded)),
        }
    }

    async fn session(&self, deadline: Time) -> Result<Session, CacheError> {
        loop {
            let idle = self.idle.borrow_mut().pop();
            match idle {
                Some(session) if session.is_quiet().await => return Ok(session),
                Some(_) => {}
                None => break,
            }
        }
        let left = deadline.since(runtime::now());
        let limit = left.min(self.parameters.connect_timeout);
        let opened = Session::open(self.address, limit).await;
        opened.map_err(|error| match error {
            CacheError::ConnectionLost if limit == left => CacheError::DeadlineExceeded,
            error => error,
        })
    }

    /// Closes what is idle.
    pub fn forget(&self) {
        self.idle.borrow_mut().clear();
    }
}
