//! Where things are: coordinates, the H3 cell around them, and a flat map on which integer distances are exact.

use h3o::{CellIndex, LatLng, Resolution};
use serde::{Deserialize, Serialize};

/// A place on the globe, in millionths of a degree (0.11 m of latitude).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Coordinate {
    pub latitude_microdegrees: i32,
    pub longitude_microdegrees: i32,
}

/// A coordinate that is not on the globe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("({latitude_microdegrees}, {longitude_microdegrees}) millionths of a degree is not a place on the globe")]
pub struct NotOnTheGlobe {
    pub latitude_microdegrees: i32,
    pub longitude_microdegrees: i32,
}

/// An H3 cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell(pub u64);

/// The size of cells over which demand and supply are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellSize {
    /// H3 resolution 7: 5.2 km2 on average (H3 documentation, table of cell areas).
    Seven,
    /// H3 resolution 8: 0.74 km2 on average (same table).
    Eight,
}

const MICRODEGREES: f64 = 1e6;

impl Coordinate {
    /// The coordinate, if it is on the globe. Phones send anything.
    pub fn checked(self) -> Result<Self, NotOnTheGlobe> {
        let Self { latitude_microdegrees, longitude_microdegrees } = self;
        if latitude_microdegrees.unsigned_abs() <= 90_000_000 && longitude_microdegrees.unsigned_abs() <= 180_000_000 {
            Ok(self)
        } else {
            Err(NotOnTheGlobe { latitude_microdegrees, longitude_microdegrees })
        }
    }

    /// The H3 cell that holds the place.
    pub fn cell(self, size: CellSize) -> Cell {
        let resolution = match size {
            CellSize::Seven => Resolution::Seven,
            CellSize::Eight => Resolution::Eight,
        };
        let latitude = f64::from(self.latitude_microdegrees) / MICRODEGREES;
        let longitude = f64::from(self.longitude_microdegrees) / MICRODEGREES;
        let place = LatLng::new(latitude, longitude).expect("microdegrees are finite numbers");
        Cell(u64::from(place.to_cell(resolution)))
    }
}

impl Cell {
    /// This cell and those at most `radius` steps away, ascending. Empty if the number is not that of a cell.
    pub fn disk(self, radius: u32) -> Vec<Self> {
        let Ok(cell) = CellIndex::try_from(self.0) else { return Vec::new() };
        let mut disk: Vec<Self> =
            cell.grid_disk::<Vec<_>>(radius).into_iter().map(|cell| Self(u64::from(cell))).collect();
        disk.sort_unstable();
        disk
    }
}

/// A flat map around a city's reference latitude: good to 0.5 % within 0.5 degrees of it (the cosine changes by that much at 41 degrees
/// north), and integer, so that every machine ranks distances alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlatMap {
    /// Millimetres that a millionth of a degree of longitude spans at the reference latitude.
    longitude_mm: i64,
}

/// A position on a [`FlatMap`], in decimetres east and north: so coarse that the square of any distance fits an `i64`.
pub type Position = [i64; 2];

/// Millimetres that a millionth of a degree of latitude spans: the mean meridian degree is 111.19 km on a sphere of 6,371 km.
const LATITUDE_MM: i64 = 111;

impl FlatMap {
    /// The map for a city at this latitude.
    pub fn at(reference: Coordinate) -> Self {
        let radians = f64::from(reference.latitude_microdegrees) / MICRODEGREES * std::f64::consts::PI / 180.0;
        // At a pole all longitudes meet; one millimetre keeps distinct places distinct.
        Self { longitude_mm: ((LATITUDE_MM as f64 * libm::cos(radians)).round() as i64).max(1) }
    }

    /// Where the place is on the map.
    pub fn position(&self, place: Coordinate) -> Position {
        [
            (i64::from(place.longitude_microdegrees) * self.longitude_mm).div_euclid(100),
            (i64::from(place.latitude_microdegrees) * LATITUDE_MM).div_euclid(100),
        ]
    }

    /// The straight distance between two places, in metres, rounded down.
    pub fn distance_m(&self, from: Coordinate, to: Coordinate) -> u32 {
        let squared = distance_squared(self.position(from), self.position(to));
        (squared.isqrt() / 10) as u32
    }
}

/// The square of the distance between two positions, in square decimetres. Fits: no two places are further apart than 10^9 dm.
pub fn distance_squared(from: Position, to: Position) -> i64 {
    let [east, north] = [from[0] - to[0], from[1] - to[1]];
    east * east + north * north
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES_SQUARE: Coordinate =
        Coordinate { latitude_microdegrees: 40_758_000, longitude_microdegrees: -73_985_500 };
    const KENNEDY_AIRPORT: Coordinate =
        Coordinate { latitude_microdegrees: 40_641_300, longitude_microdegrees: -73_778_100 };

    #[test]
    fn the_flat_map_agrees_with_the_globe_over_a_city() {
        let map = FlatMap::at(TIMES_SQUARE);
        // Great-circle distance on a sphere of 6,371 km: 21.75 km.
        let distance_m = map.distance_m(TIMES_SQUARE, KENNEDY_AIRPORT);
        assert!((21_600..21_900).contains(&distance_m), "{distance_m}");
        assert_eq!(distance_m, map.distance_m(KENNEDY_AIRPORT, TIMES_SQUARE));
    }

    #[test]
    fn a_disk_holds_its_centre_and_six_neighbours() {
        let cell = TIMES_SQUARE.cell(CellSize::Eight);
        let disk = cell.disk(1);
        assert_eq!(disk.len(), 7);
        assert!(disk.contains(&cell) && disk.is_sorted());
        assert_ne!(cell, TIMES_SQUARE.cell(CellSize::Seven));
        assert!(Cell(0).disk(1).is_empty());
    }

    #[test]
    fn a_place_off_the_globe_is_refused() {
        assert!(Coordinate { latitude_microdegrees: 90_000_001, longitude_microdegrees: 0 }.checked().is_err());
        assert!(Coordinate { latitude_microdegrees: i32::MIN, longitude_microdegrees: i32::MIN }.checked().is_err());
        assert_eq!(TIMES_SQUARE.checked(), Ok(TIMES_SQUARE));
    }
}
