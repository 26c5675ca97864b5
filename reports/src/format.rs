//! How numbers read in reports: the same digits on every machine, the unit always with them.

/// `2160000` as `2,160,000`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A mean of things that come in whole numbers, rounded to one.
pub fn about(value: f64) -> String {
    count(value.max(0.0).round() as u64)
}

/// Events a second: `395/s`, `2.4/s`.
pub fn rate(per_second: f64) -> String {
    if per_second < 9.95 { format!("{:.1}/s", per_second.max(0.0)) } else { format!("{}/s", about(per_second)) }
}

/// A span in seconds: `0 s`, `4.8 s`, `1 m 35 s`; whole minutes from an hour on: `1 h 02 m`.
pub fn span(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", span(-seconds));
    }
    if seconds < 59.95 {
        let tenths = (seconds * 10.0).round() / 10.0;
        return if tenths.fract() == 0.0 { format!("{tenths:.0} s") } else { format!("{tenths:.1} s") };
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    match (hours, rest) {
        (0, 0) => format!("{minutes} m"),
        (0, _) => format!("{minutes} m {rest:02} s"),
        _ => format!("{hours} h {minutes:02} m"),
    }
}

/// A moment of the run, seconds from the end of the warm-up, to the second: `20:14`, `1:05:00`.
pub fn clock(seconds: f64) -> String {
    clock_of(seconds < 0.0, seconds.abs().floor() as u64)
}

/// A moment of the run to the tenth of a second: `20:14.2`.
pub fn moment(seconds: f64) -> String {
    let tenths = (seconds.abs() * 10.0 + 1e-6).floor() as u64;
    format!("{}.{}", clock_of(seconds < 0.0, tenths / 10), tenths % 10)
}

fn clock_of(negative: bool, whole: u64) -> String {
    let sign = if negative { "-" } else { "" };
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours == 0 { format!("{sign}{minutes:02}:{rest:02}") } else { format!("{sign}{hours}:{minutes:02}:{rest:02}") }
}

/// A latency in milliseconds with three significant digits, in seconds from 10 s on.
pub fn latency(milliseconds: f64) -> String {
    if milliseconds >= 9_999.5 {
        format!("{:.1} s", milliseconds / 1_000.0)
    } else if milliseconds >= 99.95 {
        format!("{} ms", count(milliseconds.round() as u64))
    } else if milliseconds >= 9.995 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.2} ms")
    }
}

/// A ratio as a percentage that never rounds up to 100 %.
pub fn percent(ratio: f64) -> String {
    let hundredths = (ratio * 10_000.0).floor() / 100.0;
    if ratio >= 1.0 { "100 %".to_string() } else { format!("{hundredths:.2} %") }
}

/// A share that must be small, as a percentage that never rounds down to 0 %.
pub fn error_percent(ratio: f64) -> String {
    if ratio <= 0.0 {
        "0 %".to_string()
    } else if ratio < 0.000_1 {
        "< 0.01 %".to_string()
    } else {
        format!("{:.2} %", ratio * 100.0)
    }
}

/// The difference of two moments in seconds, without the digits below a nanosecond that subtraction leaves behind.
pub fn elapsed_s(from_s: f64, to_s: f64) -> f64 {
    ((to_s - from_s) * 1e9).round() / 1e9
}

/// Nanoseconds as seconds.
pub fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(2_160_000), "2,160,000");
        assert_eq!(rate(2.44), "2.4/s");
        assert_eq!(rate(1_395.4), "1,395/s");
        assert_eq!(span(0.0), "0 s");
        assert_eq!(span(4.84), "4.8 s");
        assert_eq!(span(59.96), "1 m");
        assert_eq!(span(95.0), "1 m 35 s");
        assert_eq!(span(3_720.0), "1 h 02 m");
        assert_eq!(clock(1_214.9), "20:14");
        assert_eq!(clock(-30.0), "-00:30");
        assert_eq!(moment(1_214.27), "20:14.2");
        assert_eq!(moment(1_214.0), "20:14.0");
        assert_eq!(latency(1.234), "1.23 ms");
        assert_eq!(latency(1_234.0), "1,234 ms");
        assert_eq!(latency(12_340.0), "12.3 s");
    }

    #[test]
    fn a_percentage_never_rounds_to_perfection() {
        assert_eq!(percent(0.999_999), "99.99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(error_percent(0.000_001), "< 0.01 %");
        assert_eq!(error_percent(0.0), "0 %");
    }
}
