//! What a run showed, as `outcome.json` holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::elapsed_s;
use crate::measures::latency::Quantiles;
use crate::measures::recovery::{LateBreach, Phases, Recovery};
use crate::measures::stores::StoreOutcome;
use crate::measures::windows::Breach;
use crate::objective::{ObjectiveOutcome, ObjectiveStatus};
use crate::records::{Tier, Unrest};
use crate::run::{RunRecord, STOPPED_BY_FILE_SYSTEM, ServiceLevel, Stretch};

/// The answer of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`crate::run::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether the run reached its horizon and its end check.
    pub complete: bool,
    /// Why it did not; null when it did, or when nobody lived to say.
    pub stopped_by: Option<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The scenario's title.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// The hash over every event.
    pub trace_hash: String,
    /// The first fault; null in a run without faults.
    pub disaster: Option<Disaster>,
    /// Recovery and service, tier by tier.
    pub tiers: BTreeMap<Tier, TierOutcome>,
    /// Lost writes, store by store.
    pub stores: BTreeMap<String, StoreOutcome>,
    /// Latency before, during and after the disaster, every request of every tier.
    pub latency: LatencyOutcome,
    /// Requests of the measured time.
    pub requests: RequestCounts,
    /// How many first attempts came a second, beside how many were asked for.
    pub request_rate: RequestRate,
    /// Requests by what was wanted.
    pub journeys: BTreeMap<String, JourneyOutcome>,
    /// The promises, judged.
    pub objectives: Vec<ObjectiveOutcome>,
    /// What must hold in every run.
    pub oracles: BTreeMap<String, OracleOutcome>,
    /// What had not come to rest when the run ended.
    pub pending: Vec<PendingOutcome>,
    /// How much was simulated how fast.
    pub speed: Speed,
    /// The command that does it again, quoted for a POSIX shell; after it, behind `  # `, of which program and scenario, and the trace that it
    /// comes to.
    pub reproduce: String,
}

impl Outcome {
    /// Whether it may rest on tables that lack rows: the file system refused them, or not even the reason could be written.
    pub fn lacks_rows(&self) -> bool {
        self.stopped_by.as_deref().map_or(!self.complete, |why| why.starts_with(STOPPED_BY_FILE_SYSTEM))
    }
}

/// What a run comes to. Where several hold, the first of this order is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did not reach its end: what was measured is true, and proves nothing.
    Incomplete,
    /// What must hold in every run did not.
    OracleBroken,
    /// A process crashed on an assertion of its own, which no fault did.
    ProcessPanicked,
    /// Something did not come to rest in the time it had after everything was healed.
    NotConverged,
    /// A recovery objective was missed.
    RecoveryMissed,
    /// Another objective was missed.
    ObjectiveMissed,
    /// Every promise was kept.
    Passed,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Incomplete => "incomplete",
            Verdict::OracleBroken => "oracle broken",
            Verdict::ProcessPanicked => "process panicked",
            Verdict::NotConverged => "not converged",
            Verdict::RecoveryMissed => "RTO or RPO missed",
            Verdict::ObjectiveMissed => "objective missed",
            Verdict::Passed => "passed",
        }
    }

    /// The verdict that this outcome, but for its verdict, comes to.
    pub fn of(outcome: &Outcome) -> Verdict {
        let failed = |status| matches!(status, ObjectiveStatus::Missed | ObjectiveStatus::Unknown);
        let missed = |recovery: bool| {
            outcome
                .objectives
                .iter()
                .any(|objective| failed(objective.status) && objective.metric.is_recovery() == recovery)
        };
        let restless = |kind| outcome.pending.iter().any(|pending| pending.kind == kind);
        if !outcome.complete {
            Verdict::Incomplete
        } else if outcome.oracles.values().any(|oracle| oracle.violations > 0) {
            Verdict::OracleBroken
        } else if restless(Unrest::Panicked) {
            Verdict::ProcessPanicked
        } else if restless(Unrest::Pending) {
            Verdict::NotConverged
        } else if missed(true) {
            Verdict::RecoveryMissed
        } else if missed(false) {
            Verdict::ObjectiveMissed
        } else {
            Verdict::Passed
        }
    }
}

/// The first fault of a run: recovery is counted from its onset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disaster {
    /// Its kind.
    pub kind: String,
    /// What it hit.
    pub target: String,
    /// Seconds from the end of the warm-up.
    pub onset_s: f64,
}

/// Recovery and service of one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierOutcome {
    /// What it owes its users.
    pub service_level: ServiceLevel,
    /// Whether it came back.
    pub recovery: Recovery,
    /// From the onset to the end of the last breach, seconds; null unless it recovered or was not affected.
    pub rto_s: Option<f64>,
    /// What that time was spent on; for a tier that did not come back, the time until the horizon.
    pub phases: Phases,
    /// The breach that ends that time, where it stands apart from the others; null where it does not, or the tier did not come back.
    pub late_breach: Option<LateBreach>,
    /// Every stretch in which the service level was broken, also those before the onset.
    pub breaches: Vec<Breach>,
    /// Journeys meant to start.
    pub journeys: u64,
    /// Succeeded / meant; null when nothing was meant.
    pub availability: Option<f64>,
    /// Time in windows that broke the service level, minutes.
    pub minutes_below: u64,
    /// Time in windows with too few journeys to judge, minutes.
    pub minutes_unknown: u64,
    /// Over the whole measured time.
    pub latency: Option<Quantiles>,
}

