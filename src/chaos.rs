//! Chaos: each seed draws a scenario, lives it, and either everything holds or the seed has failed.
//!
//! A seed's scenario is an ordinary one. It goes through the same loader as a file does, so that what fails here fails
//! again under `rehearse run`.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scenarios::{Library, Scenario};

use crate::prepare::{InputError, Prepared, prepare_loaded};
use crate::rehearsal::{Options, Rehearsed, RunError, rehearse};

mod coverage;
mod failure;
#[cfg(feature = "canary")]
pub mod planted;
mod shrinking;
mod summary;

pub use coverage::{Coverage, FaultSpan, Stay, Stays};
pub use failure::Failure;
pub use shrinking::{Failing, Small, shrink};
pub use summary::{FailedSeed, Summary};

/// What seeds draw their scenarios over.
pub struct Base {
    prepared: Prepared,
    library: Library,
}

/// What a seed's run came to.
#[derive(Debug)]
pub struct Lived {
    /// Everything that did not hold, gravest first; empty when the seed passed.
    pub failures: Vec<Failure>,
    /// What was tried: which states met which faults.
    pub coverage: Coverage,
    /// The hash over every event; none of a run that ended in no result.
    pub trace_hash: Option<String>,
    pub simulated_s: f64,
    pub events: u64,
    /// It was stopped before its end.
    pub interrupted: bool,
}

impl Base {
    /// Chaos over a scenario that is fit to run.
    #[must_use]
    pub fn new(prepared: Prepared) -> Self {
        let library = Library::around(prepared.path.parent().unwrap_or(Path::new("")));
        Base { prepared, library }
    }

    #[must_use]
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The scenario that a seed draws.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Scenario {
        let loaded = &self.prepared.loaded;
        faults::chaos::plan(&loaded.scenario, &loaded.blueprint, seed)
    }

    /// Makes a scenario ready to run, as if it were the file `path` beside the base.
    ///
    /// # Errors
    /// The scenario contradicts its blueprint or itself, as a shrunk candidate may.
    pub fn prepare(&self, scenario: &Scenario, path: &Path) -> Result<Prepared, InputError> {
        let loaded = scenarios::load_str(&path.display().to_string(), &scenario.to_toml(), &self.library);
        prepare_loaded(path, loaded?)
    }

    /// The text of a scenario's file for a directory in which the names of its blueprint and city may mean nothing.
    #[must_use]
    pub fn file_for(&self, scenario: &Scenario, directory: &Path) -> String {
        let mut scenario = scenario.clone();
        let loaded = &self.prepared.loaded;
        let beside =
            |found: &Path| std::path::absolute(found).unwrap_or_else(|_| found.to_owned()).display().to_string();
        if !Library::around(directory).shares_root_with(&self.library) {
            scenario.blueprint = beside(&loaded.blueprint_path);
            scenario.city = beside(&loaded.city_path);
        }
        scenario.to_toml()
    }
}

/// Where the files of a seed that failed are written.
#[must_use]
pub fn plan_path(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}.toml"))
}

/// Where the shrunk scenario of a seed that failed is written.
#[must_use]
pub fn shrunk_path(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}-shrunk.toml"))
}

/// Lives a prepared scenario under a seed.
///
/// # Errors
/// The records could not be kept; a wedged run is a failure of the seed and no error.
pub fn live(prepared: &Prepared, seed: u64, interrupt: Arc<AtomicBool>) -> Result<Lived, RunError> {
    let stays = Rc::new(Stays::default());
    let rehearsed =
        rehearse(prepared, &Options { interrupt, observer: Some(stays.clone()), ..Options::unwatched(seed) });
    match rehearsed {
        Ok(rehearsed) => Ok(judge(prepared, &rehearsed, &stays)),
        Err(RunError::Wedged { process, at }) => Ok(Lived {
            failures: vec![Failure::Wedged { process, at: at.to_string() }],
            coverage: Coverage::default(),
            trace_hash: None,
            simulated_s: at.as_secs_f64(),
            events: 0,
            interrupted: false,
        }),
        Err(other) => Err(other),
    }
}

fn judge(prepared: &Prepared, rehearsed: &Rehearsed, stays: &Stays) -> Lived {
    let outcome = &rehearsed.report.outcome;
    let end = runtime::Time((outcome.speed.simulated_s * 1e9) as u64);
    let kinds = &prepared.loaded.scenario.faults;
    let spans: Vec<FaultSpan> = rehearsed
        .faults
        .iter()
        .map(|entry| FaultSpan {
            kind: kinds[entry.index].kind.key(),
            from: entry.onset,
            // Whatever lasts is healed at the horizon at the latest: what was not was over at once.
            to: entry.healed.unwrap_or(entry.onset),
        })
        .collect();
    Lived {
        failures: if rehearsed.interrupted { Vec::new() } else { failure::of(rehearsed) },
        coverage: Coverage::of(&stays.until(end), &spans),
        trace_hash: Some(outcome.trace_hash.clone()),
        simulated_s: outcome.speed.simulated_s,
        events: outcome.speed.events,
        interrupted: rehearsed.interrupted,
    }
}
