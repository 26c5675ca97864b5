//! Currencies, and the one way in which amounts are rounded. Amounts are integers of the currency's minor unit.

use super::coded::coded;

coded! {
    /// A currency with a hundredth as its minor unit.
    pub enum Currency {
        Usd = 1,
        Eur = 2,
    }
}

/// `numerator / denominator` to the nearest integer, halves up, kept within what an amount can hold. For amounts that are not negative.
///
/// # Panics
/// If `numerator` is negative or `denominator` is not positive: the caller has a bug.
pub fn round_half_up(numerator: i128, denominator: i128) -> i64 {
    assert!(numerator >= 0 && denominator > 0, "rounding {numerator} / {denominator}");
    i64::try_from((2 * numerator + denominator) / (2 * denominator)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::round_half_up;

    #[test]
    fn halves_go_up() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(|quarters| round_half_up(quarters, 4)), [0, 0, 1, 1, 1, 1, 2, 2]);
    }
}
