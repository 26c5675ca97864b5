//! The horizontal pod autoscaler: how many replicas a deployment should have, from the processor time that its pods use of what they request
//! and from the requests that they take.

use std::collections::VecDeque;
use std::time::Duration;

use runtime::Time;

/// What a deployment's autoscaler aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    pub replicas_min: u32,
    pub replicas_max: u32,
    /// Processor time used, in hundredths of what is requested: the mean over the pods.
    pub cpu_percent: u32,
    /// Requests that a pod takes a second, in thousandths: the mean over the pods, a `Pods` metric of `autoscaling/v2`. None: they do not
    /// count.
    pub requests_milli_per_s: Option<u32>,
}

/// How it gets there (source of all: Kubernetes documentation, "Horizontal Pod Autoscaling", and kube-controller-manager).
#[derive(Clone, Debug)]
pub struct ScalingParameters {
    /// It looks this often: `--horizontal-pod-autoscaler-sync-period` 15 s.
    pub interval: Duration,
    /// It does nothing while it is off by no more than so many hundredths: `--horizontal-pod-autoscaler-tolerance` 0.1.
    pub tolerance_percent: u32,
    /// It shrinks to the most that it wanted within this: `--horizontal-pod-autoscaler-downscale-stabilization` 300 s.
    pub stabilisation: Duration,
    /// What a pod uses counts only when it is this old: `--horizontal-pod-autoscaler-cpu-initialization-period` 5 min.
    pub cpu_initialisation: Duration,
    /// It grows by so many hundredths of the replicas in one period: 100.
    pub growth_percent: u32,
    /// Or by so many pods, if that is more: 4.
    pub growth_pods: u32,
    /// The period of both: 15 s.
    pub growth_period: Duration,
    /// What pods have counted is read this often: 15 s (source: Prometheus Adapter documentation, configuration walkthrough,
    /// which scrapes for autoscaling oftener than Prometheus does by default, every minute).
    pub scrape_interval: Duration,
    /// A reading without an answer is given up after this: `scrape_timeout` 10 s (source: Prometheus documentation, "Configuration").
    pub scrape_timeout: Duration,
    /// Requests a second are those of this long: `rate(...[2m])` (source: Prometheus Adapter documentation, configuration walkthrough).
    pub rate_window: Duration,
}

impl Default for ScalingParameters {
    fn default() -> Self {
        ScalingParameters {
            interval: Duration::from_secs(15),
            tolerance_percent: 10,
            stabilisation: Duration::from_secs(300),
            cpu_initialisation: Duration::from_secs(300),
            growth_percent: 100,
            growth_pods: 4,
            growth_period: Duration::from_secs(15),
            scrape_interval: Duration::from_secs(15),
            scrape_timeout: Duration::from_secs(10),
            rate_window: Duration::from_secs(120),
        }
    }
}

/// One pod by one metric, as the autoscaler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// In the metric's unit.
    Known(u32),
    /// It starts, or nothing is known of it.
    Unknown,
}

/// A metric of a deployment: what its mean should be, and what it is for each pod.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub target: u32,
    pub pods: Vec<Reading>,
}

/// A deployment's autoscaler: what it wanted lately, and by how much it grew.
#[derive(Clone, Debug, Default)]
pub(super) struct PodAutoscaler {
    recommended: VecDeque<(Time, u32)>,
    grown: VecDeque<(Time, u32)>,
}

impl PodAutoscaler {
    /// How many replicas there should be from now on, of a deployment that should have `replicas` by now: as many as the metric wants that
    /// wants most (source: Kubernetes documentation, "Horizontal Pod Autoscaling", on several metrics).
    pub fn decide(
        &mut self,
        now: Time,
        replicas: u32,
        metrics: &[Metric],
        target: Autoscaling,
        parameters: &ScalingParameters,
    ) -> u32 {
        let wants = metrics.iter().map(|metric| recommend(replicas, metric, parameters.tolerance_percent));
        let wanted = wants.max().unwrap_or(replicas);
        self.recommended.push_back((now, wanted));
        while self.recommended.front().is_some_and(|(at, _)| *at + parameters.stabilisation < now) {
            self.recommended.pop_front();
        }
        let most = self.recommended.iter().map(|(_, wanted)| *wanted).max().unwrap_or(wanted);
        // Growing is not delayed; shrinking goes no lower than what was wanted lately.
        let stable = if wanted >= replicas { wanted } else { most.min(replicas) };
        let limited = stable.min(self.ceiling(now, replicas, parameters));
        let decided = limited.clamp(target.replicas_min, target.replicas_max);
        if decided > replicas {
            self.grown.push_back((now, decided - replicas));
        }
        decided
    }

    /// How many replicas there may be at most, by how many there were a period ago.
    fn ceiling(&mut self, now: Time, replicas: u32, parameters: &ScalingParameters) -> u32 {
        while self.grown.front().is_some_and(|(at, _)| *at + parameters.growth_period <= now) {
            self.grown.pop_front();
        }
        let before = replicas.saturating_sub(self.grown.iter().map(|(_, by)| *by).sum());
        let by_share = before + before * parameters.growth_percent / 100;
        by_share.max(before + parameters.growth_pods)
    }
}

