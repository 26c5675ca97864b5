//! The geo service: where drivers are, and which are near.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DriverId;
use crate::domain::place::{Cell, Coordinate};
use crate::domain::vehicle::VehicleClass;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// The driver is here, in such a vehicle. `available` is whether the driver waits for a trip.
    Ping { driver: DriverId, at: Coordinate, class: VehicleClass, available: bool },
    /// The drivers who are wanted, soonest first.
    Nearest(Wanted),
    /// As [`Nearest`](Self::Nearest), by what all replicas know together. Unavailable where that cannot be asked.
    NearestShared(Wanted),
    /// How many available drivers each of these cells holds.
    Supply { cells: Vec<Cell> },
    /// When each of these drivers was last heard of.
    LastSeen { drivers: Vec<DriverId> },
}

/// Which drivers are looked for: the `count` nearest to a place who are available and were seen lately, in a vehicle of this class, without
/// those named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    pub to: Coordinate,
    pub count: u32,
    /// None is any.
    pub class: Option<VehicleClass>,
    pub without: Vec<DriverId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Noted(Noted),
    Nearest(Vec<Near>),
    /// In the order in which the cells were asked about.
    Supply(Vec<u32>),
    LastSeen(LastSeen),
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

/// When drivers were last heard of. A replica knows nothing of the time before it began to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastSeen {
    pub listening_since_ns: i64,
    /// In the order in which the drivers were asked about; none for a driver not heard of, or not for long.
    pub at_ns: Vec<Option<i64>>,
}
