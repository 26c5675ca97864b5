//! Runbooks: what people do in a disaster, when they start, and how long it takes them.

use std::time::Duration;

use notation::report::Report;
use notation::section;
use notation::section::{Nested, Section};
use notation::tree::{Node, Value};
use notation::units;
use notation::value::{Format, Maybe, Text, Word, Words};
use serde_json::json;

section! {
    /// One step of a runbook, taken by a person.
    pub struct RunbookStep {
        /// What is done; also the step's name.
        step: String as Text,
        /// What starts it.
        when: When as Nested,
        /// How long it takes: a duration, or a range such as `"3m..7m"` from which each run draws evenly.
        takes: Takes as TakesRange,
    }
}

/// What starts a step.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// An alarm goes off.
    Alarm(Alarm),
    /// The step of this name is done.
    After(String),
}

/// What an alarm watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Too many requests of phones fail.
    ApiErrorRate,
    /// Requests of phones take too long.
    ApiLatency,
    /// The load balancer has unhealthy targets.
    UnhealthyTargets,
    /// The database refuses writes.
    DatabaseUnavailable,
}

impl Words for Alarm {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("api-error-rate", Alarm::ApiErrorRate),
        ("api-latency", Alarm::ApiLatency),
        ("unhealthy-targets", Alarm::UnhealthyTargets),
        ("database-unavailable", Alarm::DatabaseUnavailable),
    ];
}

section! {
    /// The keys of `when`, before exactly one of them is demanded.
    struct WhenKeys {
        /// The alarm that starts the step.
        alarm: Option<Alarm> as Maybe<Word>,
        /// The step after which this one starts.
        after: Option<String> as Maybe<Text>,
    }
}

impl Section for When {
    const KEYS: &'static [&'static str] = WhenKeys::KEYS;

    fn read(node: &Node, _: Option<When>, report: &mut Report) -> Option<When> {
        match WhenKeys::read(node, None, report)? {
            WhenKeys { alarm: Some(alarm), after: None } => Some(When::Alarm(alarm)),
            WhenKeys { alarm: None, after: Some(step) } => Some(When::After(step)),
            _ => {
                let suggestion = Some("such as { alarm = \"api-error-rate\" }".to_owned());
                report.problem(
                    &node.place,
                    "a step starts at an alarm or after a step: exactly one".to_owned(),
                    suggestion,
                );
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        let mut schema = WhenKeys::schema();
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
        schema
    }

    fn show(&self) -> serde_json::Value {
        match self {
            When::Alarm(alarm) => json!({ "alarm": alarm.word() }),
            When::After(step) => json!({ "after": step }),
        }
    }

    fn required() -> bool {
        true
    }
}

/// How long a step takes: evenly distributed from the shortest to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// The least time it takes.
    pub shortest: Duration,
    /// The most time it takes.
    pub longest: Duration,
}

/// The format of [`Takes`]: `"5m"` or `"3m..7m"`.
struct TakesRange;

impl Format<Takes> for TakesRange {
    fn read(node: &Node, report: &mut Report) -> Option<Takes> {
        let takes = match &node.value {
            Value::Text(text) => {
                let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
                let parsed = (units::duration(shortest.trim()), units::duration(longest.trim()));
                match parsed {
                    (Ok(shortest), Ok(longest)) if shortest <= longest => Some(Takes { shortest, longest }),
                    _ => None,
                }
            }
            _ => None,
        };
        if takes.is_none() {
            let message = "expected a duration, or two that rise with `..` between them".to_owned();
            report.problem(&node.place, message, Some("such as \"3m..7m\"".to_owned()));
        }
        takes
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["5m", "3m..7m"] })
    }

    fn show(value: &Takes) -> serde_json::Value {
        json!(format!("{}..{}", units::duration_text(value.shortest), units::duration_text(value.longest)))
    }

    fn example() -> String {
        "\"3m..7m\"".to_owned()
    }
}
