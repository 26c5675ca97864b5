//! Whether a run kept its promises.

use super::latency::Quantiles;
use super::recovery::Recovery;
use super::stores::StoreOutcome;
use crate::objective::{Metric, Objective, ObjectiveOutcome, ObjectiveStatus, Percentile};
use crate::outcome::Outcome;

/// What a run says about a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// This.
    Value(f64),
    /// A recovery that did not come.
    Never,
    /// Too little was seen to tell.
    Unknown,
    /// The run had no fault to recover from.
    NotRehearsed,
}

impl Percentile {
    fn of(self, quantiles: Quantiles) -> f64 {
        match self {
            Percentile::P50 => quantiles.p50_ms,
            Percentile::P90 => quantiles.p90_ms,
            Percentile::P95 => quantiles.p95_ms,
            Percentile::P99 => quantiles.p99_ms,
            Percentile::P999 => quantiles.p999_ms,
        }
    }
}

impl Metric {
    /// The stores that it looks at, by name, if it is about lost writes; none if it is about something else.
    pub fn stores(self, outcome: &Outcome) -> Vec<(&str, &StoreOutcome)> {
        let (Metric::RecoveryPoint(tier) | Metric::LostWrites(tier)) = self else { return Vec::new() };
        let of_tier = outcome.stores.iter().filter(|(_, store)| store.tiers.contains(&tier));
        of_tier.map(|(name, store)| (name.as_str(), store)).collect()
    }

    /// What a run says about it: of lost writes nothing where it looks at no store, and nothing at all where rows are lacking, since any of
    /// them could change it and an emptied table reads as nothing lost and nothing failed.
    pub fn measure(self, outcome: &Outcome) -> Measured {
        let known = |value: Option<f64>| value.map_or(Measured::Unknown, Measured::Value);
        let stores = self.stores(outcome);
        match self {
            _ if outcome.lacks_rows() => Measured::Unknown,
            _ if self.is_about_losses() && stores.is_empty() => Measured::Unknown,
            Metric::RecoveryTime(tier) => {
                outcome.tiers.get(&tier).map_or(Measured::Unknown, |tier| match tier.recovery {
                    Recovery::NotRehearsed => Measured::NotRehearsed,
                    Recovery::Unknown => Measured::Unknown,
                    Recovery::NotRecovered => Measured::Never,
                    Recovery::Unaffected | Recovery::Recovered => known(tier.rto_s),
                })
            }
            Metric::RecoveryPoint(_) => {
                let mut worst_s = 0.0_f64;
                for (_, store) in stores {
                    match store.oldest_age_s {
                        Some(age_s) => worst_s = worst_s.max(age_s),
                        None if store.lost > 0 => return Measured::Unknown,
                        None => {}
                    }
                }
                if outcome.disaster.is_some() { Measured::Value(worst_s) } else { Measured::NotRehearsed }
            }
            Metric::LostWrites(_) => {
                Measured::Value(stores.iter().map(|(_, store)| store.lost + store.divergent).sum::<u64>() as f64)
            }
            Metric::Availability(tier) => known(outcome.tiers.get(&tier).and_then(|tier| tier.availability)),
            Metric::TierLatency(tier, percentile) => {
                known(outcome.tiers.get(&tier).and_then(|tier| tier.latency).map(|quantiles| percentile.of(quantiles)))
            }
            Metric::ApiLatency(percentile) => known(outcome.latency.whole.map(|quantiles| percentile.of(quantiles))),
            Metric::ErrorRate => {
                let requests = outcome.requests;
                known((requests.first_attempts > 0).then(|| requests.failed as f64 / requests.first_attempts as f64))
            }
            Metric::RequestRate => Measured::Value(outcome.request_rate.measured_per_s),
        }
    }
}

/// Judges promises by an outcome that is complete but for them.
pub fn judge(objectives: &[Objective], outcome: &Outcome) -> Vec<ObjectiveOutcome> {
    objectives
        .iter()
        .map(|objective| {
            let (value, status) = match objective.metric.measure(outcome) {
                Measured::Value(value) if objective.comparison.holds(value, objective.threshold) => {
                    (Some(value), ObjectiveStatus::Met)
                }
                Measured::Value(value) => (Some(value), ObjectiveStatus::Missed),
                Measured::Never => (None, ObjectiveStatus::Missed),
                Measured::Unknown => (None, ObjectiveStatus::Unknown),
                Measured::NotRehearsed => (None, ObjectiveStatus::NotRehearsed),
            };
            let stores = objective.metric.stores(outcome).into_iter().map(|(name, _)| name.to_string()).collect();
            ObjectiveOutcome { metric: objective.metric, objective: objective.text.clone(), stores, value, status }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::records::Tier;

    #[test]
    fn a_promise_about_lost_writes_looks_at_the_tier_s_stores_and_without_one_it_is_not_kept() {
        let mut outcome = fixture::broken().outcome;
        let names = |metric: Metric, outcome: &Outcome| -> Vec<String> {
            metric.stores(outcome).into_iter().map(|(name, _)| name.to_string()).collect()
        };
        assert_eq!(names(Metric::RecoveryPoint(Tier::Critical), &outcome), ["orders-db"]);
        assert!(names(Metric::RecoveryTime(Tier::Critical), &outcome).is_empty());
        assert_eq!(Metric::LostWrites(Tier::Critical).measure(&outcome), Measured::Value(16.0));
        outcome.stores.get_mut("orders-db").expect("the fixture has it").tiers.clear();
        for metric in [Metric::RecoveryPoint(Tier::Critical), Metric::LostWrites(Tier::Critical)] {
            assert_eq!(metric.measure(&outcome), Measured::Unknown, "{metric}");
        }
    }

    #[test]
    fn rows_that_were_not_kept_leave_every_promise_unknown() {
        let stopped = |why: Option<&str>| {
            let outcome = fixture::outage().outcome;
            Outcome { complete: false, stopped_by: why.map(str::to_string), ..outcome }
        };
        for why in [Some("the file system: failed to write writes.parquet"), None] {
            let outcome = stopped(why);
            for metric in Metric::all() {
                assert_eq!(metric.measure(&outcome), Measured::Unknown, "{why:?}: {metric}");
            }
        }
        let by_hand = stopped(Some("Ctrl-C or SIGTERM"));
        assert_eq!(Metric::RecoveryPoint(Tier::Critical).measure(&by_hand), Measured::Value(0.0));
    }
}
