//! Riders, drivers, roads and demand: the world outside the platform.
//!
//! A [`City`] is read from a file (or fitted from trip records by [`fit`]); [`demand`] draws who wants to travel, [`drivers`] where
//! the vehicles stand, [`traffic`] turns requests a second into riders and drivers, [`replay`] reads recorded trips instead of drawing them.
//! None of them knows what time it is or where randomness comes from: callers pass both. [`phones`] brings them to life on the seam.

pub mod calendar;
mod city;
pub mod demand;
pub mod draws;
pub mod drivers;
mod file;
pub mod fit;
mod flows;
mod habits;
pub mod phones;
pub mod point;
pub mod replay;
mod table;
pub mod traffic;
mod travel;
mod zones;

pub use calendar::WeekMinute;
pub use city::{City, Volume};
pub use demand::{Arrivals, TripWish};
pub use drivers::DriverSeed;
pub use flows::{Flows, SeenPair};
pub use habits::PhoneHabits;
pub use point::Point;
pub use table::TableError;
pub use traffic::{Traffic, TrafficModel};
pub use travel::{PowerLaw, Travel};
pub use zones::{Place, Zone, ZoneIndex};
