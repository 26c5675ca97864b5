//! How long a tier took to recover from the disaster, and what that time was spent on.

use serde::{Deserialize, Serialize};

use super::windows::{Breach, WINDOW_S};
use crate::format::elapsed_s;
use crate::records::Mark;

/// What a tier's recovery time was spent on, seconds; together exactly the recovery time.
///
/// The first five end when the tier first served well again: each boundary is the last mark of its kind before the next
/// boundary, so that a later recovery of something else (the zone coming back) does not count as slow detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Until it was noticed.
    pub detect_s: f64,
    /// Until it was decided what to do.
    pub decide_s: f64,
    /// Until the replacement had taken over.
    pub promote_s: f64,
    /// Until clients had been told.
    pub propagate_s: f64,
    /// Until the tier served well again: reconnecting, queues, retries.
    pub drain_s: f64,
    /// From then to the end of the last breach: it served, and broke again (evictions, hung connections, failback).
    pub restored_s: f64,
}

impl Phases {
    /// The phases by name, in order.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("detect", self.detect_s),
            ("decide", self.decide_s),
            ("promote", self.promote_s),
            ("propagate", self.propagate_s),
            ("drain", self.drain_s),
            ("restored", self.restored_s),
        ]
    }
}

/// Whether a tier came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// No fault struck in this run.
    NotRehearsed,
    /// A fault struck and the tier kept its service level.
    Unaffected,
    /// It broke its service level and keeps it again.
    Recovered,
    /// It had not come back at the horizon.
    NotRecovered,
    /// Too few journeys after the onset to say anything.
    Unknown,
}

/// The end of the last breach that touches the time after the onset.
pub fn last_breach_end_s(breaches: &[Breach], onset_s: f64) -> Option<f64> {
    breaches.iter().filter(|breach| breach.to_s > onset_s).map(|breach| breach.to_s).next_back()
}

/// The breach that ends a tier's recovery time, where the tier had served well before it. By its definition the recovery time runs to the last
/// breach, whatever caused that: whether it was the disaster's, a reader judges by these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LateBreach {
    /// From the end of the breach before it to its start, seconds; from the onset where it is the only one.
    pub apart_s: f64,
    /// Journeys meant to start in its broken windows, in each those of the kind that broke it.
    pub journeys: u64,
    /// Those kinds; empty where latency broke a window or the journeys of every kind together did.
    pub kinds: Vec<String>,
    /// The recovery time without it, seconds; 0 where it is the only one.
    pub rto_without_s: f64,
}

/// The last breach that touches the time after the onset, if at least one window lies between it and what was before.
pub fn late_breach(breaches: &[Breach], onset_s: f64) -> Option<LateBreach> {
    let mut after_onset = breaches.iter().filter(|breach| breach.to_s > onset_s);
    let last = after_onset.next_back()?;
    let before_s = after_onset.next_back().map_or(onset_s, |before| before.to_s);
    let (apart_s, rto_without_s) = (elapsed_s(before_s, last.from_s), elapsed_s(onset_s, before_s));
    let told = || LateBreach { apart_s, journeys: last.journeys, kinds: last.kinds.clone(), rto_without_s };
    (apart_s >= WINDOW_S).then(told)
}

