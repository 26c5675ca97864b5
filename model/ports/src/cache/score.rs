//! The score of a member of a sorted set: a double that is never NaN, so that it has an order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A score: finite or infinite, never NaN, and never negative zero (Redis orders both zeros alike but prints them apart).
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Score(f64);

/// NaN is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to use a score: not a number")]
pub struct NotAScore;

impl Score {
    pub const LOWEST: Score = Score(f64::NEG_INFINITY);
    pub const HIGHEST: Score = Score(f64::INFINITY);

    /// An integer as a score: exact up to 2^53, rounded to the nearest double beyond.
    #[must_use]
    pub fn of(integer: i64) -> Self {
        Score(integer as f64)
    }

    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Score {
    type Error = NotAScore;

    fn try_from(value: f64) -> Result<Self, NotAScore> {
        // Negative zero plus zero is zero.
        if value.is_nan() { Err(NotAScore) } else { Ok(Score(value + 0.0)) }
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> f64 {
        score.0
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

impl Hash for Score {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.to_bits().hash(hasher);
    }
}

impl fmt::Debug for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_order_is_no_score_and_zero_has_one_sign() {
        assert_eq!(Score::try_from(f64::NAN), Err(NotAScore));
        let zero = Score::try_from(-0.0).expect("zero is a score");
        assert_eq!(zero, Score::of(0));
        assert!(zero.get().is_sign_positive());
    }

    #[test]
    fn scores_are_ordered_as_numbers() {
        let scores = [Score::LOWEST, Score::of(-3), Score::of(0), Score::of(1 << 53), Score::HIGHEST];
        assert!(scores.is_sorted());
    }
}
