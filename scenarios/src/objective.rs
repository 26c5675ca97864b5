//! Objectives: a metric that reports measure, and the bound it must keep.

use std::fmt;
use std::time::Duration;

use notation::name;
use notation::report::Report;
use notation::tree::{Entry, Node, Value};
use notation::units;
use notation::value::Format;
use serde_json::json;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A length of time.
    Duration,
    /// A share, written as a percentage.
    Ratio,
    /// Events a second.
    Rate,
    /// How many.
    Count,
}

/// A metric that an objective may bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in `[objectives]`.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Whether a small value is a good one, so that an objective bounds it from above.
    pub lower_is_better: bool,
    /// What it says.
    pub meaning: &'static str,
}

const fn at_most(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, lower_is_better: true, meaning }
}

const fn at_least(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, lower_is_better: false, meaning }
}

/// The metrics of each of these tiers, and those of the whole platform.
macro_rules! metrics {
    ($($tier:literal)+) => { &[
        $(
            at_most(concat!($tier, ".rto"), Unit::Duration, concat!("from onset to the end of the ", $tier, " tier's last breach")),
            at_most(concat!($tier, ".rpo"), Unit::Duration, concat!("age at the onset of the ", $tier, " tier's oldest lost write")),
            at_most(concat!($tier, ".lost"), Unit::Count, concat!("acknowledged writes that the ", $tier, " tier's stores lost")),
            at_least(concat!($tier, ".availability"), Unit::Ratio, concat!("share of the ", $tier, " tier's offered requests that were served")),
            at_most(concat!($tier, ".latency.p50"), Unit::Duration, concat!("median latency of the ", $tier, " tier's requests")),
            at_most(concat!($tier, ".latency.p90"), Unit::Duration, concat!("90th percentile of the latency of the ", $tier, " tier's requests")),
            at_most(concat!($tier, ".latency.p95"), Unit::Duration, concat!("95th percentile of the latency of the ", $tier, " tier's requests")),
            at_most(concat!($tier, ".latency.p99"), Unit::Duration, concat!("99th percentile of the latency of the ", $tier, " tier's requests")),
            at_most(concat!($tier, ".latency.p999"), Unit::Duration, concat!("99.9th percentile of the latency of the ", $tier, " tier's requests")),
        )+
        at_most("api.latency.p50", Unit::Duration, "median latency of what phones asked"),
        at_most("api.latency.p90", Unit::Duration, "90th percentile of the latency of what phones asked"),
        at_most("api.latency.p95", Unit::Duration, "95th percentile of the latency of what phones asked"),
        at_most("api.latency.p99", Unit::Duration, "99th percentile of the latency of what phones asked"),
        at_most("api.latency.p999", Unit::Duration, "99.9th percentile of the latency of what phones asked"),
        at_most("errors.rate", Unit::Ratio, "share of first attempts whose request failed in the end"),
        at_least("requests.rate", Unit::Rate, "first attempts a second"),
    ] };
}

/// Every metric that an objective may bound: those that reports measure. An objective on any other is an error, never passed
/// over.
pub const METRICS: &[Metric] = metrics!("critical" "important" "standard");

/// How a measured value is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// Two-character signs first: `<=` also starts with `<`.
const COMPARISONS: &[(&str, Comparison)] =
    &[("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Below), (">", Comparison::Above)];

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COMPARISONS.iter().find(|(_, comparison)| comparison == self).map_or("", |(sign, _)| sign))
    }
}

/// The bound of an objective, in its metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// A length of time.
    Duration(Duration),
    /// A share from 0 to 1.
    Ratio(f64),
    /// Events a second.
    PerSecond(f64),
    /// How many.
    Count(u32),
}

impl Threshold {
    /// As a plain number: seconds, a share from 0 to 1, events a second, or how many.
    pub fn value(self) -> f64 {
        match self {
            Threshold::Duration(duration) => duration.as_secs_f64(),
            Threshold::Ratio(value) | Threshold::PerSecond(value) => value,
            Threshold::Count(count) => f64::from(count),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Duration(duration) => f.write_str(&units::duration_text(*duration)),
            Threshold::Ratio(ratio) => f.write_str(&units::ratio_text(*ratio)),
            Threshold::PerSecond(rate) => write!(f, "{rate}/s"),
            Threshold::Count(count) => write!(f, "{count}"),
        }
    }
}

/// A metric and the bound it must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// What is measured.
    pub metric: &'static Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: Threshold,
}

impl Objective {
    /// Whether a measured value keeps the bound; the value is in seconds, a share from 0 to 1, or events a second. What was
    /// not measured (NaN) keeps nothing.
    pub fn holds(&self, measured: f64) -> bool {
        let bound = self.threshold.value();
        match self.comparison {
            Comparison::Below => measured < bound,
            Comparison::AtMost => measured <= bound,
            Comparison::Above => measured > bound,
            Comparison::AtLeast => measured >= bound,
        }
    }

