//! Who is near: drivers in an R*-tree, the nearest of them, and their order by time of arrival.

pub mod assignment;

use std::collections::BTreeMap;

use rstar::RTree;
use rstar::primitives::GeomWithData;

use super::ids::DriverId;
use super::place::{Coordinate, FlatMap, Position, distance_squared};

/// A driver near a pickup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub driver: DriverId,
    pub at: Coordinate,
    /// When the driver was there.
    pub located_at_ns: i64,
}

/// Where drivers were last seen.
#[derive(Clone, Debug)]
pub struct DriverIndex {
    map: FlatMap,
    tree: RTree<GeomWithData<Position, DriverId>>,
    seen: BTreeMap<DriverId, Candidate>,
}

impl DriverIndex {
    /// An empty index over a city.
    pub fn new(map: FlatMap) -> Self {
        Self { map, tree: RTree::new(), seen: BTreeMap::new() }
    }

    /// Notes where a driver is. An older sighting than the one known is ignored: networks reorder. Says whether it was taken.
    pub fn see(&mut self, sighting: Candidate) -> bool {
        let position = self.map.position(sighting.at);
        if let Some(known) = self.seen.get(&sighting.driver) {
            if known.located_at_ns > sighting.located_at_ns {
                return false;
            }
            let old = self.map.position(known.at);
            if old != position {
                self.tree.remove(&GeomWithData::new(old, sighting.driver));
                self.tree.insert(GeomWithData::new(position, sighting.driver));
            }
        } else {
            self.tree.insert(GeomWithData::new(position, sighting.driver));
        }
        self.seen.insert(sighting.driver, sighting);
        true
    }

    /// Forgets a driver.
    pub fn forget(&mut self, driver: DriverId) -> Option<Candidate> {
        let known = self.seen.remove(&driver)?;
        self.tree.remove(&GeomWithData::new(self.map.position(known.at), driver));
        Some(known)
    }

    /// The `count` nearest drivers who are `wanted`, nearest first, ties by id.
    pub fn nearest(&self, to: Coordinate, count: usize, wanted: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        let target = self.map.position(to);
        let mut found: Vec<(i64, Candidate)> = Vec::new();
        for (node, distance) in self.tree.nearest_neighbor_iter_with_distance_2(target) {
            // The tree orders equal distances as it pleases: take them all, and let the ids decide.
            if found.len() >= count && found.last().is_none_or(|(last, _)| distance > *last) {
                break;
            }
            let candidate = self.seen[&node.data];
            if wanted(&candidate) {
                found.push((distance, candidate));
            }
        }
        found.sort_by_key(|(distance, candidate)| (*distance, candidate.driver));
        found.truncate(count);
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// Orders candidates by the time in which they would arrive, ties by distance and then by id. `eta_ns` answers for one candidate.
    pub fn rank(&self, to: Coordinate, candidates: &mut [Candidate], eta_ns: impl Fn(&Candidate) -> i64) {
        let target = self.map.position(to);
        candidates.sort_by_cached_key(|candidate| {
            let distance = distance_squared(self.map.position(candidate.at), target);
            (eta_ns(candidate), distance, candidate.driver)
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CENTRE: Coordinate = Coordinate { latitude_microdegrees: 40_750_000, longitude_microdegrees: -73_980_000 };

    /// Few distinct places, so that ties are common.
    fn near_centre() -> impl Strategy<Value = Coordinate> {
        (-5..5i32, -5..5i32).prop_map(|(north, east)| Coordinate {
            latitude_microdegrees: CENTRE.latitude_microdegrees + north * 1_000,
            longitude_microdegrees: CENTRE.longitude_microdegrees + east * 1_000,
        })
    }

    proptest! {
        #[test]
        fn the_index_equals_brute_force(
            steps in prop::collection::vec((0..40i64, near_centre(), 0..5u8), 0..120),
            to in near_centre(),
            count in 0..12usize,
        ) {
            let map = FlatMap::at(CENTRE);
            let mut index = DriverIndex::new(map);
            let mut drivers: BTreeMap<DriverId, Candidate> = BTreeMap::new();
            for (now_ns, (driver, at, step)) in (0..).zip(steps) {
                let driver = DriverId(driver);
                if step == 0 {
                    prop_assert_eq!(index.forget(driver), drivers.remove(&driver));
                } else {
                    let sighting = Candidate { driver, at, located_at_ns: now_ns };
                    prop_assert!(index.see(sighting));
                    drivers.insert(driver, sighting);
                }
            }
            let wanted = |candidate: &Candidate| candidate.driver.0 % 3 != 0;
            let mut expected: Vec<Candidate> = drivers.into_values().filter(wanted).collect();
            expected.sort_by_key(|candidate| {
                (distance_squared(map.position(candidate.at), map.position(to)), candidate.driver)
            });
            expected.truncate(count);
            prop_assert_eq!(index.nearest(to, count, wanted), expected);
        }
    }

    #[test]
    fn an_older_sighting_does_not_move_a_driver_back() {
        let mut index = DriverIndex::new(FlatMap::at(CENTRE));
        let new = Candidate { driver: DriverId(1), at: CENTRE, located_at_ns: 5 };
        let elsewhere = Coordinate { latitude_microdegrees: 0, ..CENTRE };
        assert!(index.see(new));
        assert!(!index.see(Candidate { at: elsewhere, located_at_ns: 4, ..new }));
        assert_eq!(index.nearest(CENTRE, 1, |_| true), [new]);
    }

    #[test]
    fn a_driver_anywhere_on_the_globe_can_be_indexed() {
        let mut index = DriverIndex::new(FlatMap::at(CENTRE));
        for (driver, sign) in [(1, 1), (2, -1), (3, 1), (4, -1), (5, 1), (6, -1), (7, 1), (8, -1)] {
            let at =
                Coordinate { latitude_microdegrees: sign * 90_000_000, longitude_microdegrees: -sign * 180_000_000 };
            index.see(Candidate { driver: DriverId(driver), at, located_at_ns: 0 });
        }
        let farthest = Coordinate { latitude_microdegrees: 90_000_000, longitude_microdegrees: 180_000_000 };
        assert_eq!(index.nearest(farthest, 8, |_| true).len(), 8);
    }

    #[test]
    fn ranking_puts_the_sooner_before_the_nearer() {
        let index = DriverIndex::new(FlatMap::at(CENTRE));
        let far = Coordinate { latitude_microdegrees: CENTRE.latitude_microdegrees + 9_000, ..CENTRE };
        let [a, b, c] = [(1, CENTRE), (2, far), (3, CENTRE)].map(|(driver, at)| Candidate {
            driver: DriverId(driver),
            at,
            located_at_ns: 0,
        });
        let mut candidates = [c, b, a];
        index.rank(CENTRE, &mut candidates, |candidate| if candidate.at == far { 1 } else { 2 });
        assert_eq!(candidates, [b, a, c]);
    }
}