/// Partitions the time from the onset to the end of the last breach. `marks` are (seconds, mark), in any order.
pub fn phases(breaches: &[Breach], marks: &[(f64, Mark)], onset_s: f64) -> Phases {
    let after_onset = || breaches.iter().filter(|breach| breach.to_s > onset_s);
    let (Some(first), Some(last)) = (after_onset().next(), after_onset().next_back()) else {
        return Phases::default();
    };
    let mut limit_s = first.to_s;
    let mut ends: [Option<f64>; 4] = [None; 4];
    for (end, mark) in ends.iter_mut().zip(Mark::ALL).rev() {
        let at = |&&(at_s, kind): &&(f64, Mark)| kind == mark && at_s >= onset_s && at_s <= limit_s;
        *end = marks.iter().filter(at).map(|&(at_s, _)| at_s).max_by(f64::total_cmp);
        limit_s = end.unwrap_or(limit_s);
    }
    let mut boundary_s = onset_s;
    let [detect_s, decide_s, promote_s, propagate_s] = ends.map(|end| {
        let from_s = boundary_s;
        boundary_s = end.unwrap_or(from_s);
        elapsed_s(from_s, boundary_s)
    });
    let drain_s = elapsed_s(boundary_s, first.to_s);
    let restored_s = elapsed_s(first.to_s, last.to_s);
    Phases { detect_s, decide_s, promote_s, propagate_s, drain_s, restored_s }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quotes() -> Vec<String> {
        vec!["quote".to_string()]
    }

    fn breach(from_s: f64, to_s: f64) -> Breach {
        let (success_ratio_min, p95_ms_max, journeys, kinds) = (0.5, 9_000.0, 23, quotes());
        Breach { from_s, to_s, unknown_s: 0.0, success_ratio_min, p95_ms_max, journeys, kinds, open: false }
    }

    #[test]
    fn a_failover_is_split_at_its_marks_and_a_late_failback_is_not_slow_detection() {
        let marks = [
            (1_210.0, Mark::Detected),
            (1_212.0, Mark::Decided),
            (1_230.0, Mark::Promoted),
            (1_235.0, Mark::Propagated),
            (1_250.0, Mark::Detected),
            (3_020.0, Mark::Detected),
            (3_060.0, Mark::Propagated),
        ];
        let found = phases(&[breach(1_200.0, 1_320.0), breach(3_000.0, 3_120.0)], &marks, 1_200.0);
        let expected = Phases {
            detect_s: 10.0,
            decide_s: 2.0,
            promote_s: 18.0,
            propagate_s: 5.0,
            drain_s: 85.0,
            restored_s: 1_800.0,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_phase_that_nothing_marked_takes_no_time() {
        let found = phases(&[breach(60.0, 180.0)], &[(100.0, Mark::Promoted)], 70.0);
        assert_eq!(found, Phases { promote_s: 30.0, drain_s: 80.0, ..Phases::default() });
    }

    #[test]
    fn a_breach_before_the_onset_is_no_recovery() {
        assert_eq!(phases(&[breach(0.0, 60.0)], &[], 60.0), Phases::default());
        assert_eq!(last_breach_end_s(&[breach(0.0, 60.0)], 60.0), None);
    }

    #[test]
    fn a_breach_that_stands_apart_is_told_from_those_of_the_disaster() {
        let (hit, chance) = (breach(1_200.0, 1_320.0), breach(4_560.0, 4_620.0));
        let found = late_breach(&[breach(0.0, 60.0), hit.clone(), chance.clone()], 1_210.0);
        assert_eq!(found, Some(LateBreach { apart_s: 3_240.0, journeys: 23, kinds: quotes(), rto_without_s: 110.0 }));
        let only = late_breach(std::slice::from_ref(&chance), 1_210.0);
        assert_eq!(only, Some(LateBreach { apart_s: 3_350.0, journeys: 23, kinds: quotes(), rto_without_s: 0.0 }));
        assert_eq!(late_breach(&[hit], 1_210.0), None);
        assert_eq!(late_breach(&[chance], 4_620.0), None, "it was over before the onset");
    }

    proptest! {
        #[test]
        fn phases_partition_the_recovery_time(
            onset in 0_u32..600,
            ends in prop::collection::btree_set(1_u32..60, 1..6),
            marks in prop::collection::vec((0_u32..3_600, 0_usize..4), 0..20),
        ) {
            let onset_s = f64::from(onset);
            let breaches: Vec<Breach> = ends.iter().map(|&end| breach(f64::from(end - 1) * 60.0, f64::from(end) * 60.0)).collect();
            let marks: Vec<(f64, Mark)> = marks.into_iter().map(|(at, kind)| (f64::from(at), Mark::ALL[kind])).collect();
            let found = phases(&breaches, &marks, onset_s);
            let total: f64 = found.named().iter().map(|(_, spent)| spent).sum();
            let expected = last_breach_end_s(&breaches, onset_s).map_or(0.0, |end| end - onset_s);
            prop_assert!((total - expected).abs() < 1e-6, "{found:?} is {total}, not {expected}");
            prop_assert!(found.named().iter().all(|&(_, spent)| spent >= 0.0), "{found:?}");
        }
    }
}
