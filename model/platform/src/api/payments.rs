//! The payments service: the only one that speaks to the payment processor.

use ports::IdempotencyKey;
use serde::{Deserialize, Serialize};

use crate::domain::fare::Fare;
use crate::domain::ids::{DriverId, RiderId, TripId};
use crate::domain::money::Currency;
use crate::domain::payment::PaymentState;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Asks the rider's card for the amount.
    Authorise {
        trip: TripId,
        rider: RiderId,
        amount_minor: i64,
        currency: Currency,
        key: IdempotencyKey,
    },
    /// Takes the fare, or the fee for cancelling, and pays the driver's share to the driver's account.
    Capture {
        trip: TripId,
        driver: DriverId,
        taking: Taking,
        key: IdempotencyKey,
    },
    /// Lets go of what was authorised.
    Void {
        trip: TripId,
        key: IdempotencyKey,
    },
    Status {
        trip: TripId,
    },
}

/// What is taken from the rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Taking {
    Fare(Fare),
    CancellationFee(Fare),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Payment { state: PaymentState, authorised_minor: i64, captured_minor: i64 },
}