/// Latency of every request of every tier, from the moment the person meant to act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyOutcome {
    /// Until the onset; everything in a run without faults.
    pub before: Option<Quantiles>,
    /// From the onset until [`LatencyOutcome::after_begins`].
    pub during: Option<Quantiles>,
    /// From then to the horizon.
    pub after: Option<Quantiles>,
    /// What ends `during`; null in a run without faults.
    pub after_begins: Option<AfterBegins>,
    /// The whole measured time.
    pub whole: Option<Quantiles>,
}

/// What ends the time that is told as during the disaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterBegins {
    /// The end of the last tier's last breach: service recovered, whether or not the fault had healed.
    ServiceRecovered,
    /// No tier broke its level: the fault healed.
    FaultHealed,
    /// Neither came before the horizon: there is no after.
    Never,
}

/// First attempts a second over the measured time, drivers' and riders' phones together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestRate {
    /// As it was, with the looks that the push channel spared: a look that the platform kept counts once for each beat that it stood in for.
    pub measured_per_s: f64,
    /// Without them.
    pub sent_per_s: f64,
    /// As the scenario asks: the mean of the run's twin without faults.
    pub asked_per_s: f64,
}

/// Requests of the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests meant.
    pub first_attempts: u64,
    /// Requests sent, retries included.
    pub attempts: u64,
    /// Those that succeeded in the end.
    pub ok: u64,
    /// Those that did not.
    pub failed: u64,
}

/// Requests of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyOutcome {
    /// How many.
    #[serde(flatten)]
    pub counts: RequestCounts,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
    /// Answers that were as they should be, and no, by code; they count as ok.
    pub refusals: BTreeMap<String, u64>,
}

/// What an oracle saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OracleOutcome {
    /// How often it looked.
    pub evaluations: u64,
    /// How often what must hold did not.
    pub violations: u64,
    /// The first time, in words.
    pub first_violation: Option<String>,
}

/// Something that was not at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOutcome {
    /// How it was not.
    pub kind: Unrest,
    /// What.
    pub what: String,
    /// What it waits for, or said.
    pub why: String,
}

/// How much was simulated how fast: all of it, and its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Simulated time, seconds.
    pub simulated_s: f64,
    /// Real time, seconds.
    pub wall_s: f64,
    /// Events.
    pub events: u64,
    /// Warm-up and measured time: what the scenario asks for.
    pub scenario: Stretch,
    /// What followed until everything was at rest: little happens in it.
    pub rest: Stretch,
}

impl Speed {
    /// Of a run as it was written down.
    pub fn of(run: &RunRecord) -> Speed {
        let RunRecord { simulated_s, wall_s, events, .. } = *run;
        let scenario = run.at_horizon.unwrap_or(Stretch { simulated_s, wall_s, events });
        let rest = Stretch {
            simulated_s: elapsed_s(scenario.simulated_s, simulated_s),
            wall_s: elapsed_s(scenario.wall_s, wall_s),
            events: events.saturating_sub(scenario.events),
        };
        Speed { simulated_s, wall_s, events, scenario, rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_gravest_of_several_verdicts_counts() {
        let mut outcome = fixture::broken().outcome;
        assert_eq!(Verdict::of(&outcome), Verdict::Incomplete);
        outcome.complete = true;
        assert_eq!(Verdict::of(&outcome), Verdict::OracleBroken);
        outcome.oracles.clear();
        assert_eq!(Verdict::of(&outcome), Verdict::ProcessPanicked);
        outcome.pending.retain(|pending| pending.kind == Unrest::Pending);
        assert_eq!(Verdict::of(&outcome), Verdict::NotConverged, "no oracle is to blame for what is pending");
        outcome.pending.clear();
        assert_eq!(Verdict::of(&outcome), Verdict::RecoveryMissed);
        outcome.objectives.retain(|objective| !objective.metric.is_recovery());
        assert_eq!(Verdict::of(&outcome), Verdict::ObjectiveMissed);
        outcome.objectives.clear();
        assert_eq!(Verdict::of(&outcome), Verdict::Passed);
    }

    #[test]
    fn programs_find_the_documented_keys() {
        let outcome = serde_json::to_value(fixture::outage().outcome).expect("JSON");
        for path in [
            "/schema_version",
            "/complete",
            "/trace_hash",
            "/tiers/critical/rto_s",
            "/tiers/critical/phases/detect_s",
            "/tiers/critical/breaches/0/from_s",
            "/tiers/critical/breaches/0/journeys",
            "/tiers/critical/breaches/0/kinds",
            "/tiers/critical/late_breach/apart_s",
            "/tiers/critical/late_breach/kinds/0",
            "/stores/orders-db/lost",
            "/stores/orders-db/divergent",
            "/stores/orders-db/oldest_age_s",
            "/stores/orders-db/tiers/0",
            "/stores/orders-db/holds",
            "/latency/before/p50_ms",
            "/latency/during/p99_ms",
            "/latency/after/p999_ms",
            "/requests/first_attempts",
            "/requests/attempts",
            "/requests/ok",
            "/requests/failed",
            "/objectives/0/status",
            "/objectives/1/stores/0",
            "/oracles/no acknowledged write is lost/evaluations",
            "/oracles/no acknowledged write is lost/violations",
            "/speed/simulated_s",
            "/speed/wall_s",
            "/speed/events",
            "/speed/scenario/wall_s",
            "/speed/rest/wall_s",
            "/request_rate/measured_per_s",
            "/request_rate/sent_per_s",
            "/request_rate/asked_per_s",
            "/latency/after_begins",
            "/tiers/critical/minutes_unknown",
        ] {
            assert!(outcome.pointer(path).is_some(), "{path}");
        }
    }
}
