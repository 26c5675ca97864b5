//! The client of the store that services use: a pool of connections behind the database port.

mod connection;
mod pool;

use std::rc::Rc;

use ports::database::{Answer, Database, DatabaseError, Isolation, Statement, Transaction};
use ports::observe::{CommitPosition, Name, Observation, Observer};
use ports::resolver::Resolver;
use runtime::Time;

use super::parameters::PoolParameters;
use super::protocol::{ClientFrame, ServerFrame};
use pool::{Leased, Pool};

/// A store as one process sees it. Clones share its pool.
pub struct Client<R>(Rc<Shared<R>>);

struct Shared<R> {
    pool: Pool<R>,
    store: Name,
    observer: Rc<dyn Observer>,
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Client(self.0.clone())
    }
}

impl<R: Resolver> Client<R> {
    /// A client of `store`, found under the name `endpoint`. It belongs to the process that calls this.
    #[must_use]
    pub fn new(
        store: Name,
        endpoint: String,
        resolver: R,
        parameters: PoolParameters,
        observer: Rc<dyn Observer>,
    ) -> Self {
        Client(Rc::new(Shared { pool: Pool::new(endpoint, resolver, parameters), store, observer }))
    }
}

impl<R: Resolver> Database for Client<R> {
    type Transaction = OpenTransaction<R>;

    async fn begin(&self, isolation: Isolation, deadline: Time) -> Result<OpenTransaction<R>, DatabaseError> {
        let lease = self.0.pool.lease(deadline).await?;
        Ok(OpenTransaction { shared: self.0.clone(), lease: Some(lease), begin: Some(isolation), deadline })
    }
}

/// A transaction on one connection of the pool. It begins at the server with its first statement.
pub struct OpenTransaction<R: Resolver> {
    shared: Rc<Shared<R>>,
    /// None once the connection broke or was given back.
    lease: Option<Leased>,
    /// The isolation level, until the first statement has carried it to the server.
    begin: Option<Isolation>,
    deadline: Time,
}

impl<R: Resolver> OpenTransaction<R> {
    /// Sends a frame and waits for its answer until the deadline. A connection without one is out of step: it is closed.
    async fn ask(&mut self, frame: ClientFrame) -> Result<ServerFrame, DatabaseError> {
        let Some(lease) = &self.lease else { return Err(DatabaseError::ConnectionLost) };
        let left = self.deadline.since(runtime::now());
        if left.is_zero() {
            return Err(DatabaseError::DeadlineExceeded);
        }
        lease.connection().send(frame);
        let answer = runtime::timeout(left, lease.connection().receive()).await;
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(_)) => DatabaseError::ConnectionLost,
            Err(runtime::time::Elapsed) => DatabaseError::DeadlineExceeded,
        };
        self.lease = None;
        Err(error)
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.shared.pool.give_back(lease);
        }
    }

    /// Whether the server knows of this transaction.
    fn has_begun(&self) -> bool {
        self.begin.is_none()
    }
}

impl<R: Resolver> Transaction for OpenTransaction<R> {
    async fn execute(&mut self, statement: Statement) -> Result<Answer, DatabaseError> {
        let begin = self.begin.take();
        match self.ask(ClientFrame::Execute { begin, statement }).await? {
            ServerFrame::Answer(answer) => Ok(answer),
            // A server that stepped down goes on answering reads: who kept its session would write there for ever. Drivers that look for
            // the primary close it, too (libpq's `target_session_attrs=read-write`, pgJDBC's `targetServerType=primary`).
            ServerFrame::Failed(DatabaseError::ReadOnly) => {
                self.lease = None;
                Err(DatabaseError::ReadOnly)
            }
            ServerFrame::Failed(error) => Err(error),
            _ => Err(DatabaseError::Protocol),
        }
    }

    async fn commit(mut self) -> Result<(), DatabaseError> {
        if !self.has_begun() {
            return Ok(());
        }
        if self.lease.is_none() {
            return Err(DatabaseError::ConnectionLost);
        }
        if self.deadline <= runtime::now() {
            return Err(DatabaseError::DeadlineExceeded);
        }
        let answer = match self.ask(ClientFrame::Commit).await {
            Ok(answer) => answer,
            // It was sent, and nobody here knows what became of it.
            Err(_) => return Err(DatabaseError::CommitUnknown),
        };
        self.give_back();
        match answer {
            ServerFrame::Committed(place) => {
                if let Some((epoch, lsn)) = place {
                    let (store, at) = (self.shared.store.clone(), runtime::now());
                    let position = CommitPosition { store, epoch, lsn: lsn.0, at };
                    self.shared.observer.observe(&Observation::CommitAcknowledged(position));
                }
                Ok(())
            }
            ServerFrame::Failed(error) => Err(error),
            _ => Err(DatabaseError::Protocol),
        }
    }

    async fn rollback(mut self) -> Result<(), DatabaseError> {
        if self.has_begun() {
            match self.ask(ClientFrame::Rollback).await? {
                ServerFrame::RolledBack => {}
                _ => return Err(DatabaseError::Protocol),
            }
        }
        self.give_back();
        Ok(())
    }
}

impl<R: Resolver> Drop for OpenTransaction<R> {
    /// Rolls back without waiting: the connection's next user reads past the answer.
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if self.has_begun() {
            if lease.connection().is_waiting() {
                return; // dropped in the middle of a statement: the session is out of step
            }
            lease.connection().send(ClientFrame::Rollback);
            lease.connection().forget_answer();
        }
        self.shared.pool.give_back(lease);
    }
}