/// As many replicas as would bring the mean to the target. Pods of which nothing is known count as idle where that would mean to grow, and as
/// busy as they should be where it would mean to shrink. A metric of which no pod says anything wants what there is: it stops others from
/// shrinking, not from growing.
fn recommend(replicas: u32, metric: &Metric, tolerance_percent: u32) -> u32 {
    let Metric { target, pods } = metric;
    let known: Vec<u64> = (pods.iter())
        .filter_map(|pod| match pod {
            Reading::Known(value) => Some(u64::from(*value)),
            Reading::Unknown => None,
        })
        .collect();
    let (target, tolerance) = (u64::from((*target).max(1)), u64::from(tolerance_percent));
    let sum: u64 = known.iter().sum();
    let is_within = |sum: u64, count: u64| {
        let (actual, aim) = (sum * 100, count * target * 100);
        actual.abs_diff(aim) * 100 <= aim * tolerance
    };
    let count = known.len() as u64;
    if count == 0 || is_within(sum, count) {
        return replicas;
    }
    let (all, grows) = (pods.len() as u64, sum > count * target);
    let filled = if grows { sum } else { sum + (all - count) * target };
    // What is not known must not turn the decision round.
    if is_within(filled, all) || (filled > all * target) != grows {
        return replicas;
    }
    u32::try_from(filled.div_ceil(target)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TARGET: Autoscaling =
        Autoscaling { replicas_min: 2, replicas_max: 40, cpu_percent: 70, requests_milli_per_s: None };

    fn busy(count: u32, percent: u32) -> Metric {
        Metric { target: 70, pods: vec![Reading::Known(percent); count as usize] }
    }

    #[test]
    fn the_mean_is_brought_to_the_target_and_a_tenth_is_tolerated() {
        assert_eq!(recommend(3, &busy(3, 140), 10), 6);
        assert_eq!(recommend(3, &busy(3, 77), 10), 3);
        assert_eq!(recommend(3, &busy(3, 78), 10), 4);
        assert_eq!(recommend(4, &busy(4, 20), 10), 2);
    }

    #[test]
    fn pods_that_start_turn_no_decision_round() {
        let mut starting = busy(3, 100);
        starting.pods.extend([Reading::Unknown; 3]);
        assert_eq!(recommend(6, &starting, 10), 6, "six pods would be too many for 300 hundredths, three too few");
        assert_eq!(recommend(3, &Metric { target: 70, pods: vec![Reading::Unknown; 3] }, 10), 3);
    }

    #[test]
    fn of_several_metrics_the_one_that_wants_most_wins_and_one_that_is_unknown_only_keeps_what_there_is() {
        let decide = |metrics: &[Metric]| {
            PodAutoscaler::default().decide(Time::ZERO, 4, metrics, TARGET, &ScalingParameters::default())
        };
        let requests = |pods| Metric { target: 50_000, pods };
        let taking = |count: usize, milli| requests(vec![Reading::Known(milli); count]);
        assert_eq!(decide(&[busy(4, 20), taking(4, 75_000)]), 6);
        assert_eq!(decide(&[busy(4, 140), taking(4, 75_000)]), 8);
        assert_eq!(decide(&[busy(4, 20), taking(4, 10_000)]), 2);
        assert_eq!(decide(&[busy(4, 20), requests(vec![Reading::Unknown; 4])]), 4);
        assert_eq!(decide(&[busy(4, 140), requests(vec![Reading::Unknown; 4])]), 8);
    }

    #[test]
    fn it_grows_at_once_and_shrinks_only_to_what_five_minutes_wanted() {
        let (mut scaler, parameters) = (PodAutoscaler::default(), ScalingParameters::default());
        let mut replicas = 4;
        let mut history = Vec::new();
        for round in 0..30u64 {
            let percent = if round < 2 { 210 } else { 10 };
            let now = Time::from_secs(15 * round);
            replicas = scaler.decide(now, replicas, &[busy(replicas, percent)], TARGET, &parameters);
            history.push(replicas);
        }
        assert_eq!(history[0], 8, "twelve are wanted, and twice as many are allowed");
        assert_eq!(history[1], 16, "24 are wanted");
        // 24 was wanted in round 1, at 15 s: nothing shrinks until that is older than 300 s.
        assert!(history[2..=21].iter().all(|count| *count == 16), "{history:?}");
        assert!(history[22] < 16, "{history:?}");
    }

    proptest! {
        #[test]
        fn it_never_leaves_its_bounds(rounds in prop::collection::vec(0..500u32, 1..60)) {
            let (mut scaler, parameters) = (PodAutoscaler::default(), ScalingParameters::default());
            let mut replicas = 3;
            for (round, percent) in rounds.into_iter().enumerate() {
                let now = Time::from_secs(15 * round as u64);
                let next = scaler.decide(now, replicas, &[busy(replicas, percent)], TARGET, &parameters);
                prop_assert!((2..=40).contains(&next) && next <= (replicas * 2).max(replicas + 4));
                replicas = next;
            }
        }
    }
}
