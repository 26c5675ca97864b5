//! Whether a pod may be evicted: what a disruption budget says. It protects against people and autoscalers, never against the loss of a
//! node.

/// Whether one pod of a deployment may go. `expected` pods should be there, `healthy` are ready, and `unavailable_max` may be unavailable;
/// without that there is no budget (source: Kubernetes documentation, "Specifying a Disruption Budget", with the default policy for pods
/// that are not ready themselves: they may go while the others are enough).
pub(super) fn permits(expected: u32, healthy: u32, unavailable_max: Option<u32>, victim_is_healthy: bool) -> bool {
    let Some(unavailable_max) = unavailable_max else { return true };
    let needed = expected.saturating_sub(unavailable_max);
    if victim_is_healthy { healthy > needed } else { healthy >= needed }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_of_three_may_go_and_the_next_only_when_it_is_replaced() {
        assert!(permits(3, 3, Some(1), true));
        assert!(!permits(3, 2, Some(1), true));
        assert!(permits(3, 2, Some(1), false) && !permits(3, 1, Some(1), false));
        assert!(permits(3, 0, None, true));
        assert!(!permits(1, 1, Some(0), true), "with nothing to spare nothing goes");
    }

    proptest! {
        #[test]
        fn evictions_never_leave_fewer_than_the_budget(expected in 0..20u32, unavailable_max in 0..20u32) {
            let mut healthy = expected;
            while permits(expected, healthy, Some(unavailable_max), true) {
                healthy -= 1;
                if healthy == 0 {
                    break;
                }
            }
            prop_assert_eq!(healthy, expected.saturating_sub(unavailable_max));
        }
    }
}
