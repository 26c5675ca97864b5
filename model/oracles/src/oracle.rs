//! What every oracle is, and how it says what it found.

use std::time::Duration;

use ports::observe::Observation;
use runtime::Time;

use crate::cached_profile::CachedProfile;
use crate::transaction::Transaction;
use crate::view::View;

/// One invariant. It is shown what happened in the order in which it happened and speaks through its [`Tally`].
pub trait Oracle {
    /// A few words joined by hyphens, unique among oracles: reports and reproducing lines use it.
    fn name(&self) -> &'static str;

    /// The invariant in one sentence.
    fn statement(&self) -> &'static str;

    /// A transaction was committed. The view holds it already.
    fn committed(&mut self, _transaction: &Transaction, _view: &View, _tally: &mut Tally) {}

    /// A recovery left this transaction out. The view is as if it had never been; the rows' pairs read from what was undone to what is.
    fn undone(&mut self, _transaction: &Transaction, _view: &View) {}

    /// Anything else happened. Of what caches and event logs acknowledge, only what is gone by then.
    fn observed(&mut self, _observation: &Observation, _view: &View, _tally: &mut Tally) {}

    /// A client was told that a cache keeps this of a rider.
    fn profile_cached(&mut self, _cached: &CachedProfile, _view: &View, _tally: &mut Tally) {}

    /// The run is over.
    fn finish(&mut self, _end: End, _view: &View, _tally: &mut Tally) {}
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub at: Time,
    /// Whether the platform, healed, came to rest: nothing is pending that only needs time.
    pub converged: bool,
    /// Since when nothing is broken; none if something still is, or if the run was cut short. Only then something is owed.
    pub whole_since: Option<Time>,
}

/// For how long after its time, and after the last fault was healed, something may still be pending: a standby that takes over, caches of
/// names, an ejected replica, the loops of whoever finishes what was left undone, and their back-offs. Assumption: twice their sum.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

impl End {
    /// Whether what should have been done at `due_ns` should be done by now.
    pub(crate) fn is_overdue(&self, due_ns: i64) -> bool {
        let due = Time(u64::try_from(due_ns).unwrap_or(0));
        self.whole_since.is_some_and(|since| self.at >= due.max(since) + PATIENCE)
    }
}

/// How many violations of one invariant are kept with their text. One bug tends to repeat itself; the first ones tell.
const VIOLATIONS_MAX: usize = 20;

/// One breach of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub at: Time,
    pub text: String,
}

/// What one oracle has looked at and found so far.
#[derive(Debug, Default)]
pub struct Tally {
    evaluations: u64,
    violations: u64,
    first: Vec<Violation>,
}

impl Tally {
    /// Counts one look at something that could have been wrong, and notes it if it was: `problem` says what.
    pub fn check(&mut self, at: Time, holds: bool, problem: impl FnOnce() -> String) {
        self.evaluations += 1;
        if holds {
            return;
        }
        self.violations += 1;
        if self.first.len() < VIOLATIONS_MAX {
            self.first.push(Violation { at, text: problem() });
        }
    }
}

/// What an oracle found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub name: &'static str,
    pub statement: &'static str,
    /// How often it looked at something that could have been wrong. An oracle that never looked proves nothing.
    pub evaluations: u64,
    pub violations: u64,
    /// The first violations, in the order in which they were found; no more than twenty.
    pub first: Vec<Violation>,
}

impl Report {
    pub(crate) fn of(oracle: &dyn Oracle, tally: &Tally) -> Self {
        Self {
            name: oracle.name(),
            statement: oracle.statement(),
            evaluations: tally.evaluations,
            violations: tally.violations,
            first: tally.first.clone(),
        }
    }
}
