//! What a run showed, as `outcome.json` holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::latency::Quantiles;
use crate::measures::objectives::{ObjectiveOutcome, ObjectiveStatus};
use crate::measures::recovery::{Phases, Recovery};
use crate::measures::stores::StoreOutcome;
use crate::measures::windows::Breach;
use crate::records::Tier;
use crate::run::ServiceLevel;

/// The answer of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`crate::run::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether the run reached its horizon and its end check.
    pub complete: bool,
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
    /// The command that does it again.
    pub reproduce: String,
}

/// What a run comes to. Where several hold, the first of this order is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did not reach its end: what was measured is true, and proves nothing.
    Incomplete,
    /// What must hold in every run did not, or something did not come to rest after everything was healed.
    OracleBroken,
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
        if !outcome.complete {
            Verdict::Incomplete
        } else if outcome.oracles.values().any(|oracle| oracle.violations > 0) || !outcome.pending.is_empty() {
            Verdict::OracleBroken
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
    /// From the onset until the last tier was restored; when none was affected, until the fault healed.
    pub during: Option<Quantiles>,
    /// From then to the horizon.
    pub after: Option<Quantiles>,
    /// The whole measured time.
    pub whole: Option<Quantiles>,
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

/// Something that had not come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOutcome {
    /// What.
    pub what: String,
    /// What it waits for.
    pub why: String,
}

/// How much was simulated how fast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Simulated time, seconds.
    pub simulated_s: f64,
    /// Real time, seconds.
    pub wall_s: f64,
    /// Events.
    pub events: u64,
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
        assert_eq!(Verdict::of(&outcome), Verdict::OracleBroken, "what is pending after healing breaks the run too");
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
            "/stores/orders-db/lost",
            "/stores/orders-db/divergent",
            "/stores/orders-db/oldest_age_s",
            "/latency/before/p50_ms",
            "/latency/during/p99_ms",
            "/latency/after/p999_ms",
            "/requests/first_attempts",
            "/requests/attempts",
            "/requests/ok",
            "/requests/failed",
            "/objectives/0/status",
            "/oracles/no acknowledged write is lost/evaluations",
            "/oracles/no acknowledged write is lost/violations",
            "/speed/simulated_s",
            "/speed/wall_s",
            "/speed/events",
        ] {
            assert!(outcome.pointer(path).is_some(), "{path}");
        }
    }
}
