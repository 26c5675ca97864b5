//! The model as a subject: the store itself, with the waiting that `cloud::rds`'s server adds, and every order that chance could
//! bring about.

use std::collections::BTreeSet;

use cloud::rds::store::{Execution, Store, TransactionId};
use ports::database::{DatabaseError, Isolation, Statement};

use super::Script;
use super::recording::{Reply, Subject};
use super::script::Action;
use super::tables::TABLES;

/// Choices that chance makes: who goes first of several that are called at one instant, who overtakes whom on the way to a row's new
/// version, and who gives up in a deadlock.
/// The first run takes the first of each; [`advance`](Self::advance) leads through all the others.
#[derive(Debug, Default)]
pub struct Choices {
    /// What was chosen, of how many.
    path: Vec<(usize, usize)>,
    taken: usize,
}

impl Choices {
    fn pick(&mut self, count: usize) -> usize {
        if count == 1 {
            return 0;
        }
        if self.taken == self.path.len() {
            self.path.push((0, count));
        }
        let (choice, of) = self.path[self.taken];
        assert_eq!(of, count, "the same choices lead to the same place");
        self.taken += 1;
        choice
    }

    /// Prepares the next run: the last choice that has another alternative takes it. False if there is none.
    pub fn advance(&mut self) -> bool {
        self.path.truncate(self.taken);
        self.taken = 0;
        while let Some((choice, of)) = self.path.pop() {
            if choice + 1 < of {
                self.path.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// A session of the model, as `cloud::rds`'s sessions are.
#[derive(Clone, Debug, Default)]
enum Session {
    #[default]
    Idle,
    Open(TransactionId),
    Waiting(TransactionId, Statement),
    Aborted,
}

/// A store and the sessions on it.
pub struct Model<'a> {
    store: Store,
    sessions: Vec<Session>,
    choices: &'a mut Choices,
    replies: Vec<(usize, Reply)>,
    /// Those whose turn it may be.
    called: Vec<usize>,
    /// Transactions that wait for the version after the one they queued for.
    running: BTreeSet<TransactionId>,
}

impl<'a> Model<'a> {
    #[must_use]
    pub fn new(script: &Script, choices: &'a mut Choices) -> Self {
        let store = store_with(script);
        let sessions = vec![Session::default(); script.sessions.len()];
        Model { store, sessions, choices, replies: Vec::new(), called: Vec::new(), running: BTreeSet::new() }
    }

    fn execute(&mut self, session: usize, id: TransactionId, statement: Statement) {
        let (state, reply) = match self.store.execute(id, &statement) {
            Execution::Blocked { .. } => {
                self.sessions[session] = Session::Waiting(id, statement);
                return;
            }
            Execution::Done(answer) => (Session::Open(id), Reply::Answer(answer)),
            Execution::Failed(error) => {
                self.rollback(id);
                (Session::Aborted, Reply::Failed(error))
            }
        };
        self.running.remove(&id);
        self.sessions[session] = state;
        self.replies.push((session, reply));
    }

    /// Whoever waits while a row gets a new version runs for it, and has no place in a queue any more.
    fn draw_queues(&mut self, ending: TransactionId, is_committed: bool) {
        for (is_written, queue) in self.store.queues_behind(ending) {
            if is_committed && is_written {
                self.running.extend(queue.iter());
            }
            let mut left: Vec<TransactionId> = queue.drain(..).collect();
            while !left.is_empty() {
                let queueing = left.iter().position(|waiter| !self.running.contains(waiter));
                let able = |place: &usize| Some(*place) == queueing || self.running.contains(&left[*place]);
                let able: Vec<usize> = (0..left.len()).filter(able).collect();
                queue.push_back(left.remove(able[self.choices.pick(able.len())]));
            }
        }
    }

    fn rollback(&mut self, id: TransactionId) {
        self.draw_queues(id, false);
        let called = self.store.rollback(id);
        self.call(&called);
    }

    fn commit(&mut self, id: TransactionId) -> Reply {
        if let Err(error) = self.store.commit_record(id) {
            self.rollback(id);
            return Reply::Failed(error);
        }
        self.draw_queues(id, true);
        let called = self.store.finish_commit(id);
        self.call(&called);
        Reply::Ended
    }

    fn call(&mut self, transactions: &[TransactionId]) {
        for transaction in transactions {
            let session = self.waiting(*transaction).expect("only those who wait are called");
            if !self.called.contains(&session) {
                self.called.push(session);
            }
        }
    }

    fn waiting(&self, transaction: TransactionId) -> Option<usize> {
        self.sessions.iter().position(|session| matches!(session, Session::Waiting(id, _) if *id == transaction))
    }

    fn start(&mut self, session: usize, action: &Action) {
        let state = std::mem::take(&mut self.sessions[session]);
        let reply = match (action, state) {
            (Action::Execute(isolation, statement), Session::Idle) => {
                let id = self.store.begin(*isolation);
                return self.execute(session, id, statement.clone());
            }
            (Action::Execute(_, statement), Session::Open(id)) => return self.execute(session, id, statement.clone()),
            (Action::Execute(..), Session::Aborted) => {
                self.sessions[session] = Session::Aborted;
                Reply::Failed(DatabaseError::TransactionAborted)
            }
            (Action::Commit, Session::Open(id)) => self.commit(id),
            (Action::Commit, Session::Aborted) => Reply::Failed(DatabaseError::TransactionAborted),
            (Action::Rollback, Session::Open(id)) => {
                self.rollback(id);
                Reply::Ended
            }
            (Action::Commit | Action::Rollback, Session::Idle) | (Action::Rollback, Session::Aborted) => Reply::Ended,
            (_, Session::Waiting(..)) => panic!("who waits does not act"),
        };
        self.replies.push((session, reply));
    }

    /// Those whose turn it is try again, until nobody is called any more and nobody waits in a cycle.
    fn come_to_rest(&mut self) {
        loop {
            while !self.called.is_empty() {
                let session = self.called.remove(self.choices.pick(self.called.len()));
                // Whoever has failed since is not called any more.
                if let Session::Waiting(id, statement) = self.sessions[session].clone() {
                    self.execute(session, id, statement);
                }
            }
            let cycle = self.sessions.iter().find_map(|session| match session {
                Session::Waiting(id, _) => self.store.deadlock(*id),
                _ => None,
            });
            let Some(cycle) = cycle else { return };
            let victim = cycle[self.choices.pick(cycle.len())];
            let session = self.waiting(victim).expect("a cycle is of those who wait");
            self.store.cancel_wait(victim);
            self.sessions[session] = Session::Aborted;
            self.replies.push((session, Reply::Failed(DatabaseError::DeadlockDetected)));
            self.rollback(victim);
        }
    }
}

impl Subject for Model<'_> {
    fn act(&mut self, session: usize, action: &Action) -> Vec<(usize, Reply)> {
        self.start(session, action);
        self.come_to_rest();
        let mut replies = std::mem::take(&mut self.replies);
        replies.sort_by_key(|(session, _)| *session);
        replies
    }
}

/// A store that holds what a script begins with.
pub(super) fn store_with(script: &Script) -> Store {
    let mut store = Store::new(TABLES);
    let writer = store.begin(Isolation::ReadCommitted);
    for (table, row) in &script.rows {
        let insert = Statement::Insert { table: *table, rows: vec![row.clone()] };
        let outcome = store.execute(writer, &insert);
        assert!(matches!(outcome, Execution::Done(_)), "rows to begin with fit: {outcome:?}");
    }
    store.commit_record(writer).expect("nobody else is there");
    store.finish_commit(writer);
    store
}
