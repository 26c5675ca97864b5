//! What each tier saw in each stretch of time, and the stretches in which it broke its service level.
//!
//! Requests are kept by ten-second buckets of the moment they were meant to start; a judged window is a minute of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::{Latencies, Merged};
use crate::records::RequestRecord;
use crate::run::ServiceLevel;

/// The resolution of charts and of before, during and after.
pub const BUCKET_NS: i64 = 10_000_000_000;

/// Buckets in a window that a service level is judged by.
const BUCKETS_IN_WINDOW: usize = 6;

/// The length of a judged window, seconds.
pub const WINDOW_S: f64 = BUCKETS_IN_WINDOW as f64 * (BUCKET_NS / 1_000_000_000) as f64;

/// What one tier saw in ten seconds. Latency counts every request, failed ones too: a time-out is what a rider waited.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Requests meant to start in it.
    pub requests: u64,
    /// Requests sent for them, retries included.
    pub attempts: u64,
    /// Requests that the push channel spared: each was one of a phone that looks by itself.
    pub spared: u64,
    /// Those that succeeded in the end.
    pub ok: u64,
    /// From the moment each was meant to start to its final answer.
    pub latencies: Latencies,
    /// Requests meant and requests that succeeded, by what was wanted.
    kinds: Vec<(Box<str>, u64, u64)>,
}

impl Bucket {
    /// Adds a request to it.
    pub fn add(&mut self, request: &RequestRecord<'_>) {
        self.requests += 1;
        self.attempts += u64::from(request.attempts);
        self.spared += u64::from(request.spared);
        let ok = u64::from(request.failure.is_none());
        self.ok += ok;
        match self.kinds.iter_mut().find(|(kind, ..)| **kind == *request.journey) {
            Some((_, meant, succeeded)) => (*meant, *succeeded) = (*meant + 1, *succeeded + ok),
            None => self.kinds.push((request.journey.into(), 1, ok)),
        }
        self.latencies.add(request.ended_at_ns.saturating_sub(request.meant_at_ns).max(0) as u64);
    }
}

/// A window, judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judgement<'b> {
    /// The service level held.
    Good,
    /// It did not.
    Broken {
        /// Succeeded / meant.
        success_ratio: f64,
        /// The 95th percentile, milliseconds.
        p95_ms: f64,
        /// Journeys meant to start in it, of the kind that broke it.
        journeys: u64,
        /// That kind; none where latency broke it or the journeys of every kind together did.
        kind: Option<&'b str>,
    },
    /// Too few journeys to tell.
    Unknown,
}

/// A stretch in which a tier's service level was broken: from its first broken window to the start of the next good one.
/// Windows with too few journeys do not end it: they are unknown, not good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// Start of its first window, seconds from the end of the warm-up.
    pub from_s: f64,
    /// End of its last window, seconds from the end of the warm-up.
    pub to_s: f64,
    /// The part of it in windows that nobody can judge, seconds.
    pub unknown_s: f64,
    /// The lowest success ratio of its windows.
    pub success_ratio_min: f64,
    /// The highest 95th percentile of its windows, milliseconds.
    pub p95_ms_max: f64,
    /// Journeys meant to start in its broken windows, in each those of the kind that broke it: how much it rests on.
    pub journeys: u64,
    /// Those kinds; empty where latency broke a window or the journeys of every kind together did.
    pub kinds: Vec<String>,
    /// Whether it had not ended at the horizon.
    pub open: bool,
}

impl Breach {
    /// Counts another broken window's journeys in.
    fn rests_on(&mut self, journeys: u64, kind: Option<&str>) {
        self.journeys += journeys;
        match kind {
            // What every kind broke once is no longer any one's.
            None => self.kinds.clear(),
            Some(_) if self.kinds.is_empty() => {}
            Some(kind) if self.kinds.iter().any(|known| known == kind) => {}
            Some(kind) => self.kinds.push(kind.to_string()),
        }
    }
}

