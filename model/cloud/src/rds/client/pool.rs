//! A bounded pool: at most so many sessions, a bounded queue of those who wait for one, a time-out for waiting.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use ports::database::DatabaseError;
use ports::resolver::Resolver;
use runtime::Time;
use runtime::telemetry::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Session;
use crate::rds::parameters::PoolParameters;

/// Sessions of one process to one name.
pub(super) struct Pool<R> {
    endpoint: String,
    resolver: R,
    parameters: PoolParameters,
    /// First come, first served.
    slots: Arc<Semaphore>,
    /// The one used last is used first.
    idle: RefCell<Vec<Session>>,
    queued: Cell<usize>,
    in_use_gauge: Gauge,
    waiting_gauge: Gauge,
}

/// A session that somebody uses, with its slot of the pool.
pub(super) struct Leased {
    session: Session,
    _slot: Slot,
}

/// A slot of the pool in use, until dropped.
struct Slot {
    _permit: OwnedSemaphorePermit,
    in_use: Gauge,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.in_use.add(-1);
    }
}

impl Leased {
    pub fn connection(&self) -> &Session {
        &self.session
    }
}

/// Counts one that waits, until dropped.
struct Queued<'a, R>(&'a Pool<R>);

impl<R> Drop for Queued<'_, R> {
    fn drop(&mut self) {
        self.0.queued.set(self.0.queued.get() - 1);
        self.0.waiting_gauge.add(-1);
    }
}

impl<R: Resolver> Pool<R> {
    pub fn new(endpoint: String, resolver: R, parameters: PoolParameters) -> Self {
        Pool {
            endpoint,
            resolver,
            slots: Arc::new(Semaphore::new(parameters.size)),
            parameters,
            idle: RefCell::default(),
            queued: Cell::new(0),
            in_use_gauge: runtime::telemetry::gauge("database.pool.in_use"),
            waiting_gauge: runtime::telemetry::gauge("database.pool.waiting"),
        }
    }

    /// Takes a session that answers, or opens one.
    ///
    /// # Errors
    /// The queue is full or nothing came free in time, the deadline passed, or no session could be opened.
    pub async fn lease(&self, deadline: Time) -> Result<Leased, DatabaseError> {
        let permit = self.permit(deadline).await?;
        self.in_use_gauge.add(1);
        let slot = Slot { _permit: permit, in_use: self.in_use_gauge.clone() };
        match self.session(deadline).await {
            Ok(session) => Ok(Leased { session, _slot: slot }),
            Err(error) => {
                if runtime::planted::is("pool-leak-on-error") {
                    std::mem::forget(slot);
                }
                Err(error)
            }
        }
    }

    async fn permit(&self, deadline: Time) -> Result<OwnedSemaphorePermit, DatabaseError> {
        if let Ok(permit) = self.slots.clone().try_acquire_owned() {
            return Ok(permit);
        }
        if self.queued.get() >= self.parameters.queue {
            return Err(DatabaseError::PoolExhausted);
        }
        self.queued.set(self.queued.get() + 1);
        self.waiting_gauge.add(1);
        let _queued = Queued(self);
        let left = deadline.since(runtime::now());
        let limit = left.min(self.parameters.acquire_timeout);
        match runtime::timeout(limit, self.slots.clone().acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("the pool never closes its slots")),
            Err(runtime::time::Elapsed) if limit == left => Err(DatabaseError::DeadlineExceeded),
            Err(runtime::time::Elapsed) => Err(DatabaseError::PoolExhausted),
        }
    }

    async fn session(&self, deadline: Time) -> Result<Session, DatabaseError> {
        loop {
            let left = deadline.since(runtime::now());
            if left.is_zero() {
                return Err(DatabaseError::DeadlineExceeded);
            }
            let Some(session) = self.idle.borrow_mut().pop() else {
                let addresses = runtime::timeout(left, self.resolver.resolve(&self.endpoint)).await;
                let Ok(Ok(addresses)) = addresses else { return Err(DatabaseError::ConnectionLost) };
                let address = *addresses.first().ok_or(DatabaseError::ConnectionLost)?;
                let limit = deadline.since(runtime::now()).min(self.parameters.connect_timeout);
                return Session::open(address, limit).await;
            };
            let rested = runtime::now().since(session.idle_since.get());
            if rested < self.parameters.validate_after
                || session.is_alive(left.min(self.parameters.validation_timeout)).await
            {
                return Ok(session);
            }
        }
    }

    /// Takes a session back for the next user.
    pub fn give_back(&self, leased: Leased) {
        leased.session.idle_since.set(runtime::now());
        self.idle.borrow_mut().push(leased.session);
    }
}
