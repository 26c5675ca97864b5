//! On which node a pod is put: one that has room for what it requests, spread over zones first and over nodes second.

use std::cmp::Reverse;

/// A node as the scheduler sees it.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub zone: &'a str,
    /// Whether it takes new pods at all.
    pub schedulable: bool,
    /// What its pods have not requested yet.
    pub free_millicores: u32,
    /// Pods of the same deployment on it.
    pub alike: u32,
}

/// The node for a pod; none if none has room. `zones` are those that the pod may run in, all if empty.
///
/// Of all nodes with room the one in whose zone, and then on which, there are the fewest pods alike, and then the emptiest (source:
/// Kubernetes documentation, "Pod Topology Spread Constraints": the cluster's default constraints, which spread over zones and hosts as far
/// as that can be done; here in that order, without weights).
pub(super) fn place(request_millicores: u32, zones: &[String], nodes: &[Candidate<'_>]) -> Option<usize> {
    let in_zone = |zone: &str| nodes.iter().filter(|node| node.zone == zone).map(|node| node.alike).sum::<u32>();
    let fits = |node: &Candidate<'_>| {
        node.schedulable
            && node.free_millicores >= request_millicores
            && (zones.is_empty() || zones.iter().any(|zone| zone == node.zone))
    };
    let possible = nodes.iter().enumerate().filter(|(_, node)| fits(node));
    possible
        .min_by_key(|(_, node)| (in_zone(node.zone), node.alike, Reverse(node.free_millicores)))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(zone: &str, free_millicores: u32, alike: u32) -> Candidate<'_> {
        Candidate { zone, schedulable: true, free_millicores, alike }
    }

    #[test]
    fn zones_come_before_nodes_and_nodes_before_room() {
        let nodes = [node("a", 900, 0), node("a", 500, 1), node("b", 100, 0), node("b", 200, 0)];
        assert_eq!(place(100, &[], &nodes), Some(3), "b has none, and this node of b has more room");
        assert_eq!(place(300, &[], &nodes), Some(0), "b has no room for that much");
        assert_eq!(place(100, &["a".to_owned()], &nodes), Some(0));
        assert_eq!(place(1_000, &[], &nodes), None);
    }

    #[test]
    fn a_node_that_takes_no_pods_gets_none() {
        let mut nodes = [node("a", 900, 0), node("b", 900, 5)];
        nodes[0].schedulable = false;
        assert_eq!(place(100, &[], &nodes), Some(1));
    }

    proptest! {
        /// However many pods are placed on empty nodes, no two zones with room differ by more than one.
        #[test]
        fn zones_fill_evenly(zones in prop::collection::vec(0..3u8, 1..8), pods in 0..30u32) {
            let names = ["a", "b", "c"];
            let mut nodes: Vec<_> = zones.iter().map(|&zone| node(names[usize::from(zone)], 10_000, 0)).collect();
            for _ in 0..pods {
                let chosen = place(100, &[], &nodes).expect("there is room for all");
                nodes[chosen].alike += 1;
                nodes[chosen].free_millicores -= 100;
            }
            let counts: Vec<u32> = names.iter().filter(|name| nodes.iter().any(|node| node.zone == **name))
                .map(|name| nodes.iter().filter(|node| node.zone == *name).map(|node| node.alike).sum()).collect();
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
    }
}
