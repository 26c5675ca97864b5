//! Which target gets the next request.

/// The eligible target with the least load; of several, the first at or after `start`, round and round. None if none is eligible.
#[inline]
pub(super) fn choose(
    count: usize,
    start: usize,
    eligible: impl Fn(usize) -> bool,
    load: impl Fn(usize) -> u32,
) -> Option<usize> {
    let in_turn = (start..count).chain(0..start.min(count));
    in_turn.filter(|&target| eligible(target)).min_by_key(|&target| load(target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::choose;

    #[test]
    fn equal_loads_take_turns_and_nobody_stands_in_for_the_missing_twice() {
        let mut start = 0;
        let mut served = [0; 4];
        for _ in 0..30 {
            let chosen = choose(4, start, |target| target != 2, |_| 0).expect("three are eligible");
            served[chosen] += 1;
            start = chosen + 1;
        }
        assert_eq!(served, [10, 10, 0, 10]);
    }

    #[test]
    fn nobody_eligible_is_nobody() {
        assert_eq!(choose(0, 0, |_| true, |_| 0), None);
        assert_eq!(choose(3, 1, |_| false, |_| 0), None);
    }

    proptest! {
        #[test]
        fn the_chosen_is_eligible_and_nobody_eligible_has_less(
            targets in prop::collection::vec((any::<bool>(), 0..5u32), 0..8),
            start in 0..10usize,
        ) {
            let chosen = choose(targets.len(), start, |target| targets[target].0, |target| targets[target].1);
            let least = targets.iter().filter(|(eligible, _)| *eligible).map(|(_, load)| *load).min();
            prop_assert_eq!(chosen.map(|target| targets[target]), least.map(|load| (true, load)));
        }
    }
}
