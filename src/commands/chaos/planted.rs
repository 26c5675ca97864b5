//! `rehearse chaos --planted`: whether chaos finds every bug that can be planted. Compiled for tests only.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{clock, interrupt, say};
use crate::chaos::Base;
use crate::chaos::planted::{BUGS, Bug, Hunt, HuntError, Hunter, Limits, render};
use crate::cli;
use crate::exit::Exit;

/// Real seconds in which a bug must be found and shrunk, on two cores.
const LIMIT_S: f64 = 120.0;

/// Hunts every bug, or the one that was asked for, `jobs` at a time, and prints what became of each.
pub fn prove(base: &Base, only: Option<&str>, arguments: &cli::Chaos) -> Exit {
    let bugs: Vec<&'static Bug> = BUGS.iter().filter(|bug| only.is_none_or(|name| bug.name == name)).collect();
    if bugs.is_empty() {
        let names: Vec<&str> = BUGS.iter().map(|bug| bug.name).collect();
        return say::complaint(Exit::BadInput, &format!("there is no such bug; there are {}", names.join(", ")));
    }
    let interrupt = interrupt::flag();
    let shrink_s = f64::from(arguments.shrink_for);
    let hunter = Hunter::new(base, Limits { seeds: arguments.seeds.clone(), total_s: LIMIT_S, shrink_s }, &interrupt);
    let next = AtomicUsize::new(0);
    let hunts: Mutex<Vec<Result<Hunt, HuntError>>> = Mutex::default();
    let work = || {
        while !interrupt.load(Ordering::Relaxed) {
            let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let hunt = hunter.hunt(bug, &clock::stopwatch());
            if let Ok(hunt) = &hunt {
                // At once, for whoever watches; the table is the result.
                writeln!(std::io::stderr(), "{}", tidings(hunt)).ok();
            }
            hunts.lock().expect("nobody panics while holding this").push(hunt);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..usize::from(arguments.jobs).min(bugs.len()) {
            scope.spawn(work);
        }
    });
    let hunts: Result<Vec<Hunt>, HuntError> = hunts.into_inner().expect("every thread has ended").into_iter().collect();
    let mut hunts = match hunts {
        Ok(hunts) => hunts,
        Err(problem) => return say::complaint(Exit::Internal, &problem),
    };
    hunts.sort_by_key(|hunt| hunt.bug.name);
    let exit = match (interrupt.load(Ordering::Relaxed), hunts.iter().all(|hunt| hunt.caught.is_some())) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Passed,
        (false, false) => Exit::ObjectiveMissed,
    };
    say::and_exit(&render(&hunts, say::colour()), exit)
}

fn tidings(hunt: &Hunt) -> String {
    let Hunt { bug, seeds, seconds, caught } = hunt;
    match caught {
        Some(caught) => {
            format!("{} ({}): seed {} in {seconds:.0} s: {}", bug.name, bug.what, caught.seed, caught.failure)
        }
        None => format!("{} ({}): not found by {seeds} seeds in {seconds:.0} s", bug.name, bug.what),
    }
}
