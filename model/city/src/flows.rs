//! Where trips from a zone go: the pairs that were seen, backed off to gravity where few or none were.

use std::collections::BTreeMap;

use crate::zones::{Zone, ZoneIndex};

/// What was measured between two zones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenPair {
    /// Trips in the records.
    pub trips: u32,
    /// Mean duration in seconds at mean speed, above 0.
    pub duration_s: f64,
    /// Mean driven distance in metres, above 0.
    pub distance_m: f64,
}

/// Zone-to-zone flows. The share of destination `j` among the trips from `i` is
/// `(trips_ij + prior_weight * gravity_ij) / (trips_i + prior_weight)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Flows {
    /// How many trips the gravity shares are worth, above 0.
    pub prior_weight: f64,
    /// Metres over which the pull of a destination falls by e, above 0.
    pub gravity_scale_m: f64,
    /// By origin, then destination.
    pub seen: BTreeMap<(ZoneIndex, ZoneIndex), SeenPair>,
}

impl Flows {
    /// The share of each zone among the destinations of trips from `from`; they sum to 1.
    pub fn destination_shares(&self, zones: &[Zone], from: ZoneIndex) -> Vec<f64> {
        let mut shares = gravity_shares(zones, from, self.gravity_scale_m);
        let seen = || self.seen.range((from, ZoneIndex(0))..=(from, ZoneIndex(usize::MAX)));
        let trips_from: f64 = seen().map(|(_, pair)| f64::from(pair.trips)).sum();
        let total = trips_from + self.prior_weight;
        shares.iter_mut().for_each(|share| *share *= self.prior_weight / total);
        for ((_, to), pair) in seen() {
            shares[to.0] += f64::from(pair.trips) / total;
        }
        shares
    }
}

/// Destinations drawn by their drop-off share, discounted exponentially by distance; they sum to 1.
pub fn gravity_shares(zones: &[Zone], from: ZoneIndex, scale_m: f64) -> Vec<f64> {
    let distances_m: Vec<f64> = zones.iter().map(|zone| zones[from.0].typical_distance_m(zone)).collect();
    // Measured from the nearest destination, so that a remote zone does not underflow to no destination at all.
    let nearest_m = zones
        .iter()
        .zip(&distances_m)
        .filter(|(zone, _)| zone.dropoff_share > 0.0)
        .map(|(_, distance_m)| *distance_m)
        .fold(f64::INFINITY, f64::min);
    let pulls: Vec<f64> = zones
        .iter()
        .zip(&distances_m)
        .map(|(zone, distance_m)| zone.dropoff_share * libm::exp(-((distance_m - nearest_m).max(0.0)) / scale_m))
        .collect();
    let total: f64 = pulls.iter().sum();
    assert!(total > 0.0, "a city has at least one zone with drop-offs");
    pulls.into_iter().map(|pull| pull / total).collect()
}
