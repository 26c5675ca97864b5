//! `rehearse drill`: one scenario under many seeds, as distributions.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use reports::drill::Drill;
use reports::outcome::Outcome;

use super::{clock, interrupt, say};
use crate::cli;
use crate::exit::Exit;
use crate::prepare::{Prepared, prepare};
use crate::rehearsal::{Options, RunError, rehearse};

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
    let (outcomes, interrupted) = match sweep(&prepared, arguments) {
        Ok(swept) => swept,
        Err(problem) => return say::complaint(Exit::Internal, &problem),
    };
    let Some(drill) = Drill::of(&outcomes) else {
        return say::complaint(Exit::Interrupted, &"interrupted before the first seed was done");
    };
    if let Some(directory) = &arguments.out
        && let Err(problem) = drill.write(directory)
    {
        return say::complaint(Exit::Internal, &problem);
    }
    let worst = outcomes.iter().map(|outcome| outcome.verdict).min().expect("a drill has outcomes");
    let exit = if interrupted { Exit::Interrupted } else { worst.into() };
    let text = if arguments.json {
        serde_json::to_string_pretty(&drill).expect("a drill is plain data") + "\n"
    } else {
        drill.render(say::colour())
    };
    say::and_exit(&text, exit)
}

/// Runs every seed, `jobs` at a time; outcomes in order of seeds. An interrupt ends the runs under way and keeps the
/// whole ones.
fn sweep(prepared: &Prepared, arguments: &cli::Drill) -> Result<(Vec<Outcome>, bool), RunError> {
    let bar = ProgressBar::new(arguments.seeds);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} seeds  {eta} left").expect("a constant template"));
    let interrupt = interrupt::flag();
    let next = AtomicU64::new(0);
    let finished: Mutex<Vec<Result<Outcome, RunError>>> = Mutex::default();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= arguments.seeds || interrupt.load(Ordering::Relaxed) {
                return;
            }
            let stopwatch = clock::stopwatch();
            let rehearsed = rehearse(
                prepared,
                &Options {
                    seed: arguments.seed.wrapping_add(index),
                    out: None,
                    wire_check: false,
                    window: 0..0,
                    interrupt: interrupt.clone(),
                    observer: None,
                    progress: &|_| {},
                    wall_clock: &stopwatch,
                },
            );
            bar.inc(1);
            let outcome = match rehearsed {
                Ok(rehearsed) if rehearsed.interrupted => return,
                other => other.map(|rehearsed| rehearsed.report.outcome),
            };
            finished.lock().expect("no run panics while it holds this").push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..u64::from(arguments.jobs).min(arguments.seeds) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    let mut outcomes: Vec<Outcome> =
        finished.into_inner().expect("every thread has ended").into_iter().collect::<Result<_, _>>()?;
    outcomes.sort_by_key(|outcome| outcome.seed);
    Ok((outcomes, interrupt.load(Ordering::Relaxed)))
}
