//! Quantities as people write them: `"90s"`, `"1TiB"`, `"400/s"`, `"0.1%"`, `"Fri 17:30"` - read and written.

use std::time::Duration;

/// A unit and how much of the base unit it is.
type Unit = (&'static str, u128);

/// In nanoseconds, largest first.
const TIME: &[Unit] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// What people write instead of the units of [`TIME`].
const TIME_ALIASES: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("µs", "us"),
];

/// In bytes, largest first. Storage is sold in binary units, networks in decimal ones.
const SIZE: &[Unit] = &[
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// In bits a second.
const SPEED: &[Unit] = &[
    ("GiB/s", 8 << 30),
    ("GB/s", 8_000_000_000),
    ("MiB/s", 8 << 20),
    ("MB/s", 8_000_000),
    ("KiB/s", 8 << 10),
    ("KB/s", 8_000),
    ("B/s", 8),
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1_000),
];

/// A number without sign, exact: what it is, times ten to the power of its decimals.
struct Decimal {
    digits: u128,
    decimals: u32,
}

impl Decimal {
    /// This many times `scale`, if that is a whole number that fits.
    fn times(&self, scale: u128) -> Option<u128> {
        let divisor = 10_u128.checked_pow(self.decimals)?;
        let product = self.digits.checked_mul(scale)?;
        product.is_multiple_of(divisor).then_some(product / divisor)
    }
}

/// Splits a leading number off a text.
fn leading_number(text: &str) -> Option<(Decimal, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || fraction.contains('.') || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((Decimal { digits, decimals: u32::try_from(fraction.len()).ok()? }, rest))
}

/// `"90s"`, `"1h30m"`, `"924.6s"`. The error is a corrected text, where one can be guessed.
pub fn duration(text: &str) -> Result<Duration, Option<String>> {
    exact_duration(text).ok_or_else(|| {
        let (_, unit) = leading_number(text.trim())?;
        let number = text.trim().strip_suffix(unit)?;
        let unit = unit.trim().to_lowercase();
        let known = TIME_ALIASES.iter().find(|(alias, _)| *alias == unit).map(|(_, known)| *known);
        let known = known.or_else(|| TIME.iter().find(|(name, _)| *name == unit).map(|(name, _)| *name));
        known.map(|known| format!("{number}{known}"))
    })
}

fn exact_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut nanoseconds: u128 = 0;
    let mut smallest = u128::MAX;
    while !rest.is_empty() {
        let (number, tail) = leading_number(rest)?;
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, scale) = TIME.iter().find(|(name, _)| *name == unit)?;
        // Units must fall, so that "30m1h" is not taken for a duration.
        if *scale >= smallest {
            return None;
        }
        smallest = *scale;
        nanoseconds = nanoseconds.checked_add(number.times(*scale)?)?;
        rest = tail;
    }
    // The simulated clock counts nanoseconds in 64 bits: some 584 years.
    let nanoseconds = u64::try_from(nanoseconds).ok()?;
    (!text.is_empty()).then(|| Duration::from_nanos(nanoseconds))
}

/// A duration in the largest unit in which it is a whole number.
pub fn duration_text(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    // Nobody thinks of 24 hours' lead time in days when reading a parameter of seconds: days are read, not written.
    let (unit, scale) = TIME[1..].iter().find(|(_, scale)| nanoseconds.is_multiple_of(*scale)).unwrap_or(&("ns", 1));
    format!("{}{unit}", nanoseconds / scale)
}

fn scaled(text: &str, units: &[Unit]) -> Result<u128, Option<String>> {
    let Some((number, unit)) = leading_number(text) else { return Err(None) };
    let unit = unit.trim();
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, scale)) => number.times(*scale).ok_or(None),
        None => Err(super::name::nearest(unit, units.iter().map(|(name, _)| *name))
            .and_then(|near| Some(format!("{}{near}", text.strip_suffix(unit)?.trim_end())))),
    }
}

/// `"1TiB"`, `"64GiB"`: bytes.
pub fn size(text: &str) -> Result<u64, Option<String>> {
    u64::try_from(scaled(text, SIZE)?).map_err(|_| None)
}

