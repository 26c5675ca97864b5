//! Shares of zones and flows between them.

use std::collections::BTreeMap;

use super::rows::Trip;
use super::travel::Roads;
use crate::flows::{Flows, SeenPair, gravity_shares};
use crate::zones::{Zone, ZoneIndex};

/// Sets each zone's share of pickups and drop-offs to what was counted.
pub(super) fn count_shares(trips: &[Trip], zones: &mut [Zone]) {
    let weight = 1.0 / trips.len() as f64;
    for trip in trips {
        zones[trip.from.0].pickup_share += weight;
        zones[trip.to.0].dropoff_share += weight;
    }
}

pub(super) fn fit(trips: &[Trip], zones: &[Zone], roads: &Roads) -> Flows {
    let mut counts: BTreeMap<(ZoneIndex, ZoneIndex), u32> = BTreeMap::new();
    for trip in trips {
        *counts.entry((trip.from, trip.to)).or_default() += 1;
    }
    let gravity_scale_m = gravity_scale_m(trips, zones);
    let prior_weight = prior_weight(&counts, zones, gravity_scale_m);
    let seen = counts
        .into_iter()
        .map(|(pair, trips)| {
            let (duration_s, distance_m) = roads.pairs[&pair];
            (pair, SeenPair { trips, duration_s, distance_m })
        })
        .collect();
    Flows { prior_weight, gravity_scale_m, seen }
}

/// The scale at which gravity alone would make trips as long in the mean as they were; found by bisection in the logarithm.
fn gravity_scale_m(trips: &[Trip], zones: &[Zone]) -> f64 {
    let observed_m = trips.iter().map(|trip| zones[trip.from.0].typical_distance_m(&zones[trip.to.0])).sum::<f64>()
        / trips.len() as f64;
    let mean_m = |scale_m: f64| -> f64 {
        let origins = zones.iter().enumerate().filter(|(_, zone)| zone.pickup_share > 0.0);
        origins
            .map(|(from, zone)| {
                let shares = gravity_shares(zones, ZoneIndex(from), scale_m);
                let mean_m: f64 = zones.iter().zip(shares).map(|(to, share)| zone.typical_distance_m(to) * share).sum();
                zone.pickup_share * mean_m
            })
            .sum()
    };
    let (mut low_m, mut high_m) = (10.0, 1e6);
    for _ in 0..30 {
        let middle_m = f64::sqrt(low_m * high_m);
        if mean_m(middle_m) < observed_m {
            low_m = middle_m;
        } else {
            high_m = middle_m;
        }
    }
    f64::sqrt(low_m * high_m)
}

/// How many trips gravity is worth: the weight under which the counts are likeliest, each origin's destinations being a
/// Dirichlet-multinomial draw around its gravity shares; the best of a ladder with steps of the square root of 2.
fn prior_weight(counts: &BTreeMap<(ZoneIndex, ZoneIndex), u32>, zones: &[Zone], scale_m: f64) -> f64 {
    let mut origins: BTreeMap<ZoneIndex, Vec<(f64, f64)>> = BTreeMap::new();
    let mut shares: BTreeMap<ZoneIndex, Vec<f64>> = BTreeMap::new();
    for ((from, to), count) in counts {
        let shares = shares.entry(*from).or_insert_with(|| gravity_shares(zones, *from, scale_m));
        // A share that underflowed would make its own trip impossible.
        origins.entry(*from).or_default().push((f64::from(*count), shares[to.0].max(1e-12)));
    }
    let log_likelihood = |weight: f64| -> f64 {
        origins
            .values()
            .map(|pairs| {
                let trips: f64 = pairs.iter().map(|(count, _)| count).sum();
                let pairs: f64 = pairs
                    .iter()
                    .map(|(count, share)| libm::lgamma(count + weight * share) - libm::lgamma(weight * share))
                    .sum();
                libm::lgamma(weight) - libm::lgamma(trips + weight) + pairs
            })
            .sum()
    };
    let ladder = (0..=28).map(|step| libm::pow(2.0, f64::from(step) / 2.0));
    ladder.max_by(|a, b| log_likelihood(*a).total_cmp(&log_likelihood(*b))).unwrap_or(1.0)
}
