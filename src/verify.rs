//! The determinism check: one seed in two fresh processes that differ in everything that must not matter - environment,
//! address layout, thread count - and, if they differ, the first event at which they do.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What one process says of its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceReport {
    pub events: u64,
    /// The trace's hash, in hexadecimal.
    pub hash: String,
    /// Digest of what every store holds at the end, in hexadecimal.
    pub final_state: String,
    /// Events and hash, at equal distances.
    pub checkpoints: Vec<(u64, String)>,
    /// The events of the window asked for.
    pub window: Vec<EventReport>,
}

/// One event, for a person to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReport {
    pub index: u64,
    pub time: String,
    pub process: String,
    pub kind: String,
    pub digest: String,
}

/// What the two runs came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    Same(TraceReport),
    Differ(Box<Difference>),
}

/// Where two runs of one seed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub first: TraceReport,
    pub second: TraceReport,
    /// The first event that differs, with those before it, as either run has them; empty where a run had ended.
    pub contexts: [Vec<EventReport>; 2],
}

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("failed to start a second process of this program: {0}")]
    Start(#[source] io::Error),
    #[error("failed to run the seed in a process of its own ({status}):\n{stderr}")]
    Run { status: String, stderr: String },
    #[error("failed to understand what the other process said: {0}")]
    Answer(#[source] serde_json::Error),
}

/// How many events before the first difference are shown.
const CONTEXT: u64 = 8;

/// A seed of a scenario, and the program that runs it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The `rehearse` executable.
    pub program: PathBuf,
    /// The scenario and its options, as on the command line.
    pub arguments: Vec<String>,
    pub seed: u64,
}

/// Two surroundings that must not matter.
#[derive(Clone, Copy)]
enum Surroundings {
    Plain,
    /// Another environment (which also moves the stack), another time zone and language, more threads.
    Other,
}

/// Runs the seed twice and compares length, final state and hash.
///
/// # Errors
/// A process that could not be started, failed, or answered nonsense.
pub fn verify(subject: &Subject) -> Result<Verified, VerifyError> {
    let first = subject.trace(Surroundings::Plain, 0, 0)?;
    let second = subject.trace(Surroundings::Other, 0, 0)?;
    if (first.events, &first.hash, &first.final_state) == (second.events, &second.hash, &second.final_state) {
        return Ok(Verified::Same(first));
    }
    let (from, to) = differing_interval(&first, &second);
    let from = from.saturating_sub(CONTEXT);
    // Events of the interval are read in both surroundings again; what differs once may differ elsewhere now, so the
    // contexts come from these two runs and no others.
    let whole = [subject.trace(Surroundings::Plain, from, to)?, subject.trace(Surroundings::Other, from, to)?];
    let [first_window, second_window] = [&whole[0].window, &whole[1].window];
    let same = first_window.iter().zip(second_window).take_while(|(a, b)| a == b).count() as u64;
    let shown = from + same.saturating_sub(CONTEXT)..=from + same;
    let context =
        |window: &[EventReport]| window.iter().filter(|event| shown.contains(&event.index)).cloned().collect();
    let contexts = [context(first_window), context(second_window)];
    Ok(Verified::Differ(Box::new(Difference { first, second, contexts })))
}

/// The interval between two checkpoints in which the traces part. Their hashes are rolling, so that once they differ
/// they differ for good: a binary search finds the first.
fn differing_interval(first: &TraceReport, second: &TraceReport) -> (u64, u64) {
    let common = first.checkpoints.len().min(second.checkpoints.len());
    let pairs: Vec<_> = first.checkpoints.iter().zip(&second.checkpoints).take(common).collect();
    let same = pairs.partition_point(|(a, b)| a == b);
    let from = if same == 0 { 0 } else { pairs[same - 1].0.0 };
    let to = pairs.get(same).map_or(first.events.max(second.events), |(a, _)| a.0);
    (from, to)
}

impl Subject {
    fn trace(&self, surroundings: Surroundings, from: u64, to: u64) -> Result<TraceReport, VerifyError> {
        let mut command = Command::new(&self.program);
        command.arg("trace").args(&self.arguments).args(["--seed", &self.seed.to_string()]);
        command.args(["--from", &from.to_string(), "--to", &to.to_string()]);
        if let Surroundings::Other = surroundings {
            command.args(["--threads", "3"]);
            command.env("REHEARSAL_PADDING", "x".repeat(3_333)).env("TZ", "Asia/Kathmandu").env("LC_ALL", "C");
        }
        let output = command.stdin(Stdio::null()).output().map_err(VerifyError::Start)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(VerifyError::Run { status: output.status.to_string(), stderr });
        }
        serde_json::from_slice(&output.stdout).map_err(VerifyError::Answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(hashes: &[&str]) -> TraceReport {
        TraceReport {
            events: hashes.len() as u64 * 10 + 5,
            hash: String::new(),
            final_state: String::new(),
            checkpoints: (1..).map(|at| at * 10).zip(hashes.iter().map(|hash| (*hash).to_owned())).collect(),
            window: Vec::new(),
        }
    }

    #[test]
    fn the_interval_is_the_one_in_which_the_traces_part() {
        let run = trace(&["a", "b", "c", "d"]);
        assert_eq!(differing_interval(&run, &trace(&["a", "b", "x", "y"])), (20, 30));
        assert_eq!(differing_interval(&run, &trace(&["x", "y", "z", "w"])), (0, 10));
        assert_eq!(differing_interval(&run, &trace(&["a", "b", "c", "d"])), (40, 45));
        assert_eq!(differing_interval(&run, &trace(&["a"])), (10, 45));
    }
}
