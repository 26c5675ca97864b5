//! Random interleavings of several sessions: each answer, wait and error must be the model's; nobody may wait for ever; and the log,
//! and a checkpoint with the rest of the log, must give the same state again.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::sample::Index;

use super::model::{Model, Step};
use super::*;
use crate::rds::store::table::Table;
use crate::rds::store::{Checkpoint, Lsn};
use proptest::strategy::ValueTree;

#[derive(Clone, Debug)]
struct Script {
    steps: Vec<Step>,
    is_committed: bool,
}

fn an_item() -> impl Strategy<Value = Item> {
    (0..4i64, proptest::option::weighted(0.4, 0..4i64), 0..2i64, 0..3i64).prop_map(|(id, tag, shelf, amount)| Item {
        id,
        tag,
        shelf,
        amount,
    })
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..4i64).prop_map(Step::Read),
        3 => (0..4i64).prop_map(Step::Lock),
        2 => proptest::collection::vec(an_item(), 1..=2).prop_map(Step::Insert),
        5 => an_item().prop_map(Step::Update),
        2 => (0..4i64).prop_map(Step::Delete),
        1 => (0..2i64).prop_map(Step::Shelf),
    ]
}

fn a_script() -> impl Strategy<Value = Script> {
    (proptest::collection::vec(a_step(), 1..6), proptest::bool::weighted(0.8))
        .prop_map(|(steps, is_committed)| Script { steps, is_committed })
}

/// A client with transactions to run one after the other.
struct Session {
    scripts: VecDeque<Script>,
    open: Option<Open>,
}

struct Open {
    id: TransactionId,
    steps_done: usize,
    is_blocked: bool,
    is_logged: bool,
}

#[derive(Default)]
struct Counts {
    waits: usize,
    deadlocks: usize,
}

struct World {
    store: Store,
    model: Model,
    sessions: Vec<Session>,
    log: Vec<WalRecord>,
    counts: Counts,
}

impl World {
    fn new(scripts: Vec<Vec<Script>>) -> Self {
        let sessions = scripts.into_iter().map(|scripts| Session { scripts: scripts.into(), open: None }).collect();
        let (mut store, mut model) = (Store::new(TABLES), Model::default());
        let first = begin(&mut store);
        model.begin(first);
        let step = Step::Insert((0..4).map(|id| item(id, id)).collect());
        assert_eq!(store.execute(first, &step.statement()), model.execute(first, &step));
        model.end(first, true);
        let (record, called) = commit_logged(&mut store, first);
        assert_eq!(called, []);
        Self { store, model, sessions, log: record.into_iter().collect(), counts: Counts::default() }
    }

    /// Sessions that can do something now.
    fn runnable(&self) -> Vec<usize> {
        let can_run = |session: &Session| match &session.open {
            Some(open) => !open.is_blocked,
            None => !session.scripts.is_empty(),
        };
        (0..self.sessions.len()).filter(|&position| can_run(&self.sessions[position])).collect()
    }

    /// One session does the next thing of its script.
    fn turn(&mut self, position: usize) {
        let session = &mut self.sessions[position];
        let Some(open) = &mut session.open else {
            let id = begin(&mut self.store);
            self.model.begin(id);
            session.open = Some(Open { id, steps_done: 0, is_blocked: false, is_logged: false });
            return;
        };
        let script = session.scripts.front().unwrap();
        let Some(step) = script.steps.get(open.steps_done) else {
            let is_committed = script.is_committed;
            return self.finish(position, is_committed);
        };
        let execution = self.store.execute(open.id, &step.statement());
        assert_eq!(execution, self.model.execute(open.id, step), "{step:?} of {:?}", open.id);
        match execution {
            Execution::Done(_) => open.steps_done += 1,
            Execution::Blocked { .. } => {
                open.is_blocked = true;
                self.counts.waits += 1;
                self.check_cycle(position);
            }
            Execution::Failed(_) => self.end(position, false),
        }
    }

    fn finish(&mut self, position: usize, is_committed: bool) {
        let open = self.sessions[position].open.as_mut().unwrap();
        if is_committed && !open.is_logged {
            open.is_logged = true;
            self.log.extend(self.store.commit_record(open.id).unwrap());
        } else {
            self.end(position, is_committed);
        }
    }

    fn end(&mut self, position: usize, is_committed: bool) {
        let session = &mut self.sessions[position];
        session.scripts.pop_front();
        let id = session.open.take().unwrap().id;
        let called = if is_committed { self.store.finish_commit(id) } else { self.store.rollback(id) };
        self.model.end(id, is_committed);
        for waiter in called {
            let mut open = self.sessions.iter_mut().filter_map(|session| session.open.as_mut());
            let open = open.find(|open| open.id == waiter).expect("only open transactions are called");
            assert!(open.is_blocked, "only who waits is called");
            open.is_blocked = false;
        }
    }

