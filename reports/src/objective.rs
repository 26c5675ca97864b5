//! The promises of a blueprint or scenario: what they are about, what they ask for, and how they may fare.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::records::Tier;

/// A percentile that an objective may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Percentile {
    /// The median.
    P50,
    /// The 90th.
    P90,
    /// The 95th.
    P95,
    /// The 99th.
    P99,
    /// The 99.9th.
    P999,
}

impl Percentile {
    const ALL: [Percentile; 5] = [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99, Percentile::P999];

    fn name(self) -> &'static str {
        match self {
            Percentile::P50 => "p50",
            Percentile::P90 => "p90",
            Percentile::P95 => "p95",
            Percentile::P99 => "p99",
            Percentile::P999 => "p999",
        }
    }
}

/// Something that an objective sets a threshold on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// `<tier>.rto`, seconds.
    RecoveryTime(Tier),
    /// `<tier>.rpo`, seconds: the age at the onset of the oldest write lost by a store whose losses count in the tier.
    RecoveryPoint(Tier),
    /// `<tier>.lost`: writes lost or divergent in the stores whose losses count in the tier.
    LostWrites(Tier),
    /// `<tier>.availability`, 0 to 1: succeeded / meant over the whole measured time.
    Availability(Tier),
    /// `<tier>.latency.p95` and so on, milliseconds, over the whole measured time.
    TierLatency(Tier, Percentile),
    /// `api.latency.p95` and so on, milliseconds: every request of every tier over the whole measured time.
    ApiLatency(Percentile),
    /// `errors.rate`, 0 to 1: failed / meant, every request of every tier over the whole measured time.
    ErrorRate,
    /// `requests.rate`, first attempts a second over the whole measured time, with the looks that the push channel spared: whether the demand
    /// was there.
    RequestRate,
}

/// A threshold was set on something that no run measures.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no metric is called `{name}`; there are: {}", Metric::all().map(|metric| metric.to_string()).join(", "))]
pub struct UnknownMetric {
    /// What was asked for.
    pub name: String,
}

/// The unit of a metric's values and thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// 0 to 1.
    Ratio,
    /// A whole number.
    Count,
    /// Events a second.
    PerSecond,
}

impl Metric {
    /// How many metrics there are.
    const COUNT: usize = 3 * (4 + Percentile::ALL.len()) + Percentile::ALL.len() + 2;

    /// Every metric, in the order in which messages list them.
    pub fn all() -> [Metric; Metric::COUNT] {
        let mut all = [Metric::ErrorRate; Metric::COUNT];
        let of_tier = |tier| {
            [
                Metric::RecoveryTime(tier),
                Metric::RecoveryPoint(tier),
                Metric::LostWrites(tier),
                Metric::Availability(tier),
            ]
            .into_iter()
            .chain(Percentile::ALL.map(|percentile| Metric::TierLatency(tier, percentile)))
        };
        let each = Tier::ALL.into_iter().flat_map(of_tier).chain(Percentile::ALL.map(Metric::ApiLatency));
        let each = each.chain([Metric::ErrorRate, Metric::RequestRate]);
        all.iter_mut().zip(each).for_each(|(slot, metric)| *slot = metric);
        all
    }

    /// The metric of that name, such as `critical.rto`.
    pub fn parse(name: &str) -> Result<Metric, UnknownMetric> {
        let found = Metric::all().into_iter().find(|metric| metric.to_string() == name);
        found.ok_or_else(|| UnknownMetric { name: name.to_string() })
    }

    /// The unit of its values and thresholds.
    pub fn unit(self) -> Unit {
        match self {
            Metric::RecoveryTime(_) | Metric::RecoveryPoint(_) => Unit::Seconds,
            Metric::TierLatency(..) | Metric::ApiLatency(_) => Unit::Milliseconds,
            Metric::Availability(_) | Metric::ErrorRate => Unit::Ratio,
            Metric::LostWrites(_) => Unit::Count,
            Metric::RequestRate => Unit::PerSecond,
        }
    }

