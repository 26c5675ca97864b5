//! What charts show: the run in ten-second steps, the faults, and what components did about them.

use std::collections::BTreeMap;

use super::latency::Merged;
use super::named::named;
use super::windows::{BUCKET_NS, Bucket};
use crate::format::seconds;
use crate::records::{ComponentStateRecord, FaultRecord, Mark, MetricRecord};

/// The ending of a metric's name that says it is a share of capacity.
const SHARE_OF_CAPACITY: &str = ".utilisation";

/// Component states kept for the report's timeline. Marks are kept beyond it; the rest are in `component_states.parquet`.
const HAPPENINGS_MAX: usize = 2_000;

/// A fault, as the report tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its number in the scenario.
    pub id: u32,
    /// Its kind.
    pub kind: String,
    /// What it hit.
    pub target: String,
    /// When it began, seconds from the end of the warm-up.
    pub onset_s: f64,
    /// When it healed; `None` if it had not by the horizon.
    pub healed_s: Option<f64>,
    /// One sentence for a person.
    pub description: String,
}

impl Fault {
    /// A copy of a row.
    pub fn of(fault: &FaultRecord<'_>) -> Fault {
        Fault {
            id: fault.id,
            kind: fault.kind.to_string(),
            target: fault.target.to_string(),
            onset_s: seconds(fault.onset_ns),
            healed_s: fault.healed_ns.map(seconds),
            description: fault.description.to_string(),
        }
    }
}

/// A component entered a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When, seconds from the end of the warm-up.
    pub at_s: f64,
    /// The component.
    pub component: String,
    /// Its availability zone; empty when it has none.
    pub zone: String,
    /// The state.
    pub state: String,
    /// One sentence for a person.
    pub detail: String,
    /// The step of a recovery that this was.
    pub mark: Option<Mark>,
}

impl Happening {
    /// A copy of a row.
    pub fn of(record: &ComponentStateRecord<'_>) -> Happening {
        Happening {
            at_s: seconds(record.at_ns),
            component: record.component.to_string(),
            zone: record.zone.to_string(),
            state: record.state.to_string(),
            detail: record.detail.to_string(),
            mark: record.mark,
        }
    }
}

/// The states that components entered during the measured time.
#[derive(Debug, Default)]
pub struct Happenings {
    kept: Vec<Happening>,
    left_off: u64,
}

impl Happenings {
    /// Keeps a state; the warm-up's are setting up and nobody's concern.
    pub fn add(&mut self, record: &ComponentStateRecord<'_>) {
        if record.at_ns < 0 {
            return;
        }
        if self.kept.len() >= HAPPENINGS_MAX && record.mark.is_none() {
            self.left_off += 1;
            return;
        }
        self.kept.push(Happening::of(record));
    }

    /// Those kept, in order of time, and how many were left off.
    pub fn finish(mut self) -> (Vec<Happening>, u64) {
        self.kept.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
        (self.kept, self.left_off)
    }
}

/// Ten seconds of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its start, seconds from the end of the warm-up.
    pub at_s: f64,
    /// Requests meant to start in it, all tiers.
    pub requests: u64,
    /// Succeeded / meant, by tier in the order of [`crate::records::Tier::ALL`]; `None` where nothing was meant.
    pub success_ratio: [Option<f64>; 3],
    /// Median, 95th and 99th percentile of all tiers, milliseconds; `None` where nothing was meant.
    pub latency_ms: Option<[f64; 3]>,
}

/// How full one component was over the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// The component.
    pub component: String,
    /// What of it, such as `cpu`.
    pub resource: String,
    /// The fullest ten seconds.
    pub peak: f64,
    /// The mean of each ten seconds' samples, 0 to 1, as (start in seconds, share).
    pub shares: Vec<(f64, f64)>,
}

/// Collects samples of shares of capacity.
#[derive(Debug, Default)]
pub struct Shares(BTreeMap<String, BTreeMap<String, Samples>>);

