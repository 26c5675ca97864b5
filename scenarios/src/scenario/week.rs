//! A moment of the week: demand repeats by the week, so a scenario starts at one of its minutes.

use notation::name;
use notation::report::Report;
use notation::tree::{Node, Value};
use notation::value::Format;
use serde_json::json;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    /// Monday, the first.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday, the last.
    Sun,
}

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Mon),
    ("Tue", Weekday::Tue),
    ("Wed", Weekday::Wed),
    ("Thu", Weekday::Thu),
    ("Fri", Weekday::Fri),
    ("Sat", Weekday::Sat),
    ("Sun", Weekday::Sun),
];

/// A local time of the week, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekTime {
    /// The day.
    pub weekday: Weekday,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
}

impl WeekTime {
    /// Minutes since Monday 00:00, below 10,080.
    pub fn minute_of_week(self) -> u32 {
        (self.weekday as u32 * 24 + u32::from(self.hour)) * 60 + u32::from(self.minute)
    }
}

impl std::fmt::Display for WeekTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:02}:{:02}", DAYS[self.weekday as usize].0, self.hour, self.minute)
    }
}

/// The format of [`WeekTime`]: `"Fri 17:30"`.
pub(super) struct WeekMoment;

impl Format<WeekTime> for WeekMoment {
    fn read(node: &Node, report: &mut Report) -> Option<WeekTime> {
        let parsed = match &node.value {
            Value::Text(text) => parse(text),
            other => Err((format!("expected a moment of the week in quotes, found {}", other.kind()), None)),
        };
        parsed
            .map_err(|(message, suggestion)| {
                let suggestion = suggestion.unwrap_or_else(|| "such as \"Fri 17:30\"".to_owned());
                report.problem(&node.place, message, Some(suggestion));
            })
            .ok()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-2][0-9]:[0-5][0-9]$", "examples": ["Fri 17:30"] })
    }

    fn show(value: &WeekTime) -> serde_json::Value {
        json!(value.to_string())
    }

    fn example() -> String {
        "\"Fri 17:30\"".to_owned()
    }
}

fn parse(text: &str) -> Result<WeekTime, (String, Option<String>)> {
    let shape = || (format!("\"{text}\" is not a day and a time"), None);
    let (day, time) = text.trim().split_once(' ').ok_or_else(shape)?;
    let Some((_, weekday)) = DAYS.iter().find(|(name, _)| *name == day) else {
        let names = DAYS.map(|(name, _)| name);
        // "Friday" is nearer to "Fri" than any edit distance says.
        let start: String = day.chars().take(3).collect();
        return Err((format!("there is no day `{day}`"), name::suggest(&start, &names)));
    };
    let (hour, minute) = time.trim().split_once(':').ok_or_else(shape)?;
    let in_range = |digits: &str, limit: u8| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u8>().ok().filter(|number| plain && *number < limit)
    };
    match (in_range(hour, 24), in_range(minute, 60)) {
        (Some(hour), Some(minute)) => Ok(WeekTime { weekday: *weekday, hour, minute }),
        _ => Err((format!("`{time}` is not a time from 00:00 to 23:59"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_starts_on_monday_and_ends_on_sunday() {
        let minute = |text| parse(text).map(WeekTime::minute_of_week);
        assert_eq!(minute("Mon 00:00"), Ok(0));
        assert_eq!(minute("Fri 17:30"), Ok(4 * 1_440 + 17 * 60 + 30));
        assert_eq!(minute("Sun 23:59"), Ok(10_079));
        for wrong in ["", "Fri", "Fri 24:00", "Fri 17:60", "Fri 7:30", "Fri +7:30", "fri 17:30"] {
            assert!(parse(wrong).is_err(), "{wrong:?} is not a moment of the week");
        }
    }
}
