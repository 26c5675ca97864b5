//! What a counter that is read every so often says of a rate, as Prometheus's `rate()` has it.

use std::collections::VecDeque;
use std::time::Duration;

use runtime::Time;

/// A pod's counter, as it was read lately.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestRate {
    /// The oldest first; few: what has left the window is forgotten.
    samples: VecDeque<(Time, u64)>,
}

impl RequestRate {
    /// Takes in that the counter stood so high.
    pub fn read(&mut self, now: Time, count: u64, window: Duration) {
        while self.samples.front().is_some_and(|(at, _)| *at + window < now) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, count));
    }

    /// Thousandths a second, over what was read within the window; none if that is less than two samples.
    ///
    /// A counter that fell was started anew, and has counted from zero (source: Prometheus documentation, `rate()`). Unlike Prometheus this
    /// does not extrapolate to the edges of the window, which changes nothing where samples come regularly.
    pub fn per_second_milli(&self, now: Time, window: Duration) -> Option<u32> {
        let recent = || self.samples.iter().filter(|(at, _)| *at + window >= now);
        let ((first, _), (last, _)) = (recent().next()?, recent().next_back()?);
        if first == last {
            return None;
        }
        let steps = recent().zip(recent().skip(1));
        let increase: u64 = steps.map(|((_, one), (_, next))| next.checked_sub(*one).unwrap_or(*next)).sum();
        let milli = u128::from(increase) * 1_000_000_000_000 / last.since(*first).as_nanos();
        Some(u32::try_from(milli).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(120);

    fn rate(samples: &[(u64, u64)], now_s: u64) -> Option<u32> {
        let mut counter = RequestRate::default();
        samples.iter().for_each(|(at_s, count)| counter.read(Time::from_secs(*at_s), *count, WINDOW));
        counter.per_second_milli(Time::from_secs(now_s), WINDOW)
    }

    #[test]
    fn it_takes_two_samples_and_what_is_older_than_the_window_is_nobodys() {
        assert_eq!(rate(&[], 0), None);
        assert_eq!(rate(&[(15, 30)], 20), None);
        assert_eq!(rate(&[(15, 30), (30, 60)], 30), Some(2_000));
        assert_eq!(rate(&[(15, 30), (30, 60)], 136), None, "a pod that is silent is unknown, not idle");
        assert_eq!(rate(&[(15, 0), (30, 900), (160, 900), (175, 900)], 175), Some(0));
    }

    #[test]
    fn a_container_that_was_started_anew_has_counted_from_zero() {
        assert_eq!(rate(&[(0, 1_000), (15, 1_030), (30, 10)], 30), Some(1_333), "30 and then 10 in 30 s");
    }

    proptest! {
        /// However a steady stream is read, its rate is found up to one request at either end.
        #[test]
        fn a_steady_rate_is_found(rate_per_s in 0..2_000u64, reads in prop::collection::btree_set(0..100u64, 2..20)) {
            let samples: Vec<(u64, u64)> = reads.iter().map(|at_s| (*at_s, at_s * rate_per_s)).collect();
            prop_assert_eq!(rate(&samples, 100).map(u64::from), Some(rate_per_s * 1_000));
        }
    }
}
