//! `rehearse drill`: one scenario under many seeds, as distributions.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use reports::drill::{Drill, FailedRun, Sweep};
use reports::outcome::Outcome;

use super::{clock, interrupt, say};
use crate::cli;
use crate::exit::Exit;
use crate::not_modelled::not_modelled;
use crate::prepare::{Prepared, prepare};
use crate::rehearsal::{Options, Rehearsed, RunError, rehearse};
use crate::reproduce;

pub fn drill(arguments: &cli::Drill) -> Exit {
    let which = &arguments.which;
    let prepared = match prepare(&which.scenario, which.trips.as_deref()) {
        Ok(prepared) => prepared,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    if let Some(directory) = &arguments.out
        && let Err(error) = std::fs::create_dir_all(directory)
    {
        return say::complaint(Exit::BadInput, &format!("failed to make {}: {error}", directory.display()));
    }
    let (sweep, interrupted) = sweep(&prepared, arguments);
    let Some(drill) = Drill::of(&sweep) else { return nothing(&sweep.failed) };
    if let Some(directory) = &arguments.out
        && let Err(problem) = drill.write(directory)
    {
        return say::complaint(Exit::Internal, &problem);
    }
    let exit = exit(&drill, interrupted);
    let text = if arguments.json {
        serde_json::to_string_pretty(&drill).expect("a drill is plain data") + "\n"
    } else {
        drill.render(say::colour())
    };
    say::and_exit(&text, exit)
}

/// Where several hold: interrupted, a broken oracle, a seed without a result, the worst verdict.
fn exit(drill: &Drill, interrupted: bool) -> Exit {
    let worst = drill.runs.iter().map(|run| Exit::from(run.verdict)).find(|exit| *exit == Exit::OracleBroken);
    match worst {
        _ if interrupted => Exit::Interrupted,
        Some(broken) => broken,
        None if !drill.failed.is_empty() => Exit::Internal,
        None => drill.verdict.into(),
    }
}

/// No seed has a result.
fn nothing(failed: &[FailedRun]) -> Exit {
    let told = |failed: &FailedRun| format!("seed {}: {}\n{}", failed.seed, failed.problem, failed.reproduce);
    match failed {
        [] => say::complaint(Exit::Interrupted, &"interrupted before the first seed was done"),
        failed => say::complaint(Exit::Internal, &failed.iter().map(told).collect::<Vec<_>>().join("\n")),
    }
}

/// Runs every seed, `jobs` at a time. An interrupt ends the runs under way and keeps the whole ones; a seed that fails keeps
/// the others.
fn sweep(prepared: &Prepared, arguments: &cli::Drill) -> (Sweep, bool) {
    let bar = ProgressBar::new(arguments.seeds);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} seeds  {eta} left").expect("a constant template"));
    let interrupt = interrupt::flag();
    let next = AtomicU64::new(0);
    let swept = Mutex::new(Sweep { asked: arguments.seeds, not_modelled: not_modelled(prepared), ..Sweep::default() });
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= arguments.seeds || interrupt.load(Ordering::Relaxed) {
                return;
            }
            let seed = arguments.seed.wrapping_add(index);
            let stopwatch = clock::stopwatch();
            let rehearsed = rehearse(
                prepared,
                &Options { interrupt: interrupt.clone(), wall_clock: &stopwatch, ..Options::unwatched(seed) },
            );
            bar.inc(1);
            match result(prepared, seed, rehearsed) {
                Some(result) => add(&mut swept.lock().expect("no run panics while it holds this"), result),
                None => return,
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..u64::from(arguments.jobs).min(arguments.seeds) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    (swept.into_inner().expect("every thread has ended"), interrupt.load(Ordering::Relaxed))
}

/// What became of a seed; nothing of one that was interrupted.
fn result(prepared: &Prepared, seed: u64, run: Result<Rehearsed, RunError>) -> Option<Result<Outcome, FailedRun>> {
    match run {
        Ok(rehearsed) if rehearsed.interrupted => None,
        Ok(rehearsed) => Some(Ok(rehearsed.report.outcome)),
        Err(problem) => {
            let reproduce = reproduce::line(prepared, seed, None, None);
            Some(Err(FailedRun { seed, problem: problem.to_string(), reproduce }))
        }
    }
}

fn add(sweep: &mut Sweep, result: Result<Outcome, FailedRun>) {
    match result {
        Ok(outcome) => sweep.outcomes.push(outcome),
        Err(failed) => sweep.failed.push(failed),
    }
}

#[cfg(test)]
mod tests {

    use reports::outcome::Verdict;

    use super::*;

    /// What two seeds of the shortest scenario come to, and a third that is wedged.
    #[test]
    fn a_seed_that_fails_is_named_and_keeps_the_others() {
        let prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        let mut sweep = Sweep { asked: 2, ..Sweep::default() };
        let options = Options { until: Some(std::time::Duration::from_secs(10)), ..Options::unwatched(1) };
        let mut whole = rehearse(&prepared, &options).expect("a run");
        whole.interrupted = false;
        add(&mut sweep, result(&prepared, 1, Ok(whole)).expect("it was not interrupted"));
        let wedged = RunError::Wedged { process: "trips-0".to_owned(), at: runtime::Time::from_secs(3) };
        add(&mut sweep, result(&prepared, 2, Err(wedged)).expect("it was not interrupted"));
        let drill = Drill::of(&sweep).expect("a run");
        assert_eq!((drill.runs.len(), drill.complete, drill.verdict), (1, false, Verdict::Incomplete));
        let again = &drill.failed[0].reproduce;
        assert!(again.starts_with("rehearse run scenarios/smoke/crash.toml --seed 2  # "), "{again}");
        assert!(drill.failed[0].problem.contains("trips-0"), "{:?}", drill.failed);
        assert_eq!(exit(&drill, false), Exit::Internal);
        assert_eq!(exit(&drill, true), Exit::Interrupted);
    }
}
