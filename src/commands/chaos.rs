//! `rehearse chaos`: many seeds, each with faults of its own.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressStyle};

use super::{clock, interrupt, say};
use crate::chaos::{Base, FailedSeed, Failing, Lived, Small, Summary, live, plan_path, shrink, shrunk_path};
use crate::cli;
use crate::exit::Exit;
use crate::prepare::{InputError, Prepared, prepare};
use crate::rehearsal::RunError;
use crate::reproduce;

#[cfg(feature = "canary")]
mod planted;

/// Why a seed has no result.
#[derive(Debug, thiserror::Error)]
enum ChaosError {
    #[error("seed {seed} drew a scenario that cannot be run, which is a defect of the drawing: {source}")]
    Plan { seed: u64, source: InputError },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("failed to write {path}: {source}")]
    Write { path: String, source: std::io::Error },
}

pub fn chaos(arguments: &cli::Chaos) -> Exit {
    let base = match prepare(&arguments.scenario, None) {
        Ok(prepared) => Base::new(prepared),
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    #[cfg(feature = "canary")]
    if let Some(only) = &arguments.planted {
        return planted::prove(&base, only.as_deref(), arguments);
    }
    if arguments.plan {
        let directory = Path::new("");
        let plans: Vec<String> =
            arguments.seeds.clone().map(|seed| base.file_for(&base.plan(seed), directory)).collect();
        return say::and_exit(&plans.join("\n"), Exit::Passed);
    }
    let stopwatch = clock::stopwatch();
    let interrupt = interrupt::flag();
    let mut summary = match sweep(&base, arguments, &interrupt) {
        Ok(summary) => summary,
        Err(problem) => return say::complaint(Exit::Internal, &problem),
    };
    summary.wall_s = stopwatch();
    let exit = match (interrupt.load(Ordering::Relaxed), summary.failed.is_empty()) {
        (true, _) => Exit::Interrupted,
        (false, false) => Exit::OracleBroken,
        (false, true) => Exit::Passed,
    };
    say::and_exit(&summary.render(say::colour()), exit)
}

/// Lives every seed, `jobs` at a time, and shrinks those that fail.
fn sweep(base: &Base, arguments: &cli::Chaos, interrupt: &Arc<AtomicBool>) -> Result<Summary, ChaosError> {
    let seeds = arguments.seeds.end - arguments.seeds.start;
    let bar = ProgressBar::new(seeds);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} seeds  {eta} left").expect("a constant template"));
    let next = AtomicU64::new(arguments.seeds.start);
    let summary: Mutex<Result<Summary, ChaosError>> = Mutex::new(Ok(Summary::default()));
    let work = || {
        while !interrupt.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= arguments.seeds.end {
                return;
            }
            let lived = one(base, arguments, seed, interrupt, &bar);
            bar.inc(1);
            let mut summary = summary.lock().expect("nobody panics while it holds this");
            match (&mut *summary, lived) {
                (Ok(summary), Ok(Some((lived, failed)))) => add(summary, &lived, failed),
                (_, Ok(_)) => {}
                (_, Err(problem)) => {
                    *summary = Err(problem);
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..u64::from(arguments.jobs).min(seeds) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    let mut summary = summary.into_inner().expect("every thread has ended")?;
    summary.failed.sort_by_key(|failed| failed.seed);
    Ok(summary)
}

fn add(summary: &mut Summary, lived: &Lived, failed: Option<FailedSeed>) {
    summary.seeds += 1;
    summary.simulated_s += lived.simulated_s;
    summary.events += lived.events;
    summary.coverage.add(&lived.coverage);
    summary.failed.extend(failed);
}

/// Lives one seed; what became of it, unless it was interrupted.
fn one(
    base: &Base,
    arguments: &cli::Chaos,
    seed: u64,
    interrupt: &Arc<AtomicBool>,
    bar: &ProgressBar,
) -> Result<Option<(Lived, Option<FailedSeed>)>, ChaosError> {
    let scenario = base.plan(seed);
    let path = plan_path(&arguments.out, seed);
    let prepared = base.prepare(&scenario, &path).map_err(|source| ChaosError::Plan { seed, source })?;
    let lived = live(&prepared, seed, interrupt.clone())?;
    if lived.interrupted {
        return Ok(None);
    }
    let Some(gravest) = lived.failures.first() else { return Ok(Some((lived, None))) };
    write(&path, &base.file_for(&scenario, &arguments.out))?;
    let mut failed = FailedSeed {
        seed,
        failures: lived.failures.clone(),
        reproduce: reproduce::line(&prepared, seed, None, lived.trace_hash.as_deref()),
        shrunk: None,
    };
    // At once, for whoever watches; the whole list is the result.
    bar.suspend(|| writeln!(std::io::stderr(), "{failed}")).ok();
    if arguments.shrink_for > 0 {
        let stopwatch = clock::stopwatch();
        let budget_s = f64::from(arguments.shrink_for);
        let failing = Failing { failure: gravest.clone(), trace_hash: lived.trace_hash.clone() };
        let small = shrink(base, &scenario, seed, failing, budget_s, &stopwatch, interrupt);
        let path = shrunk_path(&arguments.out, seed);
        let prepared = base.prepare(&small.scenario, &path).map_err(|source| ChaosError::Plan { seed, source })?;
        let file = base.file_for(&small.scenario, &arguments.out);
        write(&path, &file)?;
        failed.shrunk = Some(told(&small, scenario.faults.len(), &prepared, seed));
    }
    Ok(Some((lived, Some(failed))))
}

/// What became of shrinking a scenario of so many faults, and the line that does what is left of it, `prepared`, again.
fn told(small: &Small, faults: usize, prepared: &Prepared, seed: u64) -> String {
    let how = if small.minimal { "nothing more can be taken away" } else { "time ran out" };
    format!(
        "shrunk from {faults} faults to {} in {} attempts ({how}), fails {}\n  {}",
        small.scenario.faults.len(),
        small.attempts,
        small.failing.failure,
        reproduce::line(prepared, seed, None, small.failing.trace_hash.as_deref()),
    )
}

fn write(path: &Path, text: &str) -> Result<(), ChaosError> {
    let failed = |source| ChaosError::Write { path: path.display().to_string(), source };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::Failure;

    #[test]
    fn a_shrunk_scenario_has_a_line_that_can_be_compared() {
        let prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        let failure = Failure::Wedged { process: "trips-0".to_owned(), at: "70s".to_owned() };
        let failing = Failing { failure, trace_hash: Some("9b0e3a4d17c85f22".to_owned()) };
        let scenario = prepared.loaded.scenario.clone();
        let text = told(&Small { scenario, failing, attempts: 12, minimal: true }, 8, &prepared, 5);
        let (what, line) = text.split_once("\n  ").expect("two lines");
        assert!(what.starts_with("shrunk from 8 faults to ") && what.contains("wedged: trips-0 at 70s"), "{what}");
        assert_eq!(line, reproduce::line(&prepared, 5, None, Some("9b0e3a4d17c85f22")));
    }
}
