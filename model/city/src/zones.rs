//! Zones: a centroid, an area and a share of the pickups and drop-offs each; and places in them.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};

use crate::point::Point;

/// A zone's place in [`crate::City::zones`], from 0; not the number that the source of the zones gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneIndex(pub(crate) usize);

impl ZoneIndex {
    /// From 0 to the number of zones less one.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Zones that nobody listed, by number, and the rows that name each: `77 in 1 row, 98 in 3 rows`.
pub(crate) fn rows_by_zone(zones: &BTreeMap<u32, u64>) -> String {
    let named = |(zone, rows): (&u32, &u64)| format!("{zone} in {rows} {}", if *rows == 1 { "row" } else { "rows" });
    zones.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// A position together with the zone that it was drawn in. Zones are modelled as discs that may overlap,
/// so the zone cannot always be told from the position alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub point: Point,
    pub zone: ZoneIndex,
}

/// One zone of a city.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// The source's number, as trip records name the zone.
    pub id: u32,
    pub name: String,
    pub borough: String,
    pub centroid: Point,
    /// Above 0.
    pub area_km2: f64,
    /// Share of the city's trips that start here; over all zones 1.
    pub pickup_share: f64,
    /// Share of the city's trips that end here; over all zones 1.
    pub dropoff_share: f64,
}

impl Zone {
    /// Radius in metres of the disc that stands for the zone: same centroid, same area.
    pub fn radius_m(&self) -> f64 {
        (self.area_km2 * 1e6 / std::f64::consts::PI).sqrt()
    }

    /// A uniformly drawn point of the zone's disc.
    pub fn point(&self, rng: &mut impl Rng) -> Point {
        // The square root makes equal areas equally likely.
        let radius_m = self.radius_m() * rng.random::<f64>().sqrt();
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        self.centroid.offset(radius_m * libm::cos(angle), radius_m * libm::sin(angle))
    }

    /// Root mean square distance in metres between a uniform point of this zone's disc and one of `other`'s; never 0, also within one zone.
    pub fn typical_distance_m(&self, other: &Zone) -> f64 {
        let between_m = self.centroid.distance_m(other.centroid);
        let (radius_m, other_radius_m) = (self.radius_m(), other.radius_m());
        // A uniform point of a disc of radius r lies r^2/2 from its centre in the mean square.
        (between_m * between_m + (radius_m * radius_m + other_radius_m * other_radius_m) / 2.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::SeedableRng;

    use super::*;

    fn zone(latitude: f64) -> Zone {
        Zone {
            id: 1,
            name: "A".to_owned(),
            borough: "B".to_owned(),
            centroid: Point { latitude, longitude: -73.9 },
            area_km2: 2.0,
            pickup_share: 1.0,
            dropoff_share: 1.0,
        }
    }

    #[test]
    fn sampled_points_lie_in_the_disc_and_have_its_typical_distance() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let (from, to) = (zone(40.7), zone(40.71));
        let draws = 50_000;
        let mut sum_of_squares = 0.0;
        for _ in 0..draws {
            let (a, b) = (from.point(&mut rng), to.point(&mut rng));
            assert!(a.distance_m(from.centroid) < from.radius_m() * 1.001);
            let distance_m = a.distance_m(b);
            sum_of_squares += distance_m * distance_m;
        }
        let root_mean_square = (sum_of_squares / f64::from(draws)).sqrt();
        let expected = from.typical_distance_m(&to);
        assert!((root_mean_square / expected - 1.0).abs() < 0.01, "{root_mean_square} against {expected}");
    }
}