/// A size in the largest binary unit in which it is a whole number.
pub fn size_text(bytes: u64) -> String {
    let whole = |scale: &u128| bytes > 0 && u128::from(bytes).is_multiple_of(*scale);
    let binary = SIZE.iter().filter(|(name, _)| name.contains('i'));
    match binary.into_iter().find(|(_, scale)| whole(scale)) {
        Some((unit, scale)) => format!("{}{unit}", u128::from(bytes) / scale),
        None => format!("{bytes}B"),
    }
}

/// `"10Gbit/s"`, `"500MiB/s"`: bytes a second.
pub fn speed(text: &str) -> Result<u64, Option<String>> {
    let bits = scaled(text, SPEED)?;
    u64::try_from(bits / 8).ok().filter(|bytes| *bytes > 0).ok_or(None)
}

/// `"400/s"`, `"24000/m"`: events a second.
pub fn rate(text: &str) -> Result<f64, Option<String>> {
    let Some((number, per)) = text.split_once('/') else {
        return Err(text.trim().parse::<f64>().ok().map(|number| format!("{number}/s")));
    };
    let seconds = match per.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "sec" | "second" => return Err(Some(format!("{}/s", number.trim()))),
        "min" | "minute" => return Err(Some(format!("{}/m", number.trim()))),
        "hour" => return Err(Some(format!("{}/h", number.trim()))),
        _ => return Err(None),
    };
    let number: f64 = number.trim().parse().map_err(|_| None)?;
    (number.is_finite() && number >= 0.0).then_some(number / seconds).ok_or(None)
}

/// `"0.1%"`: a share between 0 and 1.
pub fn ratio(text: &str) -> Result<f64, Option<String>> {
    let Some(percent) = text.trim().strip_suffix('%') else {
        return Err(text.trim().parse::<f64>().ok().map(|number| format!("{number}%")));
    };
    let percent: f64 = percent.trim().parse().map_err(|_| None)?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0).ok_or(None)
}

/// A share as a percentage.
pub fn ratio_text(ratio: f64) -> String {
    // Rounded to nine decimals, or a tenth of a percent would read 0.1 and then a dust of binary fractions.
    let percent = (ratio * 100.0 * 1e9).round() / 1e9;
    format!("{percent}%")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("924.6s"), Ok(Duration::from_millis(924_600)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("90 sec"), Err(Some("90s".to_owned())));
        assert_eq!(duration("5min"), Err(Some("5m".to_owned())));
        for wrong in ["", "90", "s", "30m1h", "1.2.3s", "1.s", "-5s", "0.5ns", "600000d", "١s"] {
            assert!(duration(wrong).is_err(), "{wrong:?} is not a duration");
        }
    }

    #[test]
    fn sizes_speeds_rates_and_shares() {
        assert_eq!(size("1TiB"), Ok(1 << 40));
        assert_eq!(size("4KiB"), Ok(4_096));
        assert_eq!(size("64 GiB"), Ok(64 << 30));
        assert_eq!(size("64gib"), Err(Some("64GiB".to_owned())));
        assert_eq!(size_text(64 << 30), "64GiB");
        assert_eq!(size_text(1_000), "1000B");
        assert_eq!(speed("10Gbit/s"), Ok(1_250_000_000));
        assert_eq!(speed("500MiB/s"), Ok(500 << 20));
        assert_eq!(speed("287.5MB/s"), Ok(287_500_000));
        assert_eq!(rate("24000/m"), Ok(400.0));
        assert_eq!(rate("400"), Err(Some("400/s".to_owned())));
        assert_eq!(rate("-1/s"), Err(None));
        assert_eq!(ratio("0.1%"), Ok(0.001));
        assert_eq!(ratio_text(0.001), "0.1%");
        assert_eq!(ratio("101%"), Err(None));
        assert_eq!(ratio("NaN%"), Err(None));
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written_and_read(nanoseconds: u64) {
            let written = duration_text(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(duration(&written), Ok(Duration::from_nanos(nanoseconds)));
        }

        #[test]
        fn a_size_survives_being_written_and_read(bytes: u64) {
            prop_assert_eq!(size(&size_text(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_makes_a_reader_panic(text: String) {
            let _ = (duration(&text), size(&text), speed(&text), rate(&text), ratio(&text));
        }
    }
}
