//! Which nodes DNS should name, from what the controllers think of each.

use crate::health::Opinion;

/// For each node, whether its address belongs in DNS. `opinions` holds one list for each controller that was heard, in the order of
/// nodes; `current` says which addresses are in DNS now: a node nobody has an opinion of stays as it is. If no node is left, all are
/// named: an address that may work is better than none.
pub(super) fn named(opinions: &[Vec<Opinion>], current: &[bool], alive_above_percent: u32) -> Vec<bool> {
    let alive = |(node, &current): (usize, &bool)| {
        let of = |opinion| opinions.iter().filter(|of| of.get(node) == Some(&opinion)).count();
        let (healthy, unhealthy) = (of(Opinion::Healthy), of(Opinion::Unhealthy));
        match healthy + unhealthy {
            0 => current,
            decided => healthy * 100 > decided * alive_above_percent as usize,
        }
    };
    let named: Vec<bool> = current.iter().enumerate().map(alive).collect();
    if named.contains(&true) { named } else { vec![true; current.len()] }
}

/// Whether a controller that heard so many of all (itself among them) may change DNS: whoever hears fewer than half is probably
/// himself the one that is cut off.
pub(super) fn may_decide(heard: usize, all: usize) -> bool {
    heard * 2 >= all
}

#[cfg(test)]
mod tests {
    use super::Opinion::{Healthy, None, Unhealthy};
    use super::*;

    #[test]
    fn one_in_three_who_reaches_a_node_keeps_it_and_nobody_takes_it_out() {
        let all = [true, true, true];
        assert_eq!(named(&[vec![Unhealthy, Healthy, Healthy], vec![Healthy; 3]], &all, 18), all);
        let agreed = [vec![Unhealthy, Healthy, Healthy], vec![Unhealthy, Healthy, None]];
        assert_eq!(named(&agreed, &all, 18), [false, true, true]);
    }

    #[test]
    fn no_opinion_changes_nothing_and_no_node_left_names_all() {
        assert_eq!(named(&[vec![None, None]], &[false, true], 18), [false, true]);
        assert_eq!(named(&[vec![Unhealthy, Unhealthy]], &[false, true], 18), [true, true]);
        assert_eq!(named(&[], &[false, true], 18), [false, true]);
    }

    #[test]
    fn whoever_is_cut_off_from_most_decides_nothing() {
        assert!(!may_decide(1, 3) && may_decide(2, 3));
        assert!(may_decide(1, 1) && may_decide(1, 2));
    }
}
