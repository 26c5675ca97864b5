//! The trips service: the one that changes trips.

use ports::IdempotencyKey;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{DriverId, FencingToken, QuoteId, RiderId, TripId};
use crate::domain::place::Coordinate;
use crate::domain::schema::Trip;
use crate::domain::session::Caller;
use crate::domain::trip::{Assignment, Drive, State};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// A trip on a quote.
    Create {
        rider: RiderId,
        quote: QuoteId,
        key: IdempotencyKey,
    },
    /// Ends a trip that has not begun, on behalf of its rider or of its driver.
    Cancel {
        caller: Caller,
        trip: TripId,
        key: IdempotencyKey,
    },
    Status {
        caller: Caller,
        trip: TripId,
    },
    /// The trip on which the caller is under way, as a rider or as its driver.
    Active {
        caller: Caller,
    },
    /// What the trip came to, in no older state than its rider has seen.
    Receipt {
        rider: RiderId,
        trip: TripId,
        seen_version: i64,
    },
    AnswerOffer {
        driver: DriverId,
        trip: TripId,
        token: FencingToken,
        answer: OfferAnswer,
        key: IdempotencyKey,
    },
    Advance {
        assignment: Assignment,
        trip: TripId,
        progress: Progress,
        key: IdempotencyKey,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Trip(TripView),
    Active(Option<TripView>),
    Receipt(ReceiptView),
}

/// What a driver says to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OfferAnswer {
    Accept,
    Decline,
}

/// What a driver did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Progress {
    Departed,
    Arrived,
    PickedUp,
    DroppedOff(Drive),
    /// The rider got out before the destination.
    LeftEarly(Drive),
    RiderDidNotShow,
}

/// A trip as its rider and its driver see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TripView {
    pub id: TripId,
    pub state: State,
    /// Which state of the trip this is: a phone ignores an older one than it has seen.
    pub version: i64,
    pub assignment: Option<Assignment>,
    pub pickup: Coordinate,
    pub dropoff: Coordinate,
    pub charge_minor: Option<i64>,
}

impl From<&Trip> for TripView {
    fn from(trip: &Trip) -> Self {
        Self {
            id: trip.id,
            state: trip.state,
            version: trip.version,
            assignment: trip.assignment(),
            pickup: trip.pickup(),
            dropoff: trip.dropoff(),
            charge_minor: trip.charge_minor,
        }
    }
}

/// What a trip came to, as its rider reads it when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReceiptView {
    pub trip: TripId,
    pub state: State,
    /// Which state of the trip this is.
    pub version: i64,
    /// What the rider pays; none while nothing is owed.
    pub charge_minor: Option<i64>,
    /// Of it, what goes to others.
    pub tax_minor: Option<i64>,
    pub tolls_minor: Option<i64>,
    /// What was driven, if anything was.
    pub distance_m: Option<u32>,
    pub duration_s: Option<u32>,
}

impl From<&Trip> for ReceiptView {
    fn from(trip: &Trip) -> Self {
        Self {
            trip: trip.id,
            state: trip.state,
            version: trip.version,
            charge_minor: trip.charge_minor,
            tax_minor: trip.tax_minor,
            tolls_minor: trip.tolls_minor,
            distance_m: trip.distance_m,
            duration_s: trip.duration_s,
        }
    }
}
