//! What is only known when a run is over: the faults as they were, what is still owed, what was lost, what oracles saw.

use city::phones::Crowd;
use engine::Control;
use faults::FaultLog;
use oracles::Watch;
use reports::records::{FaultRecord, OracleRecord, PendingRecord, Record};
use runtime::Time;
use scenarios::{Fault, FaultKind};

use crate::recorder::Recorder;
use crate::world;

/// A run at its end.
pub struct Ending<'a> {
    /// The scenario's faults, by the positions that the log speaks of.
    pub faults: &'a [Fault],
    pub log: FaultLog,
    pub crowd: &'a Crowd,
    pub control: &'a Control,
}

impl Ending<'_> {
    /// Adds everything to the records.
    pub fn record(&self, oracles: &Watch, recorder: &Recorder) {
        self.faults(recorder);
        self.pending(recorder);
        world::record_losses(oracles, self.onset(), recorder);
        for report in oracles.reports() {
            let first = report.first.first().map(|violation| format!("{}: {}", violation.at, violation.text));
            recorder.add(&Record::Oracle(OracleRecord {
                name: report.name,
                evaluations: report.evaluations,
                violations: report.violations,
                first_violation: first.as_deref(),
            }));
        }
    }

    /// When the disaster began, as the report has it: a copy that falls behind is not yet one.
    fn onset(&self) -> Option<Time> {
        let log = self.log.entries();
        let is_stall = |index: usize| matches!(self.faults[index].kind, FaultKind::ReplicationStall(_));
        log.iter().find(|entry| !is_stall(entry.index)).or(log.first()).map(|entry| entry.onset)
    }

    fn faults(&self, recorder: &Recorder) {
        for entry in self.log.entries() {
            let kind = &self.faults[entry.index].kind;
            let target = kind.targets().iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
            recorder.add(&Record::Fault(FaultRecord {
                id: u32::try_from(entry.index + 1).unwrap_or(u32::MAX),
                kind: kind.key(),
                target: &target,
                onset_ns: recorder.moment(entry.onset),
                healed_ns: entry.healed.map(|at| recorder.moment(at)),
                description: &kind.meaning(),
            }));
        }
    }

    fn pending(&self, recorder: &Recorder) {
        let add = |what: &str, why: &str| recorder.add(&Record::Pending(PendingRecord { what, why }));
        for pending in self.crowd.pending() {
            add(&pending.to_string(), "the platform has not brought it to its end");
        }
        for (trip, since) in recorder.unsettled() {
            let why = format!("completed at {since}, and neither captured nor declined");
            add(&format!("the fare of trip {trip}"), &why);
        }
        for panic in self.control.panics() {
            add(&panic.to_string(), "the process crashed on it; the run goes on, and is not to be trusted");
        }
    }
}
