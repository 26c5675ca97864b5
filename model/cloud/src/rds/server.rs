//! A PostgreSQL server that accepts clients: statements on processor time, lock waits with deadlock detection, commits.
//! One lives as long as a reign, or as long as a read replica follows one primary.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::database::{Answer, DatabaseError, Isolation, Lock, Statement};
use ports::observe::{CommitPosition, CommittedTransaction, Name, Observation, Observer};
use runtime::telemetry::Gauge;
use runtime::{JoinHandle, Time};
use tokio::sync::Notify;

use super::agreement::Agreement;
use super::copies::Copies;
use super::parameters::{Durability, ServerParameters};
use super::store::{Execution, Lsn, Store, TransactionId, WalRecord};
use super::wal::Wal;

/// What a primary has beside its data: its reign, its log, its copies.
pub(super) struct Reigning {
    pub epoch: u64,
    pub wal: Wal,
    pub copies: Copies,
    pub agreement: Rc<Agreement>,
    pub observer: Rc<dyn Observer>,
    /// How far the observer knows the store's present.
    pub observed: Rc<Cell<Lsn>>,
    pub store_name: Name,
    pub node_name: Name,
    /// Called once, at the first commit of the reign that a client is told of.
    pub first_commit: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Reigning {
    /// Tells the observer of a commit by `node` that is durable and visible from now on.
    pub fn tell(&self, record: &WalRecord, node: &Name) {
        self.observed.set(record.lsn);
        self.observer.observe(&Observation::Committed(CommittedTransaction {
            position: CommitPosition {
                store: self.store_name.clone(),
                epoch: record.epoch,
                lsn: record.lsn.0,
                at: runtime::now(),
            },
            node: node.clone(),
            changes: record.observed_changes(),
        }));
    }
}

/// A server that accepts clients.
pub(super) struct Server {
    pub store: RefCell<Store>,
    pub parameters: Rc<ServerParameters>,
    /// None on a read replica.
    pub reigning: Option<Reigning>,
    /// Transactions that wait for a lock, each with what wakes it.
    waits: RefCell<BTreeMap<TransactionId, Rc<Notify>>>,
    pub sessions: RefCell<BTreeMap<u64, JoinHandle<()>>>,
    pub session_gauge: Gauge,
    closed: Cell<bool>,
}

impl Server {
    pub fn new(store: Store, parameters: Rc<ServerParameters>, reigning: Option<Reigning>) -> Rc<Self> {
        Rc::new(Server {
            store: RefCell::new(store),
            parameters,
            reigning,
            waits: RefCell::default(),
            sessions: RefCell::default(),
            session_gauge: runtime::telemetry::gauge("database.sessions"),
            closed: Cell::new(false),
        })
    }

    /// Ends every session where it stands: from here on nothing is acknowledged.
    pub fn close(&self) {
        self.closed.set(true);
        self.end_sessions();
    }

    pub fn end_sessions(&self) {
        for session in self.sessions.take().into_values() {
            session.abort();
        }
        self.session_gauge.set(0);
    }

    pub fn begin(&self, isolation: Isolation) -> TransactionId {
        self.store.borrow_mut().begin(isolation)
    }

    /// Runs one statement of a transaction, waiting for locks as PostgreSQL does.
    pub async fn execute(&self, id: TransactionId, statement: &Statement) -> Result<Answer, DatabaseError> {
        if self.reigning.is_none() && writes(statement) {
            return Err(DatabaseError::ReadOnly);
        }
        runtime::cpu::work(self.parameters.statement_cpu).await;
        let answer = match self.parameters.statement_timeout {
            None => self.run(id, statement).await?,
            Some(limit) => match runtime::timeout(limit, self.run(id, statement)).await {
                Ok(answer) => answer?,
                Err(runtime::time::Elapsed) => {
                    self.stop_waiting(id);
                    return Err(DatabaseError::DeadlineExceeded);
                }
            },
        };
        let further_rows = match &answer {
            Answer::Rows(rows) => u32::try_from(rows.len()).unwrap_or(u32::MAX),
            Answer::Changed(count) => *count,
        }
        .saturating_sub(1);
        if further_rows > 0 {
            runtime::cpu::work(self.parameters.row_cpu * further_rows).await;
        }
        Ok(answer)
    }

    async fn run(&self, id: TransactionId, statement: &Statement) -> Result<Answer, DatabaseError> {
        let started = runtime::now();
        loop {
            let execution = self.store.borrow_mut().execute(id, statement);
            match execution {
                Execution::Done(answer) => return Ok(answer),
                Execution::Failed(error) => return Err(error),
                Execution::Blocked { .. } => self.wait_for_lock(id, started).await?,
            }
        }
    }

