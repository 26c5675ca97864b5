//! Latencies of many requests in little room: histograms of a high dynamic range, merged, never averaged.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Latencies below this many microseconds are kept exactly; longer ones to three significant decimal digits, so that a
/// time-out of 5 s is 5,000 ms and nothing errs by more than 0.5 %.
const EXACT_BELOW_US: u32 = 1_000;

/// Percentiles of a set of latencies, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many latencies these are percentiles of.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// The 90th percentile.
    pub p90_ms: f64,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The 99.9th percentile.
    pub p999_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

impl Quantiles {
    /// The percentiles and the largest by name, milliseconds.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("p50_ms", self.p50_ms),
            ("p90_ms", self.p90_ms),
            ("p95_ms", self.p95_ms),
            ("p99_ms", self.p99_ms),
            ("p999_ms", self.p999_ms),
            ("max_ms", self.max_ms),
        ]
    }
}

/// The latencies of one short window: only the buckets that were hit, so that a day of windows stays small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    buckets_us: BTreeMap<u32, u32>,
}

impl Latencies {
    /// Adds one, in nanoseconds; what is longer than an hour counts as an hour.
    pub fn add(&mut self, latency_ns: u64) {
        *self.buckets_us.entry(bucket_us(latency_ns / 1_000)).or_insert(0) += 1;
    }
}

/// Many windows read together.
#[derive(Debug)]
pub struct Merged(Histogram<u64>);

impl Merged {
    /// The latencies of all these windows.
    pub fn of<'a>(windows: impl IntoIterator<Item = &'a Latencies>) -> Merged {
        let mut histogram = Histogram::new_with_bounds(1, LONGEST_US + LONGEST_US / 100, 4)
            .expect("an hour in microseconds at four digits is within what a histogram holds");
        for window in windows {
            for (&bucket, &count) in &window.buckets_us {
                histogram.saturating_record_n(u64::from(bucket), u64::from(count));
            }
        }
        Merged(histogram)
    }

    /// The percentiles; `None` of nothing.
    pub fn quantiles(&self) -> Option<Quantiles> {
        (!self.0.is_empty()).then(|| Quantiles {
            count: self.0.len(),
            p50_ms: self.at(0.5),
            p90_ms: self.at(0.9),
            p95_ms: self.at(0.95),
            p99_ms: self.at(0.99),
            p999_ms: self.at(0.999),
            max_ms: self.at(1.0),
        })
    }

    /// The histogram answers with the end of a binary bucket; what was put in had three decimal digits.
    fn at(&self, quantile: f64) -> f64 {
        f64::from(bucket_us(self.0.value_at_quantile(quantile))) / 1_000.0
    }
}

/// The latency to the digits that are kept.
fn bucket_us(latency_us: u64) -> u32 {
    let us = u32::try_from(latency_us.min(LONGEST_US)).expect("an hour in microseconds fits 32 bits");
    let mut step = 1;
    while us / step >= EXACT_BELOW_US {
        step *= 10;
    }
    (us + step / 2) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Spread over every order of magnitude from a microsecond to 40 minutes.
    fn any_latency_us() -> impl Strategy<Value = u64> {
        (0_u32..32, any::<u64>())
            .prop_map(|(bits, noise)| ((1_u64 << bits) | (noise % (1_u64 << bits))).min(LONGEST_US))
    }

    proptest! {
        #[test]
        fn quantiles_of_merged_windows_are_those_of_the_sorted_latencies(
            windows in prop::collection::vec(prop::collection::vec(any_latency_us(), 1..200), 1..5),
        ) {
            let kept: Vec<Latencies> = windows.iter().map(|window| {
                let mut latencies = Latencies::default();
                window.iter().for_each(|latency_us| latencies.add(latency_us * 1_000));
                latencies
            }).collect();
            let merged = Merged::of(&kept).quantiles().expect("there are latencies");
            let mut sorted: Vec<u64> = windows.concat();
            sorted.sort_unstable();
            for (quantile, found_ms) in [(0.5, merged.p50_ms), (0.9, merged.p90_ms), (0.95, merged.p95_ms), (0.99, merged.p99_ms)] {
                let rank = (quantile * sorted.len() as f64).ceil() as usize;
                let exact_ms = sorted[rank.max(1) - 1] as f64 / 1_000.0;
                prop_assert!((found_ms - exact_ms).abs() <= 0.005 * exact_ms + 1e-9, "p{quantile}: {found_ms} for {exact_ms}");
            }
            prop_assert_eq!(merged.count, sorted.len() as u64);
        }
    }

    #[test]
    fn a_time_out_reads_as_what_it_was_set_to() {
        let mut latencies = Latencies::default();
        for milliseconds in [8, 12, 5_000, 5_000, 15_000] {
            latencies.add(milliseconds * 1_000_000);
        }
        let quantiles = Merged::of([&latencies]).quantiles().expect("five latencies");
        assert_eq!((quantiles.p50_ms, quantiles.p99_ms, quantiles.max_ms), (5_000.0, 15_000.0, 15_000.0));
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Merged::of([]).quantiles(), None);
    }

    #[test]
    fn more_than_an_hour_counts_as_an_hour() {
        let mut latencies = Latencies::default();
        latencies.add(u64::MAX);
        let quantiles = Merged::of([&latencies]).quantiles().expect("one latency");
        assert!(quantiles.max_ms == 3_600_000.0, "{quantiles:?}");
    }
}
