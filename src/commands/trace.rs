//! `rehearse trace`: one run as `verify` compares it, in JSON.

use super::say;
use crate::cli::Trace;
use crate::exit::Exit;
use crate::prepare::{Prepared, prepare};
use crate::rehearsal::{Options, RunError, rehearse};
use crate::verify::{EventReport, TraceReport};

pub fn trace(arguments: &Trace) -> Exit {
    let which = &arguments.which;
    let prepared = match prepare(&which.scenario, which.trips.as_deref()) {
        Ok(prepared) => prepared,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    let all = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..arguments.threads).map(|_| scope.spawn(|| one(&prepared, arguments))).collect();
        runs.into_iter().map(|run| run.join().expect("a run's panics are caught")).collect::<Vec<_>>()
    });
    let traces: Result<Vec<TraceReport>, RunError> = all.into_iter().collect();
    match traces {
        Ok(mut traces) => {
            let agree = traces.windows(2).all(|pair| pair[0] == pair[1]);
            let mut trace = traces.pop().expect("at least one thread");
            if !agree {
                // No other process's hash is equal to this, so that `verify` goes on to find where they part.
                trace.hash.push_str(" (threads of one process disagree)");
            }
            let text = serde_json::to_string(&trace).expect("a trace report is plain data");
            say::and_exit(&text, Exit::Passed)
        }
        Err(problem) => say::complaint(Exit::Internal, &problem),
    }
}

fn one(prepared: &Prepared, arguments: &Trace) -> Result<TraceReport, RunError> {
    let rehearsed =
        rehearse(prepared, &Options { window: arguments.from..arguments.to, ..Options::unwatched(arguments.seed) })?;
    let run = &rehearsed.report.run;
    Ok(TraceReport {
        events: run.events,
        hash: run.trace_hash.clone(),
        final_state: format!("{:016x}", rehearsed.final_state),
        checkpoints: rehearsed.checkpoints.iter().map(|at| (at.events, format!("{:032x}", at.hash))).collect(),
        window: (rehearsed.window.iter())
            .map(|(event, process)| EventReport {
                index: event.index,
                time: event.time.to_string(),
                process: process.clone(),
                kind: format!("{:?}", event.kind),
                digest: format!("{:016x}", event.digest),
            })
            .collect(),
    })
}
