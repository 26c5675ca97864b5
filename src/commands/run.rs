//! `rehearse run`: one scenario, one seed.

use reports::report::Report;

use super::{clock, interrupt, say};
use crate::cli::{EngineName, Run};
use crate::exit::Exit;
use crate::other_engines;
use crate::prepare::{Prepared, prepare};
use crate::rehearsal::{Options, Rehearsed, RunError, rehearse};
use crate::reproduce;

pub fn run(arguments: &Run) -> Exit {
    let which = &arguments.which;
    let prepared = match prepare(&which.scenario, which.trips.as_deref()) {
        Ok(prepared) => prepared,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    if let Some(replay) = &prepared.replay {
        say::aside(replay);
    }
    match arguments.engine {
        EngineName::Native => native(arguments, &prepared),
        EngineName::Turmoil | EngineName::Live => other(arguments, &prepared),
    }
}

fn native(arguments: &Run, prepared: &Prepared) -> Exit {
    let duration = prepared.loaded.scenario.duration;
    if let Some(until) = arguments.until.filter(|until| until.is_zero() || *until >= duration) {
        let [until, duration] = [until, duration].map(notation::units::duration_text);
        let problem = format!("--until {until} is not within the scenario, which is over at {duration}");
        return say::complaint(Exit::BadInput, &problem);
    }
    if let Some(directory) = &arguments.out
        && let Err(error) = std::fs::create_dir_all(directory)
    {
        return say::complaint(Exit::BadInput, &format!("failed to make {}: {error}", directory.display()));
    }
    let progress = say::Progress::new();
    let stopwatch = clock::stopwatch();
    let rehearsed = rehearse(
        prepared,
        &Options {
            out: arguments.out.as_deref(),
            wire_check: arguments.wire_check,
            until: arguments.until,
            interrupt: interrupt::flag(),
            progress: &|share| progress.set(share),
            wall_clock: &stopwatch,
            ..Options::unwatched(arguments.seed)
        },
    );
    progress.finish();
    match rehearsed {
        Err(problem) => {
            let exit = say::complaint(Exit::Internal, &complaint(&problem, arguments, prepared));
            problem.report().map_or(exit, |report| say::and_exit(&render(report, arguments.json), exit))
        }
        Ok(Rehearsed { report, interrupted, .. }) => {
            let exit = if interrupted { Exit::Interrupted } else { report.outcome.verdict.into() };
            say::and_exit(&render(&report, arguments.json), exit)
        }
    }
}

fn render(report: &Report, json: bool) -> String {
    if json {
        let mut text = serde_json::to_string_pretty(&report.outcome).expect("an outcome is plain data");
        text.push('\n');
        text
    } else {
        reports::terminal::render(report, say::colour())
    }
}

fn complaint(problem: &RunError, arguments: &Run, prepared: &Prepared) -> String {
    format!("{problem}\n{}", reproduce::line(prepared, arguments.seed, arguments.until, None))
}

fn other(arguments: &Run, prepared: &Prepared) -> Exit {
    for (given, option) in [
        (arguments.out.is_some(), "--out"),
        (arguments.json, "--json"),
        (arguments.wire_check, "--wire-check"),
        (arguments.until.is_some(), "--until"),
    ] {
        if given {
            let engine = other_engines::name(arguments.engine);
            let problem = format!("the engine {engine} keeps no records and no trace: {option} needs --engine native");
            return say::complaint(Exit::BadInput, &problem);
        }
    }
    match other_engines::run(prepared, arguments.seed, arguments.engine) {
        Err(problem) => say::complaint(problem.exit(), &problem),
        Ok(lived) => {
            let exit =
                if lived.kept_its_promises() && lived.carried_a_ride() { Exit::Passed } else { Exit::OracleBroken };
            say::and_exit(&lived.to_string(), exit)
        }
    }
}