    /// The bound as it is written: `< 15m`.
    pub fn bound(&self) -> String {
        format!("{} {}", self.comparison, self.threshold)
    }
}

/// The format of `[objectives]`: metrics as keys, bounds as values.
pub(crate) struct Objectives;

impl Format<Vec<Objective>> for Objectives {
    fn read(node: &Node, report: &mut Report) -> Option<Vec<Objective>> {
        let Value::Table(entries) = &node.value else {
            let suggestion = Some("such as { \"critical.rto\" = \"< 15m\" }".to_owned());
            report.problem(
                &node.place,
                format!("expected a table of objectives, found {}", node.value.kind()),
                suggestion,
            );
            return None;
        };
        let read: Vec<Option<Objective>> = entries.iter().map(|entry| objective(entry, report)).collect();
        read.into_iter().collect()
    }

    fn schema() -> serde_json::Value {
        let metric = |metric: &Metric| {
            let schema =
                json!({ "type": "string", "description": metric.meaning, "examples": [example_bound(metric)] });
            (metric.name.to_owned(), schema)
        };
        let properties: serde_json::Map<_, _> = METRICS.iter().map(metric).collect();
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }

    fn show(value: &Vec<Objective>) -> serde_json::Value {
        value.iter().map(|objective| (objective.metric.name.to_owned(), json!(objective.bound()))).collect()
    }

    fn example() -> String {
        "{ \"critical.rto\" = \"< 15m\" }".to_owned()
    }
}

fn example_bound(metric: &Metric) -> String {
    let sign = if metric.lower_is_better { "<" } else { ">=" };
    let threshold = match metric.unit {
        Unit::Duration if metric.name.contains("latency") => "100ms",
        Unit::Duration => "15m",
        Unit::Ratio if metric.lower_is_better => "0.1%",
        Unit::Ratio => "99.9%",
        Unit::Rate => "400/s",
        Unit::Count => "1",
    };
    format!("{sign} {threshold}")
}

fn objective(entry: &Entry, report: &mut Report) -> Option<Objective> {
    let Some(metric) = METRICS.iter().find(|metric| metric.name == entry.key) else {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        let message = format!("no report measures `{}`", entry.key);
        report.problem(&entry.key_place, message, name::suggest(&entry.key, &names));
        return None;
    };
    let bound = match &entry.node.value {
        Value::Text(text) => bound(metric, text),
        other => Err((format!("expected a bound in quotes, found {}", other.kind()), None)),
    };
    match bound {
        Ok((comparison, threshold)) => Some(Objective { metric, comparison, threshold }),
        Err((message, corrected)) => {
            let suggestion = corrected.map_or_else(
                || format!("such as \"{}\"", example_bound(metric)),
                |corrected| format!("did you mean \"{corrected}\"?"),
            );
            report.problem(&entry.node.place, message, Some(suggestion));
            None
        }
    }
}

/// A message, and a corrected bound where one can be guessed.
type Wrong = (String, Option<String>);

fn bound(metric: &Metric, text: &str) -> Result<(Comparison, Threshold), Wrong> {
    let text = text.trim();
    let Some((sign, comparison)) = COMPARISONS.iter().find(|(sign, _)| text.starts_with(sign)) else {
        return Err((format!("\"{text}\" does not start with <, <=, > or >="), None));
    };
    let written = text[sign.len()..].trim();
    let threshold = match metric.unit {
        Unit::Duration => units::duration(written).map(Threshold::Duration),
        Unit::Ratio => units::ratio(written).map(Threshold::Ratio),
        Unit::Rate => units::rate(written).map(Threshold::PerSecond),
        Unit::Count => written.parse().map(Threshold::Count).map_err(|_| None),
    };
    let threshold = threshold.map_err(|corrected| {
        let expected = match metric.unit {
            Unit::Duration => "a duration",
            Unit::Ratio => "a percentage",
            Unit::Rate => "a rate",
            Unit::Count => "a whole number",
        };
        let message = format!("`{}` is measured as {expected}, and \"{written}\" is none", metric.name);
        (message, corrected.map(|corrected| format!("{sign} {corrected}")))
    })?;
    let bounds_from_above = matches!(comparison, Comparison::Below | Comparison::AtMost);
    if bounds_from_above != metric.lower_is_better {
        let (better, turned) = if metric.lower_is_better { ("smaller", "<") } else { ("greater", ">") };
        let message = format!("`{}` is better when {better}: this bound would demand a bad value", metric.name);
        let turned = format!("{turned}{} {written}", &sign[1..]);
        return Err((message, Some(turned)));
    }
    Ok((*comparison, threshold))
}
