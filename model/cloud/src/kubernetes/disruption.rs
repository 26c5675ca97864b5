//! How fast pods of unreachable nodes are given up, by how much of their zone is gone: slowly as long as nodes fail one by one, not at all
//! where the fault is more likely the control plane's own view.

use std::time::Duration;

use super::parameters::LifecycleParameters;

/// How much of a zone is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disruption {
    None,
    /// Most of it.
    Partial,
    /// All of it.
    Full,
}

/// A zone's disruption (source: Kubernetes 1.28, `ComputeZoneState`).
pub(super) fn of_zone(ready: usize, not_ready: usize, partial_percent: usize) -> Disruption {
    if ready == 0 && not_ready > 0 {
        Disruption::Full
    } else if not_ready > 2 && not_ready * 100 >= (ready + not_ready) * partial_percent {
        Disruption::Partial
    } else {
        Disruption::None
    }
}

/// Whether every zone with nodes is gone as a whole: then nothing is evicted anywhere (source: Kubernetes documentation, "Nodes").
pub(super) fn is_total(zones: &[Disruption]) -> bool {
    !zones.is_empty() && zones.iter().all(|zone| *zone == Disruption::Full)
}

/// Time between two nodes of a zone whose pods are condemned; none if none is. A zone that is gone as a whole is given up at the normal
/// rate, unless all are (source: Kubernetes documentation, "Nodes").
pub(super) fn interval(zone: Disruption, cluster_nodes: usize, parameters: &LifecycleParameters) -> Option<Duration> {
    match zone {
        Disruption::None | Disruption::Full => Some(parameters.eviction_interval),
        Disruption::Partial if cluster_nodes > parameters.small_cluster => Some(parameters.secondary_eviction_interval),
        Disruption::Partial => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_zone_is_partly_disrupted_from_three_nodes_and_55_percent_on() {
        assert_eq!(of_zone(1, 2, 55), Disruption::None, "two nodes are two nodes");
        assert_eq!(of_zone(2, 3, 55), Disruption::Partial);
        assert_eq!(of_zone(3, 3, 55), Disruption::None, "that is half");
        assert_eq!(of_zone(0, 1, 55), Disruption::Full);
        assert_eq!(of_zone(4, 0, 55), Disruption::None);
        assert_eq!(of_zone(0, 0, 55), Disruption::None);
    }

    #[test]
    fn a_lost_zone_is_evicted_at_the_normal_rate_and_a_partial_one_only_in_a_large_cluster() {
        let parameters = LifecycleParameters::default();
        let every = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(interval(Disruption::None, 3, &parameters), every(10));
        assert_eq!(interval(Disruption::Full, 3, &parameters), every(10));
        assert_eq!(interval(Disruption::Partial, 50, &parameters), None);
        assert_eq!(interval(Disruption::Partial, 51, &parameters), every(100));
    }

    #[test]
    fn only_when_all_zones_are_gone_is_everything_kept() {
        use Disruption::{Full, None, Partial};
        assert!(is_total(&[Full, Full]));
        assert!(!is_total(&[Full, Partial]) && !is_total(&[Full, None]) && !is_total(&[]));
    }

    proptest! {
        #[test]
        fn losing_one_more_node_never_makes_a_zone_better(ready in 1..60usize, not_ready in 0..60usize) {
            let rank = |zone| match zone {
                Disruption::None => 0,
                Disruption::Partial => 1,
                Disruption::Full => 2,
            };
            prop_assert!(rank(of_zone(ready - 1, not_ready + 1, 55)) >= rank(of_zone(ready, not_ready, 55)));
        }
    }
}
