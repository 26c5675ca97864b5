//! The formats of values that only city files have.

use std::time::Duration;

use notation::report::Report;
use notation::tree::{Node, Value};
use notation::value::{Amount, Count, Format, List, Within, refuse};
use serde_json::json;

use crate::calendar::HOURS_A_WEEK;

/// A zone's number, as trip records have it.
pub(super) struct ZoneNumber;

impl Format<u32> for ZoneNumber {
    fn read(node: &Node, report: &mut Report) -> Option<u32> {
        let number = match &node.value {
            Value::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        if number.is_none() {
            refuse(node, report, "a zone's number", None);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "integer", "minimum": 0 })
    }

    fn show(value: &u32) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "230".to_owned()
    }
}

/// A length of time in seconds without a unit, from a millisecond, the shortest that makes sense for a phone, to a day.
pub(super) struct Seconds;

impl Format<Duration> for Seconds {
    fn read(node: &Node, report: &mut Report) -> Option<Duration> {
        let seconds = match &node.value {
            Value::Integer(seconds) => i32::try_from(*seconds).map_or(f64::NAN, f64::from),
            Value::Float(seconds) => *seconds,
            _ => f64::NAN,
        };
        if (0.001..=86_400.0).contains(&seconds) {
            return Some(Duration::from_secs_f64(seconds));
        }
        refuse(node, report, "seconds from 0.001 to 86400", None);
        None
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "number", "minimum": 0.001, "maximum": 86_400 })
    }

    fn show(value: &Duration) -> serde_json::Value {
        json!(value.as_secs_f64())
    }

    fn example() -> String {
        "4".to_owned()
    }
}

/// A number for each hour of the week, Monday 00:00 first. They may be zero, though not all, where `ZEROS`.
pub(super) struct Hours<const ZEROS: bool>;

impl<const ZEROS: bool> Format<Vec<f64>> for Hours<ZEROS> {
    fn read(node: &Node, report: &mut Report) -> Option<Vec<f64>> {
        // Bounded, so that no sum of them is infinite.
        let hours: Vec<f64> =
            if ZEROS { List::<Within<0, 1_000_000>>::read(node, report)? } else { List::<Amount>::read(node, report)? };
        if hours.len() != HOURS_A_WEEK {
            let hint = format!("write {HOURS_A_WEEK}, one an hour, Monday 00:00 first");
            report.problem(&node.place, format!("the week has {} hours here", hours.len()), Some(hint));
            return None;
        }
        if hours.iter().all(|hour| *hour == 0.0) {
            let hint = "write at least one above 0".to_owned();
            report.problem(&node.place, "there is nothing in any hour".to_owned(), Some(hint));
            return None;
        }
        Some(hours)
    }

    fn schema() -> serde_json::Value {
        let hour = if ZEROS { Within::<0, 1_000_000>::schema() } else { Amount::schema() };
        json!({ "type": "array", "items": hour, "minItems": HOURS_A_WEEK, "maxItems": HOURS_A_WEEK })
    }

    fn show(value: &Vec<f64>) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "[1, ...]".to_owned()
    }
}

/// Trips that were seen to one zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TripsTo {
    /// The destination's number.
    pub zone: u32,
    /// How many, above 0.
    pub trips: u32,
    /// Mean duration in seconds at mean speed, above 0.
    pub duration_s: f64,
    /// Mean driven distance in metres, above 0.
    pub distance_m: f64,
}

/// [`TripsTo`] as an array of four numbers: there are thousands of them in a file.
pub(super) struct TripsToRow;

impl Format<TripsTo> for TripsToRow {
    fn read(node: &Node, report: &mut Report) -> Option<TripsTo> {
        let Value::List(items) = &node.value else {
            refuse(node, report, "a destination's four numbers", Some(format!("such as {}", Self::example())));
            return None;
        };
        let [zone, trips, duration_s, distance_m] = items.as_slice() else {
            let message = format!("expected a destination's four numbers, found {}", items.len());
            let hint = "write the zone's number, trips, seconds and metres".to_owned();
            report.problem(&node.place, message, Some(hint));
            return None;
        };
        let (zone, trips) = (ZoneNumber::read(zone, report), Count::read(trips, report));
        let (duration_s, distance_m) = (Amount::read(duration_s, report), Amount::read(distance_m, report));
        Some(TripsTo { zone: zone?, trips: trips?, duration_s: duration_s?, distance_m: distance_m? })
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "array", "items": { "type": "number" }, "minItems": 4, "maxItems": 4 })
    }

    fn show(value: &TripsTo) -> serde_json::Value {
        json!([value.zone, value.trips, value.duration_s, value.distance_m])
    }

    fn example() -> String {
        "[230, 40, 600, 3000]".to_owned()
    }
}
