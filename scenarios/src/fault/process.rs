//! Programs.

use std::time::Duration;

use crate::fault::kind::{Kind, Target, TargetRole, lasts, seconds};
use crate::format::section::section;
use crate::format::value::{Length, Maybe, PositiveLength, Text};

section! {
    /// Parameters of `process-crash`.
    pub struct ProcessCrash {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// When the process is started again, from the onset. Left out: the fault starts nothing; whatever watches the
        /// process may.
        restart_after: Option<Duration> as Maybe<Length>,
    }
}

impl Kind for ProcessCrash {
    const ACTS: &'static str =
        "Ends the processes where they stand: their connections are reset, their memory is gone, their disk stays.";
    const HEALS: &'static str = "`restart_after` starts them again; without it whatever watches them may, or the end of the run.";

    fn heals_after(&self) -> Option<Duration> {
        self.restart_after
    }

    fn heal_after(&mut self, span: Duration) {
        if let Some(restart_after) = &mut self.restart_after {
            *restart_after = span;
        }
    }

    fn targets(&self) -> Vec<Target<'_>> {
        vec![Target { parameter: "process", role: TargetRole::Process, name: &self.process }]
    }

    fn example() -> Self {
        ProcessCrash { process: "trips-1".to_owned(), restart_after: Some(seconds(10)) }
    }
}

section! {
    /// Parameters of `process-pause`.
    pub struct ProcessPause {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// When it goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessPause { process: Process },
    acts "Stops the processes where they stand: connections stay open, timers come late, nothing is answered.",
    heals "They go on after `for` and catch up with what arrived meanwhile.",
    example ProcessPause { process: "payments".to_owned(), duration: seconds(20) }
}
