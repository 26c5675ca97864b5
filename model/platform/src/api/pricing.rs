//! The pricing service: quotes, and the demand that surge is made from.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{QuoteId, RiderId};
use crate::domain::money::Currency;
use crate::domain::place::Coordinate;
use crate::domain::vehicle::VehicleClass;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    Quote { rider: RiderId, pickup: Coordinate, dropoff: Coordinate, class: Option<VehicleClass> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Quote(QuoteView),
}

/// A quote as a rider sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuoteView {
    pub id: QuoteId,
    pub estimate_minor: i64,
    pub ceiling_minor: i64,
    pub currency: Currency,
    pub multiplier_per_mille: u32,
    pub expires_at_ns: i64,
}
