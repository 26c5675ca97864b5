//! `rehearse verify`: one seed, two processes, the same run.

use std::fmt::Write;

use super::say;
use crate::cli::Verify;
use crate::exit::Exit;
use crate::prepare::prepare;
use crate::verify::{Difference, EventReport, Subject, Verified, verify as verify_subject};

pub fn verify(arguments: &Verify) -> Exit {
    let which = &arguments.which;
    let prepared = match prepare(&which.scenario, which.trips.as_deref()) {
        Ok(prepared) => prepared,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return say::complaint(Exit::Internal, &format!("failed to find this program: {error}")),
    };
    let subject = Subject { program, arguments: prepared.arguments(), seed: arguments.seed };
    match verify_subject(&subject) {
        Err(problem) => say::complaint(Exit::Internal, &problem),
        Ok(Verified::Same(trace)) => {
            let text = format!(
                "same  {} events, final state {}, trace {}\n",
                reports::format::count(trace.events),
                trace.final_state,
                trace.hash
            );
            say::and_exit(&text, Exit::Passed)
        }
        Ok(Verified::Differ(difference)) => {
            let line = format!("rehearse verify {} --seed {}", prepared.arguments().join(" "), arguments.seed);
            let text = format!("{}\nscenario hash {}\n{line}\n", describe(&difference), prepared.hash);
            say::and_exit(&text, Exit::Nondeterminism)
        }
    }
}

fn describe(difference: &Difference) -> String {
    let mut text = String::from("DIFFERENT: two processes ran this seed and parted\n\n");
    for (name, run) in [("first", &difference.first), ("second", &difference.second)] {
        let (events, state, hash) = (reports::format::count(run.events), &run.final_state, &run.hash);
        writeln!(text, "{name:>6}: {events} events, final state {state}, trace {hash}").expect("a String takes all");
    }
    let [first, second] = &difference.contexts;
    if first == second {
        text.push_str("\nRun again, both agreed up to here: what differs does not differ every time.\n");
    }
    for (name, events) in [("first", first), ("second", second)] {
        writeln!(text, "\n{name} run, up to the first event that differs:").expect("a String takes all");
        for event in events {
            writeln!(text, "  {}", line(event)).expect("a String takes all");
        }
    }
    text
}

fn line(event: &EventReport) -> String {
    let EventReport { index, time, process, kind, digest } = event;
    format!("{index:>10}  {time:>18}  {process:<24} {kind:<12} {digest}")
}
