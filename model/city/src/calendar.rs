//! Local time of the week and of the calendar, without time zones: trip records and cities both speak local wall time.

use std::fmt;

/// Minutes in a week.
pub const MINUTES_A_WEEK: usize = 7 * 24 * 60;
/// Hours in a week.
pub const HOURS_A_WEEK: usize = 7 * 24;
/// Nanoseconds in a minute.
pub const NANOSECONDS_A_MINUTE: u64 = 60_000_000_000;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A minute of the week, 0 (Monday 00:00) to 10,079 (Sunday 23:59), local wall time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekMinute(u16);

/// Why a text is no minute of the week.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a time of the week: write a day and a time, like \"Fri 17:30\"")]
pub struct WeekMinuteError {
    pub text: String,
}

impl WeekMinute {
    /// Wraps around the week.
    pub fn new(minutes_since_monday: u64) -> WeekMinute {
        let minute = minutes_since_monday % MINUTES_A_WEEK as u64;
        WeekMinute(u16::try_from(minute).expect("a week has 10,080 minutes"))
    }

    /// Reads `Fri 17:30`: a three-letter English day and a 24-hour time.
    pub fn parse(text: &str) -> Result<WeekMinute, WeekMinuteError> {
        let error = || WeekMinuteError { text: text.to_owned() };
        let (day, time) = text.split_once(' ').ok_or_else(error)?;
        let day = WEEKDAYS.iter().position(|name| *name == day).ok_or_else(error)?;
        let (hour, minute) = time.split_once(':').ok_or_else(error)?;
        let hour = number(hour, 2).filter(|hour| *hour < 24).ok_or_else(error)?;
        let minute = number(minute, 2).filter(|minute| *minute < 60).ok_or_else(error)?;
        Ok(WeekMinute::new(day as u64 * 1440 + u64::from(hour) * 60 + u64::from(minute)))
    }

    /// The minute that `offset_ns` nanoseconds after the start of this one fall in.
    pub fn after(self, offset_ns: u64) -> WeekMinute {
        WeekMinute::new(u64::from(self.0) + offset_ns / NANOSECONDS_A_MINUTE)
    }

    /// 0 to 10,079.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// 0 (Monday 00:00-01:00) to 167.
    pub fn hour_of_week(self) -> usize {
        self.index() / 60
    }
}

impl fmt::Display for WeekMinute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = self.index();
        write!(out, "{} {:02}:{:02}", WEEKDAYS[minute / 1440], minute / 60 % 24, minute % 60)
    }
}

/// Local seconds since 1970-01-01 00:00:00, read from `2019-01-15 03:36:12` (a `T` may stand for the blank).
pub fn parse_local_seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let mut time = time.splitn(3, ':');
    let (hour, minute, second) = (number(time.next()?, 2)?, number(time.next()?, 2)?, number(time.next()?, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > days_of_month || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(days_since_1970(i64::from(year), i64::from(month), i64::from(day)) * 86_400 + seconds)
}

/// The minute of the week that local seconds since 1970 fall in.
pub fn week_minute_of(local_seconds: i64) -> WeekMinute {
    // 1970-01-01 was a Thursday.
    let minutes = local_seconds.div_euclid(60) + 3 * 1440;
    WeekMinute::new(minutes.rem_euclid(MINUTES_A_WEEK as i64).unsigned_abs())
}

/// `2019-01-31`, the day that local seconds since 1970 fall in.
pub fn date_text(local_seconds: i64) -> String {
    let (year, month, day) = civil_of(local_seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year and month (1 to 12) that local seconds since 1970 fall in.
pub fn year_month(local_seconds: i64) -> (i64, i64) {
    let (year, month, _) = civil_of(local_seconds.div_euclid(86_400));
    (year, month)
}

fn number(text: &str, digits: usize) -> Option<u32> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

// Both conversions count days from 0000-03-01, so that the leap day ends a year (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_of(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_day_survives_the_round_trip(days in -100_000i64..100_000) {
            let (year, month, day) = civil_of(days);
            prop_assert_eq!(days_since_1970(year, month, day), days);
        }

        #[test]
        fn week_minutes_read_back_what_they_print(minute in 0u64..10_080) {
            let minute = WeekMinute::new(minute);
            prop_assert_eq!(WeekMinute::parse(&minute.to_string()), Ok(minute));
        }
    }

    #[test]
    fn known_dates() {
        assert_eq!(parse_local_seconds("1970-01-02 00:00:01"), Some(86_401));
        assert_eq!(parse_local_seconds("2000-02-29T12:00:00"), Some(951_825_600));
        assert_eq!(parse_local_seconds("2019-02-29 12:00:00"), None);
        assert_eq!(parse_local_seconds("2019-01-15 3:36:12"), None);
        let evening = parse_local_seconds("2019-03-15 17:30:59").expect("a date");
        assert_eq!(week_minute_of(evening).to_string(), "Fri 17:30");
        assert_eq!(date_text(evening), "2019-03-15");
    }

    #[test]
    fn a_week_wraps() {
        let late = WeekMinute::parse("Sun 23:59").expect("a time");
        assert_eq!(late.after(NANOSECONDS_A_MINUTE).to_string(), "Mon 00:00");
        assert!(WeekMinute::parse("Friday 17:30").is_err());
        assert!(WeekMinute::parse("Fri 24:00").is_err());
    }
}