/// The journeys that a window's success is judged by.
#[derive(Clone, Copy, Debug)]
struct Deciding<'b> {
    success_ratio: f64,
    journeys: u64,
    /// None of all.
    kind: Option<&'b str>,
}

/// All journeys of a window or, if a smaller part of them succeeded, those of any one kind with enough of them to tell.
/// A phone's pings and polls are a hundred times as many as its owner's wishes, and would hide that none was granted.
fn deciding(window: &[Bucket], journeys_min: u64) -> Deciding<'_> {
    let of = |journeys: u64, ok: u64, kind| Deciding { success_ratio: ok as f64 / journeys as f64, journeys, kind };
    let requests: u64 = window.iter().map(|bucket| bucket.requests).sum();
    let ok: u64 = window.iter().map(|bucket| bucket.ok).sum();
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (kind, meant, succeeded) in window.iter().flat_map(|bucket| &bucket.kinds) {
        let sums = kinds.entry(kind).or_default();
        *sums = (sums.0 + meant, sums.1 + succeeded);
    }
    let told = kinds.into_iter().filter(|(_, (meant, _))| *meant >= journeys_min.max(1));
    told.map(|(kind, (meant, ok))| of(meant, ok, Some(kind)))
        .fold(of(requests, ok, None), |worst, one| if one.success_ratio < worst.success_ratio { one } else { worst })
}

/// Judges every one-minute window of a tier.
pub fn judge(buckets: &[Bucket], level: ServiceLevel, journeys_min: u64) -> Vec<Judgement<'_>> {
    buckets
        .chunks(BUCKETS_IN_WINDOW)
        .map(|window| {
            let requests: u64 = window.iter().map(|bucket| bucket.requests).sum();
            if requests < journeys_min.max(1) {
                return Judgement::Unknown;
            }
            let Deciding { success_ratio, journeys, kind } = deciding(window, journeys_min);
            let p95_ms =
                Merged::of(window.iter().map(|bucket| &bucket.latencies)).quantiles().map_or(0.0, |q| q.p95_ms);
            if p95_ms > level.p95_ms_max {
                Judgement::Broken { success_ratio, p95_ms, journeys: requests, kind: None }
            } else if success_ratio < level.success_ratio_min {
                Judgement::Broken { success_ratio, p95_ms, journeys, kind }
            } else {
                Judgement::Good
            }
        })
        .collect()
}

