//! The live PostgreSQL behind the database port: what services of a [`LiveWorld`](crate::live::LiveWorld) use where a simulated
//! world has the model of it.
//!
//! Statements are prepared once a session and take their values as parameters. The port's rules hold as for the model: a row that
//! does not fit its table is refused before it is sent, and aborts the transaction like any other error.

mod errors;
mod session;
mod sql;
mod values;

pub use sql::definitions;

use std::cell::RefCell;
use std::rc::Rc;

use ports::database::{Answer, Database, DatabaseError, Isolation, Statement, TableSchema, Transaction};
use runtime::Time;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Config;

use session::Session;

/// A PostgreSQL server as one process sees it. Clones share its pool.
#[derive(Clone)]
pub struct Postgres(Rc<Shared>);

struct Shared {
    config: Config,
    tables: &'static [&'static TableSchema],
    slots: std::sync::Arc<Semaphore>,
    idle: RefCell<Vec<Session>>,
}

impl Postgres {
    /// A client of the server at `config`, which holds these tables as [`definitions`] makes them, with at most `connections`
    /// connections. Nothing is dialled yet.
    #[must_use]
    pub fn new(config: Config, tables: &'static [&'static TableSchema], connections: usize) -> Self {
        let slots = std::sync::Arc::new(Semaphore::new(connections));
        Postgres(Rc::new(Shared { config, tables, slots, idle: RefCell::default() }))
    }
}

impl Database for Postgres {
    type Transaction = OpenTransaction;

    async fn begin(&self, isolation: Isolation, deadline: Time) -> Result<OpenTransaction, DatabaseError> {
        let slot = within(deadline, self.0.slots.clone().acquire_owned()).await.ok_or(DatabaseError::PoolExhausted)?;
        let slot = slot.expect("the pool's slots are never closed");
        let session = loop {
            let idle = self.0.idle.borrow_mut().pop();
            let Some(idle) = idle else {
                let opening = Session::open(&self.0.config);
                break within(deadline, opening).await.ok_or(DatabaseError::DeadlineExceeded)??;
            };
            if !idle.is_closed() {
                break idle;
            }
        };
        let mut transaction = OpenTransaction {
            shared: self.0.clone(),
            session: Some(session),
            slot: Some(slot),
            is_aborted: false,
            deadline,
        };
        transaction.control(sql::begin(isolation)).await?;
        Ok(transaction)
    }
}

/// A transaction on one connection of the pool.
pub struct OpenTransaction {
    shared: Rc<Shared>,
    /// None once the connection broke or was given back.
    session: Option<Session>,
    slot: Option<OwnedSemaphorePermit>,
    /// A statement failed.
    is_aborted: bool,
    deadline: Time,
}

impl OpenTransaction {
    /// Runs BEGIN, COMMIT or ROLLBACK.
    async fn control(&mut self, command: &'static str) -> Result<(), DatabaseError> {
        let session = self.session.take().ok_or(DatabaseError::ConnectionLost)?;
        match within(self.deadline, session.control(command)).await {
            Some(outcome) => {
                self.keep(session);
                outcome
            }
            None => {
                session.cancel();
                Err(DatabaseError::DeadlineExceeded)
            }
        }
    }

    /// A connection that broke is not kept.
    fn keep(&mut self, session: Session) {
        self.session = Some(session).filter(|session| !session.is_closed());
    }

    fn give_back(&mut self) {
        let (session, slot) = (self.session.take(), self.slot.take());
        self.shared.idle.borrow_mut().extend(session);
        drop(slot); // after its session is there for the next in line
    }
}

impl Transaction for OpenTransaction {
    async fn execute(&mut self, statement: Statement) -> Result<Answer, DatabaseError> {
        if self.is_aborted {
            return Err(DatabaseError::TransactionAborted);
        }
        let queries = match sql::queries(self.shared.tables, &statement) {
            Ok(queries) => queries,
            Err(error) => {
                self.is_aborted = true;
                // The server has seen no error: tell it to let go now, as it does at its own.
                self.control("ROLLBACK").await?;
                return Err(error);
            }
        };
        // Out of its place while it works: a statement that is dropped half-way leaves a session that nobody may use.
        let session = self.session.take().ok_or(DatabaseError::ConnectionLost)?;
        let Some(outcome) = within(self.deadline, session.run(&queries)).await else {
            session.cancel();
            return Err(DatabaseError::DeadlineExceeded);
        };
        self.keep(session);
        self.is_aborted = outcome.is_err();
        outcome
    }

    async fn commit(mut self) -> Result<(), DatabaseError> {
        if self.is_aborted {
            self.control("ROLLBACK").await?;
            self.give_back();
            return Err(DatabaseError::TransactionAborted);
        }
        if self.session.is_none() {
            return Err(DatabaseError::ConnectionLost);
        }
        if self.deadline <= runtime::now() {
            return Err(DatabaseError::DeadlineExceeded);
        }
        let outcome = self.control("COMMIT").await;
        self.give_back();
        outcome.map_err(|error| match error {
            // It was sent, and nobody here knows what became of it.
            DatabaseError::DeadlineExceeded | DatabaseError::ConnectionLost => DatabaseError::CommitUnknown,
            refused => refused,
        })
    }

    async fn rollback(mut self) -> Result<(), DatabaseError> {
        self.control("ROLLBACK").await?;
        self.give_back();
        Ok(())
    }
}

impl Drop for OpenTransaction {
    /// Rolls back without making anybody wait.
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (shared, slot) = (self.shared.clone(), self.slot.take());
        drop(runtime::spawn(async move {
            if session.control("ROLLBACK").await.is_ok() {
                shared.idle.borrow_mut().push(session);
            }
            drop(slot);
        }));
    }
}

/// What comes before `deadline`.
async fn within<F: Future>(deadline: Time, future: F) -> Option<F::Output> {
    runtime::timeout(deadline.since(runtime::now()), future).await.ok()
}