    /// Whether it is about recovery: a miss is then a missed RTO or RPO.
    pub fn is_recovery(self) -> bool {
        matches!(self, Metric::RecoveryTime(_) | Metric::RecoveryPoint(_) | Metric::LostWrites(_))
    }

    /// Whether it is about acknowledged writes that are gone.
    pub fn is_about_losses(self) -> bool {
        matches!(self, Metric::RecoveryPoint(_) | Metric::LostWrites(_))
    }

    /// Whether it is a share of what went wrong rather than of what went well.
    pub fn is_error(self) -> bool {
        self == Metric::ErrorRate
    }

    /// Whether a small value is a bad one.
    pub fn small_is_bad(self) -> bool {
        matches!(self, Metric::Availability(_) | Metric::RequestRate)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::RecoveryTime(tier) => write!(formatter, "{}.rto", tier.name()),
            Metric::RecoveryPoint(tier) => write!(formatter, "{}.rpo", tier.name()),
            Metric::LostWrites(tier) => write!(formatter, "{}.lost", tier.name()),
            Metric::Availability(tier) => write!(formatter, "{}.availability", tier.name()),
            Metric::TierLatency(tier, percentile) => write!(formatter, "{}.latency.{}", tier.name(), percentile.name()),
            Metric::ApiLatency(percentile) => write!(formatter, "api.latency.{}", percentile.name()),
            Metric::ErrorRate => formatter.write_str("errors.rate"),
            Metric::RequestRate => formatter.write_str("requests.rate"),
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;

    fn try_from(name: String) -> Result<Metric, UnknownMetric> {
        Metric::parse(&name)
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

/// How a value must stand to its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
}

impl Comparison {
    /// Whether the value stands so.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::Below => value < threshold,
            Comparison::AtMost => value <= threshold,
            Comparison::Above => value > threshold,
            Comparison::AtLeast => value >= threshold,
        }
    }
}

/// A promise to be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// What it is about.
    pub metric: Metric,
    /// How the value must stand to the threshold.
    pub comparison: Comparison,
    /// In the metric's [`Unit`].
    pub threshold: f64,
    /// The condition as people wrote it, such as `< 15m`.
    pub text: String,
}

/// How a promise fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveStatus {
    /// Kept.
    Met,
    /// Broken.
    Missed,
    /// Too little was seen to tell; a promise that nobody saw kept does not pass.
    Unknown,
    /// About recovery, in a run without a fault: neither kept nor broken.
    NotRehearsed,
}

/// A promise, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveOutcome {
    /// What it is about.
    pub metric: Metric,
    /// The condition as people wrote it.
    pub objective: String,
    /// The stores that it looked at, if it is about lost writes; empty if it is about something else.
    pub stores: Vec<String>,
    /// What the run showed, in the metric's unit; null when it never recovered, is unknown or was not rehearsed.
    pub value: Option<f64>,
    /// How it fared.
    pub status: ObjectiveStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_listed_once_and_read_back_by_its_name() {
        let all = Metric::all();
        for metric in all {
            assert_eq!(Metric::parse(&metric.to_string()), Ok(metric));
        }
        let distinct: std::collections::BTreeSet<Metric> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn an_unknown_metric_is_refused_with_what_there_is() {
        let refused = Metric::parse("critical.rtoo").expect_err("no such metric").to_string();
        assert!(
            refused.starts_with("no metric is called `critical.rtoo`; there are: critical.rto, critical.rpo"),
            "{refused}"
        );
    }

    #[test]
    fn comparisons_differ_at_the_threshold() {
        let at = [Comparison::Below, Comparison::AtMost, Comparison::Above, Comparison::AtLeast]
            .map(|comparison| comparison.holds(1.0, 1.0));
        assert_eq!(at, [false, true, false, true]);
        assert!(Comparison::Below.holds(0.9, 1.0) && Comparison::Above.holds(1.1, 1.0));
    }
}
