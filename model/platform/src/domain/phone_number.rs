//! Telephone numbers: how they are written, stored, and found in what people write.

use std::fmt;

use ports::database::{Cell, ColumnKind, Value};
use serde::{Deserialize, Serialize};

/// A telephone number with its country's code, as ITU-T E.164 writes it: at most fifteen digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhoneNumber(pub u64);

/// How many digits a number with its country's code has (E.164 says at most 15; the shortest in use have 7).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

impl PhoneNumber {
    /// Every number that is written out in the bytes, such as `+12125550123`.
    pub fn all_in(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let behind_plus = bytes.iter().zip(1..).filter(|(byte, _)| **byte == b'+').map(move |(_, at)| &bytes[at..]);
        behind_plus.filter_map(|behind| {
            let digits = &behind[..behind.iter().take_while(|byte| byte.is_ascii_digit()).count()];
            let text = str::from_utf8(digits).ok().filter(|digits| DIGITS.contains(&digits.len()));
            text.and_then(|digits| digits.parse().ok()).map(PhoneNumber)
        })
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "+{}", self.0)
    }
}

impl Cell for PhoneNumber {
    const KIND: ColumnKind = ColumnKind::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => text.strip_prefix('+')?.parse().ok().map(PhoneNumber),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_they_are_written_out() {
        let found = |text: &str| PhoneNumber::all_in(text.as_bytes()).map(|number| number.0).collect::<Vec<_>>();
        let number = PhoneNumber(12_125_550_123);
        assert_eq!(found(&format!("call {number}, or ++4930123456.")), [12_125_550_123, 4_930_123_456]);
        assert_eq!(found("12125550123 +123456 +1234567890123456 +"), []);
        assert_eq!(PhoneNumber::from_value(&number.to_value()), Some(number));
    }
}
