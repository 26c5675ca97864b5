//! What the platform knows of a rider as a person, and how it forgets it.
//!
//! What is left of a rider who is forgotten is a number, on trips and in the books: a pseudonym that nothing ties to a person any more.

use std::fmt;

use ports::database::{Cell, ColumnKind, Value};
use serde::{Deserialize, Serialize};

use super::coded::coded;
use super::schema::Rider;

coded! {
    /// How far a rider's wish to be forgotten has come.
    pub enum Erasure {
        /// Nobody signs in as the rider any more; what is still owed is settled first.
        Asked = 1,
        Done = 2,
    }
}

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

impl Rider {
    /// Notes the wish to be forgotten; false if it was known.
    pub fn ask_erasure(&mut self, now_ns: i64) -> bool {
        let is_new = self.erasure.is_none();
        if is_new {
            (self.erasure, self.erasure_at_ns) = (Some(Erasure::Asked), Some(now_ns));
        }
        is_new
    }

    /// Whether the wish is old enough to be carried out.
    pub fn is_erasure_due(&self, delay_ns: i64, now_ns: i64) -> bool {
        let asked_at_ns = self.erasure_at_ns.filter(|_| self.erasure == Some(Erasure::Asked));
        asked_at_ns.is_some_and(|asked_at_ns| asked_at_ns + delay_ns <= now_ns)
    }

    /// Forgets the person.
    pub fn erase(&mut self, now_ns: i64) {
        if !runtime::planted::is("erasure-forgets-a-column") {
            self.phone_number = None;
        }
        (self.card_token, self.secret_digest) = (None, None);
        (self.erasure, self.erasure_at_ns) = (Some(Erasure::Done), Some(now_ns));
    }

    /// Whether nothing is known of the person.
    pub fn is_forgotten(&self) -> bool {
        self.phone_number.is_none() && self.card_token.is_none() && self.secret_digest.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RiderId;

    fn rider() -> Rider {
        Rider {
            id: RiderId(1),
            phone_number: Some(PhoneNumber(12_125_550_123)),
            card_token: Some(2),
            secret_digest: Some(vec![3]),
            erasure: None,
            erasure_at_ns: None,
            created_at_ns: 4,
        }
    }

    #[test]
    fn a_wish_is_carried_out_when_it_is_old_enough_and_leaves_a_number() {
        let mut rider = rider();
        assert!(!rider.is_erasure_due(10, i64::MAX));
        assert_eq!([rider.ask_erasure(100), rider.ask_erasure(200)], [true, false]);
        assert_eq!([109, 110].map(|now_ns| rider.is_erasure_due(10, now_ns)), [false, true]);
        assert!(!rider.is_forgotten());
        rider.erase(120);
        assert!(rider.is_forgotten() && !rider.is_erasure_due(10, i64::MAX));
        assert!(!rider.ask_erasure(130), "it is done");
        assert_eq!((rider.id, rider.created_at_ns, rider.erasure_at_ns), (RiderId(1), 4, Some(120)));
    }

    #[test]
    fn numbers_are_found_where_they_are_written_out() {
        let found = |text: &str| PhoneNumber::all_in(text.as_bytes()).map(|number| number.0).collect::<Vec<_>>();
        let number = PhoneNumber(12_125_550_123);
        assert_eq!(found(&format!("call {number}, or ++4930123456.")), [12_125_550_123, 4_930_123_456]);
        assert_eq!(found("12125550123 +123456 +1234567890123456 +"), []);
        assert_eq!(PhoneNumber::from_value(&number.to_value()), Some(number));
    }
}
