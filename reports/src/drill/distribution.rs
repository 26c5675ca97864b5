//! One number over many runs: median, worst, and an interval that assumes no shape.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

/// How sure an interval is asked to be. Convention.
const CONFIDENCE: f64 = 0.95;

/// One number over many runs. A recovery that did not come is worse than any that did, and null.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Runs that say something about it.
    pub runs: u64,
    /// Of these, how many never recovered.
    pub never: u64,
    /// The median run (the worse of two middle ones); null when it never recovered.
    pub median: Option<f64>,
    /// The worst run; null when it never recovered.
    pub worst: Option<f64>,
    /// An interval that holds the median of all seeds; null of too few runs.
    pub interval: Option<Interval>,
}

/// An interval for a median, from the order of the runs alone: no shape of distribution is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its good end; null when that run never recovered.
    pub from: Option<f64>,
    /// Its bad end; null when that run never recovered.
    pub to: Option<f64>,
    /// The exact binomial probability that it holds the median, at least 0.95.
    pub confidence: f64,
}

/// Which way a number is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// Large is bad: times, losses.
    Large,
    /// Small is bad: availability.
    Small,
}

impl Distribution {
    /// Of these runs' numbers, `None` for a recovery that did not come; nothing of no runs.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>, worse: Worse) -> Option<Distribution> {
        let sign = if worse == Worse::Small { -1.0 } else { 1.0 };
        let mut badness: Vec<f64> =
            values.into_iter().map(|value| value.map_or(f64::INFINITY, |value| sign * value)).collect();
        badness.sort_by(f64::total_cmp);
        let runs = badness.len();
        // Adding zero turns the -0 of a negated zero into 0.
        let value = |rank: usize| badness[rank].is_finite().then(|| sign * badness[rank] + 0.0);
        let interval = median_ranks(runs).map(|(rank, confidence)| Interval {
            from: value(rank),
            to: value(runs - 1 - rank),
            confidence,
        });
        (runs > 0).then(|| Distribution {
            runs: runs as u64,
            never: badness.iter().filter(|bad| !bad.is_finite()).count() as u64,
            median: value(runs / 2),
            worst: value(runs - 1),
            interval,
        })
    }
}

/// The narrowest pair of order statistics, `rank` from either end (0 is the end), that holds the median with at least
/// [`CONFIDENCE`], and its exact confidence: 1 - 2 P(Binomial(runs, 1/2) <= rank). `None` when even the extremes do not.
fn median_ranks(runs: usize) -> Option<(usize, f64)> {
    let below_median = Binomial::new(0.5, runs as u64).ok()?;
    let confidence = |rank: usize| 1.0 - 2.0 * below_median.cdf(rank as u64);
    (0..runs / 2).map(|rank| (rank, confidence(rank))).take_while(|&(_, confidence)| confidence >= CONFIDENCE).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_the_worst_and_the_interval_are_order_statistics() {
        let one_never_recovers = (1..20).rev().map(|minutes| Some(f64::from(minutes) * 60.0)).chain([None]);
        let found = Distribution::of(one_never_recovers, Worse::Large).expect("runs");
        assert_eq!((found.runs, found.never, found.median, found.worst), (20, 1, Some(660.0), None));
        let interval = found.interval.expect("twenty are enough");
        // The textbook interval of 20: the 6th to the 15th, 95.9 %.
        assert_eq!((interval.from, interval.to), (Some(360.0), Some(900.0)));
        assert!((interval.confidence - 0.958_6).abs() < 1e-4, "{interval:?}");
    }

    #[test]
    fn few_runs_have_no_interval_and_none_have_no_distribution() {
        assert_eq!(median_ranks(5), None);
        assert_eq!(median_ranks(6).map(|(rank, _)| rank), Some(0));
        assert_eq!(Distribution::of([], Worse::Large), None);
    }

    #[test]
    fn where_small_is_worse_the_smallest_is_the_worst() {
        let found = Distribution::of([0.9, 0.0, 1.0].map(Some), Worse::Small).expect("runs");
        assert_eq!((found.median, found.worst), (Some(0.9), Some(0.0)));
        assert!(found.worst.is_some_and(f64::is_sign_positive));
    }
}
