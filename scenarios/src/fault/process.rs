//! Programs, and the processors and clocks they run by.

use std::time::Duration;

use notation::section;
use notation::value::{Amount, Count, Length, Maybe, PositiveLength, Ratio, Text, Word, Words};

use crate::fault::kind::{Kind, Target, TargetRole, lasts, seconds};

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
    const HEALS: &'static str =
        "`restart_after` starts them again; without it whatever watches them may, or the end of the run.";

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

section! {
    /// Parameters of `process-restart-loop`.
    pub struct ProcessRestartLoop {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// From one crash to the next; the process is started again at once.
        every: Duration as PositiveLength,
        /// When it crashes no more, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessRestartLoop { process: Process },
    acts "Ends the processes and starts them again at once, over and over: connections are reset each time.",
    heals "They crash no more after `for`.",
    example ProcessRestartLoop { process: "pricing".to_owned(), every: seconds(15), duration: seconds(90) }
}

/// The named places in the services where a run may ask for a crash.
pub const FAULT_POINTS: &[&str] = &[
    "matching.after_offer",
    "notifications.after_delivery",
    "payments.after_authorise",
    "payments.after_capture",
    "payments.after_movement",
    "payments.after_void",
    "relay.after_send",
    "trips.after_commit",
];

section! {
    /// Parameters of `fault-point`.
    pub struct FaultPoint {
        /// The place in the code, such as `payments.after_capture`.
        point: String as Text,
        /// How likely whoever gets there crashes.
        probability: f64 as Ratio = 1.0,
        /// It fires at most this often.
        at_most: u32 as Count = 1,
        /// When a process that crashed there is started again, from its crash. Kubernetes documentation, mid-2023: the kubelet
        /// restarts a container that exits at once the first time, then after 10 s, 20 s and so on.
        restart_after: Duration as Length = Duration::ZERO,
        /// When the point is disarmed, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    FaultPoint { point: FaultPoint },
    acts "Arms a named place in the services' code: a process that gets there crashes, between one step and the next.",
    heals "The point is disarmed after `for`, or spent after `at_most`; a process that crashed there starts again.",
    example FaultPoint {
        point: "payments.after_capture".to_owned(),
        probability: 0.5,
        at_most: 3,
        restart_after: seconds(10),
        duration: seconds(300),
    }
}

section! {
    /// Parameters of `cpu-stress`.
    pub struct CpuStress {
        /// A zone, service, store or host: each of its hosts is stressed.
        place: String as Text,
        /// The share of each core that something else takes; under 100%.
        share: f64 as Ratio,
        /// When it ends, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    CpuStress { place: Place },
    acts "Takes a share of every core of the hosts, as a noisy neighbour does: work takes longer by as much.",
    heals "The cores are the processes' own again after `for`.",
    example CpuStress { place: "rds-primary".to_owned(), share: 0.8, duration: seconds(60) }
}

section! {
    /// Parameters of `cpu-throttle`.
    pub struct CpuThrottle {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// Cores that each process may use, by CFS quota.
        cores: f64 as Amount,
        /// When the limit is lifted, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    CpuThrottle { process: Process },
    acts "Lowers the CFS quota of the processes: what exceeds it waits for the next period of 100 ms.",
    heals "Their own quota holds again after `for`.",
    example CpuThrottle { process: "gateway".to_owned(), cores: 0.1, duration: seconds(60) }
}

/// Which way a clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It shows what is still to come.
    Ahead,
    /// It shows what is past.
    Behind,
}

impl Words for Skew {
    const WORDS: &'static [(&'static str, Self)] = &[("ahead", Skew::Ahead), ("behind", Skew::Behind)];
}

section! {
    /// Parameters of `clock-skew`.
    pub struct ClockSkew {
        /// A zone, service, store or host: the clock of each of its hosts.
        place: String as Text,
        /// Which way it is wrong.
        direction: Skew as Word,
        /// By how much, at the onset.
        by: Duration as Length,
        /// By how much more each second, in microseconds. RFC 5905 takes clocks to drift by up to 15 ppm; a bad quartz by 100.
        drift_ppm: Option<u32> as Maybe<Count>,
        /// When the clock is set right, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ClockSkew { place: Place },
    acts "Sets the hosts' wall clocks wrong: what services write down is wrong by as much, and no timer is.",
    heals "The clocks are set right in one step after `for`, as an NTP daemon steps a clock.",
    example ClockSkew {
        place: "trips-0".to_owned(),
        direction: Skew::Behind,
        by: Duration::from_millis(500),
        drift_ppm: Some(100),
        duration: seconds(120),
    }
}
