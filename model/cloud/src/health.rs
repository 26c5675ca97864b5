//! Health as checks show it: an opinion that only several results in a row change.

use std::time::Duration;

use ports::health::{Health, HealthCheck};
use runtime::call::{CallContext, Caller};
use runtime::net::Address;
use serde::{Deserialize, Serialize};

/// What somebody who checks thinks of whom he checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Opinion {
    /// Too few checks yet.
    None,
    Healthy,
    Unhealthy,
}

/// How many results in a row change an opinion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    /// Successes while there is no opinion yet.
    pub(crate) first: u32,
    /// Successes of the unhealthy.
    pub(crate) healthy: u32,
    /// Failures of anybody.
    pub(crate) unhealthy: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Judge {
    thresholds: Thresholds,
    opinion: Opinion,
    /// The last result, and how many like it came in a row.
    streak: (bool, u32),
}

impl Judge {
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Judge { thresholds, opinion: Opinion::None, streak: (true, 0) }
    }

    pub(crate) fn opinion(&self) -> Opinion {
        self.opinion
    }

    /// Takes a result in; the former opinion if it changed.
    pub(crate) fn hear(&mut self, success: bool) -> Option<Opinion> {
        let length = if self.streak.0 == success { self.streak.1.saturating_add(1) } else { 1 };
        self.streak = (success, length);
        let Thresholds { first, healthy, unhealthy } = self.thresholds;
        let next = match (self.opinion, success) {
            (Opinion::None, true) if length >= first => Opinion::Healthy,
            (Opinion::Unhealthy, true) if length >= healthy => Opinion::Healthy,
            (Opinion::None | Opinion::Healthy, false) if length >= unhealthy => Opinion::Unhealthy,
            (opinion, _) => opinion,
        };
        let former = std::mem::replace(&mut self.opinion, next);
        (former != next).then_some(former)
    }
}

/// Checks once, on a connection of its own.
pub(crate) async fn check(whom: Address, connect_timeout: Duration, response_timeout: Duration) -> bool {
    let connect = Caller::<HealthCheck, Health>::connect(whom);
    let Ok(Ok(caller)) = runtime::timeout(connect_timeout, connect).await else { return false };
    caller.call(HealthCheck, CallContext::within(response_timeout, 0)).await == Ok(Health::Healthy)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALB: Thresholds = Thresholds { first: 1, healthy: 5, unhealthy: 2 };

    fn opinions(results: &[bool], thresholds: Thresholds) -> Vec<Opinion> {
        let mut judge = Judge::new(thresholds);
        results.iter().map(|&success| (judge.hear(success), judge.opinion()).1).collect()
    }

    #[test]
    fn two_failures_make_unhealthy_and_five_successes_healthy_again() {
        use Opinion::{Healthy, Unhealthy};
        let results = [true, false, true, false, false, true, true, true, true, true];
        let expected =
            [Healthy, Healthy, Healthy, Healthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Healthy];
        assert_eq!(opinions(&results, ALB), expected);
    }

    proptest! {
        /// The definition, read off the whole history: an opinion changes when the last so many results agree.
        #[test]
        fn opinions_follow_from_the_last_results(
            results in prop::collection::vec(any::<bool>(), 0..60),
            first in 1..4u32, healthy in 1..6u32, unhealthy in 1..4u32,
        ) {
            let ends_with = |history: &[bool], result: bool, count: u32| {
                history.len() >= count as usize && history.iter().rev().take(count as usize).all(|&one| one == result)
            };
            let mut expected = Opinion::None;
            let mut all = Vec::new();
            for end in 1..=results.len() {
                let history = &results[..end];
                let needed = if expected == Opinion::None { first } else { healthy };
                if ends_with(history, false, unhealthy) {
                    expected = Opinion::Unhealthy;
                } else if expected != Opinion::Healthy && ends_with(history, true, needed) {
                    expected = Opinion::Healthy;
                }
                all.push(expected);
            }
            prop_assert_eq!(opinions(&results, Thresholds { first, healthy, unhealthy }), all);
        }
    }
}