    /// Whoever is said to be in a deadlock cannot move.
    fn check_cycle(&self, position: usize) {
        let waiter = self.sessions[position].open.as_ref().unwrap().id;
        for member in self.store.deadlock(waiter).into_iter().flatten() {
            let mut open = self.sessions.iter().filter_map(|session| session.open.as_ref());
            assert!(open.any(|open| open.id == member && open.is_blocked), "{member:?} can move");
        }
    }

    /// Nobody can move: somebody must be in a deadlock, and gives up.
    fn break_deadlock(&mut self) {
        let is_dead = |session: &Session| match &session.open {
            Some(open) => self.store.deadlock(open.id).is_some(),
            None => false,
        };
        let victim = self.sessions.iter().position(is_dead).expect("nobody waits for ever but in a deadlock");
        self.counts.deadlocks += 1;
        self.store.cancel_wait(self.sessions[victim].open.as_ref().unwrap().id);
        self.end(victim, false);
    }

    /// Runs all scripts to their end in the order that `choices` draw, with a checkpoint after `checkpoint_after` turns.
    fn run(&mut self, choices: &[Index], checkpoint_after: usize) -> Checkpoint {
        let mut checkpoint = self.store.checkpoint();
        for (turn, choice) in choices.iter().cycle().enumerate() {
            if turn == checkpoint_after {
                checkpoint = self.store.checkpoint();
            }
            let runnable = self.runnable();
            if !runnable.is_empty() {
                self.turn(*choice.get(&runnable));
            } else if self.sessions.iter().all(|session| session.open.is_none()) {
                break;
            } else {
                self.break_deadlock();
            }
        }
        checkpoint
    }

    fn replayed(&self, mut store: Store, up_to: Lsn) -> Store {
        self.log.iter().filter(|record| record.lsn <= up_to).for_each(|record| store.apply(record));
        store
    }

    fn check_end(&mut self, checkpoint: &Checkpoint) {
        let last = self.store.last_lsn();
        let reader = begin(&mut self.store);
        let held: Vec<Item> = (0..4).flat_map(|id| items(&mut self.store, reader, &get(id, Lock::None))).collect();
        self.store.rollback(reader);
        assert_eq!(held, self.model.committed.values().cloned().collect::<Vec<_>>());
        let kept = |store: &mut Store| store.tables.iter_mut().map(Table::kept).collect::<Vec<_>>();
        let kept_here = kept(&mut self.store);
        assert_eq!(kept_here[0].0, held.len());
        let mut replica = self.replayed(Store::new(TABLES), last);
        assert_eq!(replica.digest(), self.store.digest(), "the log gives the state");
        assert_eq!(kept(&mut replica), kept_here, "nothing dead is kept");
        let mut restored = Store::restore(TABLES, checkpoint);
        assert_eq!(restored.digest(), self.replayed(Store::new(TABLES), checkpoint.lsn).digest());
        kept(&mut restored); // from here on it has indexes, and keeps them
        let mut recovered = self.replayed(restored, last);
        assert_eq!(recovered.digest(), self.store.digest(), "a checkpoint and the rest of the log give the state");
        assert_eq!(kept(&mut recovered), kept_here, "indexes follow the log");
        assert!(self.store.transactions.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn the_store_is_the_model(
        scripts in proptest::collection::vec(proptest::collection::vec(a_script(), 1..6), 2..7),
        choices in proptest::collection::vec(any::<Index>(), 50),
        checkpoint_after in 0..60usize,
    ) {
        let mut world = World::new(scripts);
        let checkpoint = world.run(&choices, checkpoint_after);
        world.check_end(&checkpoint);
    }
}

/// The property above is only worth something if its histories have waits and deadlocks in them.
#[test]
fn the_histories_are_contended() {
    let strategy = (
        proptest::collection::vec(proptest::collection::vec(a_script(), 1..6), 2..7),
        proptest::collection::vec(any::<Index>(), 50),
    );
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = Counts::default();
    for _ in 0..200 {
        let (scripts, choices) = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(scripts);
        world.run(&choices, 0);
        counts.waits += world.counts.waits;
        counts.deadlocks += world.counts.deadlocks;
    }
    assert!(counts.waits > 400 && counts.deadlocks > 20, "{} waits, {} deadlocks", counts.waits, counts.deadlocks);
}