/// The breaches among judged windows that end at `horizon_s`.
pub fn breaches(judgements: &[Judgement<'_>], horizon_s: f64) -> Vec<Breach> {
    let mut found: Vec<Breach> = Vec::new();
    for (index, judgement) in judgements.iter().enumerate() {
        let from_s = index as f64 * WINDOW_S;
        let to_s = (from_s + WINDOW_S).min(horizon_s);
        let running = found.last_mut().filter(|breach| breach.open);
        match (*judgement, running) {
            (Judgement::Good, Some(breach)) => breach.open = false,
            (Judgement::Unknown, Some(breach)) => {
                breach.unknown_s += to_s - breach.to_s;
                breach.to_s = to_s;
            }
            (Judgement::Broken { success_ratio, p95_ms, journeys, kind }, Some(breach)) => {
                breach.to_s = to_s;
                breach.success_ratio_min = breach.success_ratio_min.min(success_ratio);
                breach.p95_ms_max = breach.p95_ms_max.max(p95_ms);
                breach.rests_on(journeys, kind);
            }
            (Judgement::Broken { success_ratio, p95_ms, journeys, kind }, None) => found.push(Breach {
                from_s,
                to_s,
                unknown_s: 0.0,
                success_ratio_min: success_ratio,
                p95_ms_max: p95_ms,
                journeys,
                kinds: kind.map(str::to_string).into_iter().collect(),
                open: true,
            }),
            (Judgement::Good | Judgement::Unknown, None) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: ServiceLevel = ServiceLevel { success_ratio_min: 0.9, p95_ms_max: 500.0 };

    fn minute(requests: u64, failed: u64, latency_ms: i64) -> Vec<Bucket> {
        let mut buckets = vec![Bucket::default(); BUCKETS_IN_WINDOW];
        ask(&mut buckets, "quote", requests, failed, latency_ms);
        buckets
    }

    fn ask(buckets: &mut [Bucket], journey: &str, requests: u64, failed: u64, latency_ms: i64) {
        for index in 0..requests {
            buckets[index as usize % BUCKETS_IN_WINDOW].add(&RequestRecord {
                meant_at_ns: 0,
                ended_at_ns: latency_ms * 1_000_000,
                journey,
                actor: index,
                failure: (index < failed).then_some("timeout"),
                ..crate::fixture::request()
            });
        }
    }

    fn minutes(asked: &[(u64, u64, i64)]) -> Vec<Bucket> {
        asked.iter().flat_map(|&(requests, failed, latency)| minute(requests, failed, latency)).collect()
    }

    fn judged(buckets: &[Bucket]) -> (Vec<Judgement<'_>>, Vec<Breach>) {
        let judgements = judge(buckets, LEVEL, 20);
        let found = breaches(&judgements, judgements.len() as f64 * WINDOW_S);
        (judgements, found)
    }

    #[test]
    fn a_window_breaks_by_failures_or_by_slowness_and_few_journeys_are_unknown() {
        let buckets = minutes(&[(100, 10, 50), (100, 11, 50), (100, 0, 600), (100, 0, 50), (19, 19, 50)]);
        let (judgements, found) = judged(&buckets);
        assert_eq!(judgements[0], Judgement::Good);
        assert!(matches!(judgements[1], Judgement::Broken { success_ratio, .. } if success_ratio == 0.89));
        assert!(matches!(judgements[2], Judgement::Broken { p95_ms, .. } if p95_ms > 597.0));
        assert_eq!(judgements[3..], [Judgement::Good, Judgement::Unknown]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].from_s, found[0].to_s, found[0].open), (60.0, 180.0, false));
        assert_eq!((found[0].success_ratio_min, found[0].journeys), (0.89, 200));
    }

    #[test]
    fn an_unknown_window_does_not_end_a_breach() {
        let (_, found) = judged(&minutes(&[(100, 100, 50), (0, 0, 0), (100, 0, 50), (100, 100, 50), (0, 0, 0)]));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].from_s, found[0].to_s, found[0].unknown_s, found[0].open), (0.0, 120.0, 60.0, false));
        assert_eq!((found[1].from_s, found[1].to_s, found[1].unknown_s, found[1].open), (180.0, 300.0, 60.0, true));
    }

    #[test]
    fn a_breach_rests_on_the_kind_that_broke_it_and_on_every_kind_once_latency_did() {
        let mut window = minute(1_000, 0, 50);
        ask(&mut window, "request", 21, 3, 50);
        let rests_on = |buckets: &[Bucket]| {
            let (_, found) = judged(buckets);
            (found[0].journeys, found[0].kinds.clone())
        };
        assert_eq!(rests_on(&window), (21, vec!["request".to_string()]));
        let mut other = minute(1_000, 0, 50);
        ask(&mut other, "cancel", 20, 3, 50);
        let both = [window.clone(), other, window.clone()].concat();
        assert_eq!(rests_on(&both), (62, vec!["request".to_string(), "cancel".to_string()]));
        let slow = [window.clone(), minute(100, 0, 600), window].concat();
        assert_eq!(rests_on(&slow), (142, vec![]));
    }

    #[test]
    fn a_request_that_ended_before_it_was_meant_waited_for_nothing() {
        let mut bucket = Bucket::default();
        let request = RequestRecord { meant_at_ns: 5, ended_at_ns: 4, ..crate::fixture::request() };
        bucket.add(&request);
        assert!(Merged::of([&bucket.latencies]).quantiles().is_some_and(|q| q.max_ms < 0.01));
    }
}
