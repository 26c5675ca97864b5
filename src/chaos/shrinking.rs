//! A failing seed's scenario, cut down to what still fails in the same way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faults::Attempt;
use scenarios::Scenario;

use super::{Base, Failure, live};

/// How a scenario fails.
#[derive(Clone, Debug)]
pub struct Failing {
    pub failure: Failure,
    /// The hash over every event; none of a run that ended in no result.
    pub trace_hash: Option<String>,
}

/// The smallest scenario found that fails as the seed did.
#[derive(Debug)]
pub struct Small {
    pub scenario: Scenario,
    pub failing: Failing,
    /// Candidates that were tried.
    pub attempts: u64,
    /// Nothing more can be taken away; otherwise time ran out.
    pub minimal: bool,
}

/// Shrinks the scenario of a seed that failed, for `budget_s` real seconds on `wall_clock`.
pub fn shrink(
    base: &Base,
    scenario: &Scenario,
    seed: u64,
    failing: Failing,
    budget_s: f64,
    wall_clock: &dyn Fn() -> f64,
    interrupt: &Arc<AtomicBool>,
) -> Small {
    let failure = failing.failure.clone();
    let mut last = failing;
    let mut attempt = |candidate: &Scenario| {
        if wall_clock() >= budget_s || interrupt.load(Ordering::Relaxed) {
            return Attempt::OutOfTime;
        }
        // A candidate that contradicts itself - a fault on a replica that was removed - fails nothing.
        let Ok(prepared) = base.prepare(candidate, Path::new("candidate.toml")) else { return Attempt::Holds };
        match live(&prepared, seed, interrupt.clone()) {
            Ok(lived) if lived.interrupted => Attempt::OutOfTime,
            Ok(lived) => match lived.failures.into_iter().find(|other| other.is_like(&failure)) {
                Some(same) => {
                    last = Failing { failure: same, trace_hash: lived.trace_hash };
                    Attempt::Fails
                }
                None => Attempt::Holds,
            },
            Err(_) => Attempt::Holds,
        }
    };
    let shrunk = faults::shrink(scenario.clone(), &base.prepared().loaded.blueprint, &mut attempt);
    Small { scenario: shrunk.scenario, failing: last, attempts: shrunk.attempts, minimal: shrunk.minimal }
}
