//! The payments service: the only one that speaks to the payment processor.
//!
//! What is to be done about a trip's payment is written down with the trip, in one transaction. So all that can be asked is to get on
//! with it; how much, from whom and under which key is in the row.

use ports::IdempotencyKey;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{OperatorId, TripId};
use crate::domain::payment::PaymentState;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Carries out what the trip's payment has under way: an authorisation, a capture, a void. Nothing if nothing is, or if somebody
    /// is at it.
    Settle { trip: TripId },
    /// Gives a part of what was captured back to the rider, at the platform's expense. Refused as malformed if it is not above 0, or more
    /// than is left.
    Refund { operator: OperatorId, trip: TripId, amount_minor: i64, key: IdempotencyKey },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Payment(PaymentView),
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PaymentView {
    pub state: PaymentState,
    pub authorised_minor: i64,
    pub captured_minor: i64,
    /// Given back, or about to be.
    pub refunded_minor: i64,
}
