//! What is only known when a run is over: the faults as they were, what is still owed, what was lost, what oracles saw.

use city::phones::{Crowd, Pending};
use engine::Control;
use faults::FaultLog;
use oracles::Watch;
use reports::measures::is_disaster;
use reports::records::{FaultRecord, OracleRecord, PendingRecord, Record, Unrest};
use runtime::Time;
use scenarios::{Fault, FaultKind, blueprint};

use crate::recorder::Recorder;
use crate::world;

/// A run at its end.
pub struct Ending<'a> {
    /// The scenario's faults, by the positions that the log speaks of.
    pub faults: &'a [Fault],
    pub log: FaultLog,
    pub crowd: &'a Crowd,
    pub control: &'a Control,
    /// Everything was healed and had its time to come to rest.
    pub whole: bool,
}

impl Ending<'_> {
    /// Adds everything to the records.
    pub fn record(&self, oracles: &Watch, recorder: &Recorder) {
        self.faults(recorder);
        self.panics(recorder);
        if self.whole {
            self.pending(recorder);
        }
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

    /// When the disaster began, as the report has it.
    fn onset(&self) -> Option<Time> {
        let log = self.log.entries();
        let disaster = log.iter().find(|entry| is_disaster(self.faults[entry.index].kind.key()));
        disaster.or(log.first()).map(|entry| entry.onset)
    }

    fn faults(&self, recorder: &Recorder) {
        for entry in self.log.entries() {
            let kind = &self.faults[entry.index].kind;
            let target = target(kind);
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
        let kind = Unrest::Pending;
        let add = |what: &str, why: &str| recorder.add(&Record::Pending(PendingRecord { kind, what, why }));
        for alike in gathered(self.crowd.pending()) {
            add(&alike.what(), &alike.why);
        }
        for (trip, since) in recorder.unsettled() {
            let why = format!("on its way since {since}, and nothing is decided");
            add(&format!("the money of trip {trip}"), &why);
        }
    }

    fn panics(&self, recorder: &Recorder) {
        for panic in self.control.panics() {
            let what = format!("{} at {}", panic.process, panic.at);
            let why = format!("{} ({})", panic.message, panic.location);
            recorder.add(&Record::Pending(PendingRecord { kind: Unrest::Panicked, what: &what, why: &why }));
        }
    }
}

/// People who are in the middle of the same for the same reason.
struct Alike {
    /// Who has been for longest.
    longest: Pending,
    others: usize,
    why: String,
}

impl Alike {
    fn what(&self) -> String {
        match self.others {
            0 => self.longest.to_string(),
            others => format!("{}, and {others} more for the same reason", self.longest),
        }
    }
}

/// In the order in which their reasons appear.
fn gathered(pending: Vec<Pending>) -> Vec<Alike> {
    let mut gathered: Vec<Alike> = Vec::new();
    for pending in pending {
        let why = pending.why();
        match gathered.iter_mut().find(|alike| alike.longest.doing == pending.doing && alike.why == why) {
            Some(alike) => {
                alike.others += 1;
                if pending.since < alike.longest.since {
                    alike.longest = pending;
                }
            }
            None => gathered.push(Alike { longest: pending, others: 0, why }),
        }
    }
    gathered
}

/// What a fault hits, in words: what it names, or the one thing that it is about.
fn target(kind: &FaultKind) -> String {
    match kind {
        FaultKind::ProcessorOutage(_) => blueprint::PAYMENT_PROCESSOR.to_owned(),
        kind => kind.targets().iter().map(|target| target.name).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use city::phones::{Asked, Doing};
    use platform::domain::ids::RiderId;
    use platform::domain::session::Caller;
    use scenarios::fault::ProcessorOutage;

    use super::*;

    #[test]
    fn a_fault_that_names_nothing_still_has_a_target() {
        let outage = FaultKind::ProcessorOutage(ProcessorOutage { duration: Duration::from_secs(60) });
        assert_eq!(target(&outage), "payment-processor");
    }

    #[test]
    fn people_who_do_the_same_for_the_same_reason_are_counted_behind_who_does_for_longest() {
        let pending = |rider, doing, since_s| Pending {
            who: Caller::Rider(RiderId(rider)),
            doing,
            trip: None,
            since: Time::from_secs(since_s),
            asked: Some(Asked::default()),
        };
        let all = vec![
            pending(1, Doing::Waiting, 30),
            pending(2, Doing::Looking, 10),
            pending(3, Doing::Waiting, 20),
            pending(4, Doing::Waiting, 40),
        ];
        let longest = |alike: &Alike| alike.longest.who;
        let gathered = gathered(all);
        assert_eq!(gathered.iter().map(longest).collect::<Vec<_>>(), [3, 2].map(|rider| Caller::Rider(RiderId(rider))));
        assert_eq!(gathered[0].why, "its phone waits for no answer and has heard none");
        assert!(gathered[0].what().ends_with(", and 2 more for the same reason"), "{}", gathered[0].what());
        assert_eq!(gathered[1].what(), gathered[1].longest.to_string());
    }
}
