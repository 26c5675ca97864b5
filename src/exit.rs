//! Exit codes of the `rehearse` command: part of its interface. Where several hold, the order is 11, 12, 13, 10.

use std::process::ExitCode;

use reports::outcome::Verdict;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was promised was kept.
    Passed = 0,
    /// The program or the machine failed.
    Internal = 1,
    /// What was asked for makes no sense; nothing was written.
    BadInput = 2,
    /// An objective other than RTO and RPO was missed.
    ObjectiveMissed = 10,
    /// Something that must hold in every run did not: an oracle broke, a process panicked, or the platform did not come to
    /// rest although everything was healed. The report's verdict says which.
    OracleBroken = 11,
    /// Two runs of one seed differed.
    Nondeterminism = 12,
    /// An RTO or RPO was missed.
    RecoveryMissed = 13,
    /// It was stopped before its end, by Ctrl-C, SIGTERM or `--until`: what was measured is marked incomplete.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Passed => Exit::Passed,
            Verdict::ObjectiveMissed => Exit::ObjectiveMissed,
            Verdict::RecoveryMissed => Exit::RecoveryMissed,
            Verdict::OracleBroken | Verdict::ProcessPanicked | Verdict::NotConverged => Exit::OracleBroken,
            Verdict::Incomplete => Exit::Interrupted,
        }
    }
}