/// The sum and the number of samples, by bucket.
type Samples = BTreeMap<i64, (f64, u32)>;

impl Shares {
    /// Adds a sample if it is a share of capacity in the measured time.
    pub fn add(&mut self, sample: &MetricRecord<'_>) {
        let Some(resource) = sample.metric.strip_suffix(SHARE_OF_CAPACITY) else { return };
        if sample.at_ns < 0 || !sample.value.is_finite() {
            return;
        }
        let buckets = named(named(&mut self.0, sample.component), resource);
        let (sum, samples) = buckets.entry(sample.at_ns / BUCKET_NS).or_insert((0.0, 0));
        *sum += sample.value;
        *samples += 1;
    }

    /// Every component's shares, the fullest first.
    pub fn finish(self) -> Vec<Saturation> {
        let mut found: Vec<Saturation> = Vec::new();
        for (component, resources) in self.0 {
            for (resource, buckets) in resources {
                let mean = |(bucket, (sum, samples)): (i64, (f64, u32))| {
                    (seconds(bucket * BUCKET_NS), sum / f64::from(samples))
                };
                let shares: Vec<(f64, f64)> = buckets.into_iter().map(mean).collect();
                let peak = shares.iter().map(|&(_, share)| share).fold(0.0, f64::max);
                found.push(Saturation { component: component.clone(), resource, peak, shares });
            }
        }
        found.sort_by(|one, other| other.peak.total_cmp(&one.peak));
        found
    }
}

/// The points of a chart from the buckets of each tier, which are equally many.
pub fn points(tiers: &[Vec<Bucket>; 3]) -> Vec<Point> {
    let ratio = |bucket: &Bucket| (bucket.requests > 0).then(|| bucket.ok as f64 / bucket.requests as f64);
    (0..tiers[0].len())
        .map(|index| {
            let buckets = [&tiers[0][index], &tiers[1][index], &tiers[2][index]];
            let quantiles = Merged::of(buckets.map(|bucket| &bucket.latencies)).quantiles();
            Point {
                at_s: seconds(index as i64 * BUCKET_NS),
                requests: buckets.iter().map(|bucket| bucket.requests).sum(),
                success_ratio: buckets.map(ratio),
                latency_ms: quantiles.map(|q| [q.p50_ms, q.p95_ms, q.p99_ms]),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shares_of_capacity_are_charted_by_their_means_and_the_fullest_comes_first() {
        let mut shares = Shares::default();
        let mut add = |at_s: i64, component, metric, value| {
            shares.add(&MetricRecord { at_ns: at_s * 1_000_000_000, component, metric, value });
        };
        add(1, "db", "cpu.utilisation", 0.2);
        add(9, "db", "cpu.utilisation", 0.4);
        add(11, "db", "cpu.utilisation", 0.1);
        add(11, "gateway", "pool.utilisation", 0.9);
        add(11, "gateway", "queue.length", 900.0);
        add(-5, "warm", "cpu.utilisation", 1.0);
        let found = shares.finish();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].component.as_str(), found[0].resource.as_str()), ("gateway", "pool"));
        assert!((found[1].shares[0].1 - 0.3).abs() < 1e-9 && found[1].shares[1] == (10.0, 0.1), "{found:?}");
    }

    #[test]
    fn marks_are_kept_when_other_states_overflow() {
        let mut happenings = Happenings::default();
        let record =
            |at_ns, mark| ComponentStateRecord { at_ns, component: "db", zone: "a", state: "busy", detail: "", mark };
        happenings.add(&record(-1, Some(Mark::Detected)));
        for _ in 0..HAPPENINGS_MAX + 3 {
            happenings.add(&record(20, None));
        }
        happenings.add(&record(10, Some(Mark::Promoted)));
        let (kept, left_off) = happenings.finish();
        assert_eq!((kept.len(), left_off), (HAPPENINGS_MAX + 1, 3));
        assert_eq!(kept[0].mark, Some(Mark::Promoted));
    }
}
