//! Points on the globe: distance, interpolation, offsets and H3 cells.
//!
//! Formulas use `libm`, so that two machines agree to the last bit.

use h3o::{CellIndex, LatLng, Resolution};

/// Mean Earth radius in metres (IUGG 1980, R1).
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A position in WGS84 degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

impl Point {
    /// Great-circle distance in metres (haversine).
    pub fn distance_m(self, other: Point) -> f64 {
        let half_latitude = (other.latitude - self.latitude).to_radians() / 2.0;
        let half_longitude = (other.longitude - self.longitude).to_radians() / 2.0;
        let sin_latitude = libm::sin(half_latitude);
        let sin_longitude = libm::sin(half_longitude);
        let squared_chord = sin_latitude * sin_latitude
            + libm::cos(self.latitude.to_radians())
                * libm::cos(other.latitude.to_radians())
                * sin_longitude
                * sin_longitude;
        2.0 * EARTH_RADIUS_M * libm::asin(squared_chord.clamp(0.0, 1.0).sqrt())
    }

    /// The point a `fraction` (0 to 1, clamped) of the way to `other`.
    ///
    /// Linear in degrees, which costs no trigonometry: moving drivers call it for every ping. Off the great circle by about
    /// `length^2 tan(latitude) / 8 R`: at New York's latitude 2 m over 10 km, 42 m over 50 km. It does not cross the antimeridian.
    pub fn towards(self, other: Point, fraction: f64) -> Point {
        let fraction = fraction.clamp(0.0, 1.0);
        Point {
            latitude: self.latitude + (other.latitude - self.latitude) * fraction,
            longitude: self.longitude + (other.longitude - self.longitude) * fraction,
        }
    }

    /// The point `east_m` and `north_m` metres away, on the local tangent plane (a zone's few kilometres, not a continent).
    pub fn offset(self, east_m: f64, north_m: f64) -> Point {
        let parallel_radius_m = EARTH_RADIUS_M * libm::cos(self.latitude.to_radians());
        Point {
            latitude: self.latitude + (north_m / EARTH_RADIUS_M).to_degrees(),
            longitude: self.longitude + (east_m / parallel_radius_m).to_degrees(),
        }
    }

    /// The H3 cell of about 5.2 km2 (resolution 7), or `None` where the coordinates are not finite.
    pub fn cell_7(self) -> Option<CellIndex> {
        self.cell(Resolution::Seven)
    }

    /// The H3 cell of about 0.74 km2 (resolution 8), or `None` where the coordinates are not finite.
    pub fn cell_8(self) -> Option<CellIndex> {
        self.cell(Resolution::Eight)
    }

    fn cell(self, resolution: Resolution) -> Option<CellIndex> {
        LatLng::new(self.latitude, self.longitude).ok().map(|position| position.to_cell(resolution))
    }
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Haversine, InterpolatePoint};
    use proptest::prelude::*;

    use super::*;

    const TIMES_SQUARE: Point = Point { latitude: 40.758, longitude: -73.9855 };

    fn near_new_york() -> impl Strategy<Value = Point> {
        (40.4..41.0f64, -74.3..-73.6f64).prop_map(|(latitude, longitude)| Point { latitude, longitude })
    }

    fn geo_point(point: Point) -> geo::Point {
        geo::Point::new(point.longitude, point.latitude)
    }

    proptest! {
        #[test]
        fn distance_agrees_with_the_geo_crate(a in near_new_york(), b in near_new_york()) {
            let expected = Haversine.distance(geo_point(a), geo_point(b));
            prop_assert!((a.distance_m(b) - expected).abs() < 1e-3);
        }

        #[test]
        fn interpolation_stays_near_the_great_circle(a in near_new_york(), b in near_new_york(), fraction in 0.0..=1.0f64) {
            let expected = Haversine.point_at_ratio_between(geo_point(a), geo_point(b), fraction);
            let expected = Point { latitude: expected.y(), longitude: expected.x() };
            let length_m = a.distance_m(b);
            let bound_m = length_m * length_m * libm::tan(41f64.to_radians()) / (8.0 * EARTH_RADIUS_M);
            prop_assert!(a.towards(b, fraction).distance_m(expected) < 1.25 * bound_m + 0.1);
        }

        #[test]
        fn an_offset_is_as_long_as_it_says(a in near_new_york(), east in -3000.0..3000.0f64, north in -3000.0..3000.0f64) {
            let length = (east * east + north * north).sqrt();
            prop_assert!((a.distance_m(a.offset(east, north)) - length).abs() < 2.0);
        }
    }

    #[test]
    fn cells_of_times_square() {
        insta::assert_snapshot!(format!("{:?} {:?}", TIMES_SQUARE.cell_7(), TIMES_SQUARE.cell_8()), @"Some(21-020032677777777 (872a100d6ffffff)) Some(21-020032637777777 (882a100d67fffff))");
        assert_eq!(Point { latitude: f64::NAN, longitude: 0.0 }.cell_7(), None);
    }
}
