//! The geo service: where drivers are, and which are near.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DriverId;
use crate::domain::place::{Cell, Coordinate};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// The driver is here. `available` is whether the driver waits for a trip.
    Ping { driver: DriverId, at: Coordinate, available: bool },
    /// The drivers nearest to a place who are available and were seen lately, soonest first, without those named.
    Nearest { to: Coordinate, count: u32, without: Vec<DriverId> },
    /// How many available drivers each of these cells holds.
    Supply { cells: Vec<Cell> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Noted(Noted),
    Nearest(Vec<Near>),
    /// In the order in which the cells were asked about.
    Supply(Vec<u32>),
}

/// A ping was taken, at the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Noted {
    pub at_ns: i64,
}

/// A driver near a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Near {
    pub driver: DriverId,
    pub located_at_ns: i64,
    pub eta_ns: i64,
}
