//! What people could read in rows: what looks like a card's number, and telephone numbers.

use platform::domain::rider::PhoneNumber;
use ports::database::Value;
use ports::observe::Change;

use crate::objects::object_name;

/// How many digits a card's number has (ISO/IEC 7812-1:2017 allows 8 to 19; payment cards in use have 13 and more).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// What was found in the texts and bytes of rows.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// How many cells were read.
    pub read: u64,
    /// The rows in which there is something that looks like a card's number.
    pub with_card_number: Vec<String>,
    /// Every telephone number, with the row in which it is.
    pub phone_numbers: Vec<(PhoneNumber, String)>,
}

impl Texts {
    /// Reads what was written.
    pub(crate) fn read(changes: &[Change]) -> Self {
        let mut texts = Self::default();
        for change in changes {
            for value in change.after.iter().flatten() {
                let bytes = match value {
                    Value::Text(text) => text.as_bytes(),
                    Value::Bytes(bytes) => bytes,
                    Value::Bool(_) | Value::Int(_) | Value::Null => continue,
                };
                texts.read += 1;
                if has_card_number(bytes) {
                    texts.with_card_number.push(object_name(change.table, &change.key));
                }
                let named = |number| (number, object_name(change.table, &change.key));
                texts.phone_numbers.extend(PhoneNumber::all_in(bytes).map(named));
            }
        }
        texts
    }
}

/// Whether a run of digits, perhaps in groups, has a card's length and its check digit (Luhn's formula, ISO/IEC 7812-1).
pub(crate) fn has_card_number(bytes: &[u8]) -> bool {
    let mut run: Vec<u8> = Vec::new();
    let mut previous_is_digit = false;
    for byte in bytes {
        match byte {
            b'0'..=b'9' => run.push(byte - b'0'),
            b' ' | b'-' if previous_is_digit => {}
            _ if run.is_empty() => {}
            _ => {
                if is_card_number(&run) {
                    return true;
                }
                run.clear();
            }
        }
        previous_is_digit = byte.is_ascii_digit();
    }
    is_card_number(&run)
}

fn is_card_number(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let weighed =
        digits.iter().rev().zip(0..).map(|(digit, place)| if place % 2 == 1 { doubled(*digit) } else { *digit });
    CARD_DIGITS.contains(&digits.len()) && weighed.map(u32::from).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_known_by_its_length_and_check_digit_however_it_is_written() {
        // Numbers that card networks publish for tests.
        for number in ["4111111111111111", "5555 5555 5555 4444", "x3782-822463-10005.", "6011111111111117"] {
            assert!(has_card_number(number.as_bytes()), "{number}");
        }
        for other in ["4111111111111112", "411111111111", "40000000000000000000", "4111x1111x1111x1111", ""] {
            assert!(!has_card_number(other.as_bytes()), "{other}");
        }
    }
}