    /// Returns when it is this transaction's turn to try again.
    async fn wait_for_lock(&self, id: TransactionId, started: Time) -> Result<(), DatabaseError> {
        let turn = Rc::new(Notify::new());
        self.waits.borrow_mut().insert(id, turn.clone());
        let gives_up = self.parameters.lock_timeout.map(|limit| started + limit);
        let looks_at = runtime::now() + self.parameters.deadlock_timeout;
        let waited = runtime::select! {
            () = turn.notified() => Ok(()),
            () = sleep_until(gives_up) => Err(DatabaseError::LockTimeout),
            () = runtime::sleep_until(looks_at) => {
                if self.store.borrow().deadlock(id).is_some() {
                    Err(DatabaseError::DeadlockDetected)
                } else {
                    runtime::select! {
                        () = turn.notified() => Ok(()),
                        () = sleep_until(gives_up) => Err(DatabaseError::LockTimeout),
                    }
                }
            }
        };
        match waited {
            Ok(()) => drop(self.waits.borrow_mut().remove(&id)),
            Err(_) => self.stop_waiting(id),
        }
        waited
    }

    fn stop_waiting(&self, id: TransactionId) {
        self.waits.borrow_mut().remove(&id);
        self.store.borrow_mut().cancel_wait(id); // whoever comes next is told by the rollback that follows
    }

    fn wake(&self, turns: Vec<TransactionId>) {
        let waits = self.waits.borrow();
        for id in turns {
            if let Some(turn) = waits.get(&id) {
                turn.notify_one();
            }
        }
    }

    pub fn rollback(&self, id: TransactionId) {
        let next = self.store.borrow_mut().rollback(id);
        self.wake(next);
    }

    /// Commits: the place in the log, or none if nothing was written.
    pub async fn commit(&self, id: TransactionId) -> Result<Option<(u64, Lsn)>, DatabaseError> {
        runtime::cpu::work(self.parameters.commit_cpu).await;
        let Some(reigning) = &self.reigning else {
            self.rollback(id); // it only read
            return Ok(None);
        };
        let record = self.store.borrow_mut().commit_record(id);
        let record = record.inspect_err(|_| self.rollback(id))?;
        let Some(record) = record else {
            let next = self.store.borrow_mut().finish_commit(id);
            self.wake(next);
            return Ok(None);
        };
        let place = (record.epoch, record.lsn);
        match self.parameters.durability {
            Durability::Synchronous => {
                let told = reigning.wal.add(record).expect("a synchronous commit waits");
                // The sender goes without a word only when the reign ends, and this session with it.
                told.await.map_err(|_| DatabaseError::NotAccepting)?;
            }
            Durability::AsynchronousCommit | Durability::NoSync => {
                reigning.wal.add(record.clone());
                self.finish(reigning, record);
            }
        }
        Ok(Some(place))
    }

    /// Makes a durable commit visible, in the order of the log.
    fn finish(&self, reigning: &Reigning, record: WalRecord) {
        let next = self.store.borrow_mut().finish_commit(record.transaction);
        self.wake(next);
        reigning.tell(&record, &reigning.node_name);
        let first_commit = reigning.first_commit.borrow_mut().take();
        if let Some(first_commit) = first_commit {
            first_commit();
        }
    }

    /// Finishes every commit that is durable where it must be. Not without a lease: another server may reign already.
    pub fn advance(&self) {
        let Some(reigning) = &self.reigning else { return };
        if self.closed.get() || !reigning.agreement.holds_lease() {
            return;
        }
        for waiting in reigning.wal.release(reigning.copies.standby_durable()) {
            self.finish(reigning, waiting.record);
            // A session whose client went away does not wait for the word.
            let _ = waiting.done.send(());
        }
    }

    /// Writes and flushes the log whenever there is something to write.
    pub async fn write_log(&self) {
        let Some(reigning) = &self.reigning else { return };
        loop {
            reigning.wal.has_work().await;
            match self.parameters.durability {
                Durability::Synchronous => {}
                Durability::AsynchronousCommit => runtime::sleep(self.parameters.wal_writer_delay).await,
                Durability::NoSync => runtime::sleep(self.parameters.writeback_interval).await,
            }
            self.flush_log(reigning).await;
        }
    }

    pub async fn flush_log(&self, reigning: &Reigning) {
        reigning.wal.flush(|records| reigning.copies.send(records)).await;
        self.advance();
    }
}

fn writes(statement: &Statement) -> bool {
    match statement {
        Statement::Get { lock: Lock::None, .. } | Statement::Scan { .. } => false,
        Statement::Get { lock: Lock::ForUpdate, .. }
        | Statement::Insert { .. }
        | Statement::Update { .. }
        | Statement::Delete { .. } => true,
    }
}

/// Sleeps until a moment; for ever if there is none.
async fn sleep_until(at: Option<Time>) {
    match at {
        Some(at) => runtime::sleep_until(at).await,
        None => runtime::task::forever().await,
    }
}
