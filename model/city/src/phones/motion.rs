//! Where a vehicle is: standing, or on a straight leg at an even pace.

use platform::domain::place::Coordinate;
use runtime::Time;

use crate::point::Point;
use crate::zones::Place;

/// A leg from one place to another; standing is a leg that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    from: Point,
    to: Place,
    departs: Time,
    arrives: Time,
}

impl Motion {
    pub(super) fn standing(at: Place, since: Time) -> Motion {
        Motion { from: at.point, to: at, departs: since, arrives: since }
    }

    pub(super) fn leg(from: Point, to: Place, departs: Time, arrives: Time) -> Motion {
        assert!(departs <= arrives, "a leg ends after it begins: {departs} to {arrives}");
        Motion { from, to, departs, arrives }
    }

    pub(super) fn is_moving(&self, now: Time) -> bool {
        now < self.arrives
    }

    pub(super) fn at(&self, now: Time) -> Point {
        if now >= self.arrives {
            return self.to.point;
        }
        let (gone, whole) = (now.since(self.departs), self.arrives.since(self.departs));
        self.from.towards(self.to.point, gone.as_secs_f64() / whole.as_secs_f64())
    }

    /// As [`at`](Self::at), with a zone: on a leg, that of its end.
    pub(super) fn place(&self, now: Time) -> Place {
        Place { point: self.at(now), zone: self.to.zone }
    }
}

const MICRODEGREES: f64 = 1e6;

/// As phones send positions: in millionths of a degree.
pub(super) fn coordinate(point: Point) -> Coordinate {
    Coordinate {
        latitude_microdegrees: (point.latitude * MICRODEGREES).round() as i32,
        longitude_microdegrees: (point.longitude * MICRODEGREES).round() as i32,
    }
}

/// As phones read positions.
pub(super) fn point(coordinate: Coordinate) -> Point {
    Point {
        latitude: f64::from(coordinate.latitude_microdegrees) / MICRODEGREES,
        longitude: f64::from(coordinate.longitude_microdegrees) / MICRODEGREES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zones::ZoneIndex;

    #[test]
    fn a_vehicle_is_on_its_leg_and_then_at_its_end() {
        let start = Point { latitude: 40.0, longitude: -74.0 };
        let end = Place { point: Point { latitude: 41.0, longitude: -73.0 }, zone: ZoneIndex(3) };
        let motion = Motion::leg(start, end, Time(100), Time(200));
        assert_eq!(motion.at(Time(125)), Point { latitude: 40.25, longitude: -73.75 });
        assert_eq!(motion.at(Time(999)), end.point);
        assert!(motion.is_moving(Time(199)) && !motion.is_moving(Time(200)));
        // A leg that takes no time is never divided by.
        assert_eq!(Motion::leg(start, end, Time(100), Time(100)).at(Time(100)), end.point);
    }

    #[test]
    fn a_coordinate_reads_back_within_half_a_microdegree() {
        let there = Point { latitude: 40.712_345_6, longitude: -74.000_000_4 };
        let back = point(coordinate(there));
        assert!((back.latitude - there.latitude).abs() <= 0.5e-6 && (back.longitude - there.longitude).abs() <= 0.5e-6);
    }
}
