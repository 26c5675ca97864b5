//! What phones say to the platform. The gateway checks the session and passes the request to the service that answers it.

use ports::IdempotencyKey;
use serde::{Deserialize, Serialize};

use super::trips::{OfferAnswer, Progress, ReceiptView, TripView};
use super::{geo, payments, pricing, users};
use crate::domain::ids::{FencingToken, QuoteId, TripId};
use crate::domain::place::Coordinate;
use crate::domain::session::SessionToken;
use crate::domain::trip::Assignment;
use crate::domain::vehicle::{Papers, VehicleClass};

/// A request from a phone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// None only to sign in.
    pub session: Option<SessionToken>,
    pub action: Action,
}

/// What the person or the phone wants. Whatever has an effect carries a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    SignIn(users::SignIn),
    /// Rider: what would it cost?
    Quote {
        pickup: Coordinate,
        dropoff: Coordinate,
        /// The vehicle that the rider needs; none takes any.
        class: Option<VehicleClass>,
    },
    /// Rider: a trip, please. The answer is the trip as requested; whether the card is good and a driver is found, its status tells.
    RequestTrip {
        quote: QuoteId,
        key: IdempotencyKey,
    },
    /// Rider: not any more.
    CancelTrip {
        trip: TripId,
        key: IdempotencyKey,
    },
    /// Rider or driver: how does it stand?
    TripStatus {
        trip: TripId,
    },
    /// Rider or driver: which trip am I on? For a phone that has lost track, or whose platform has.
    ActiveTrip,
    /// Rider: what did it come to? The phone says which state of the trip it has seen, and is shown no older one.
    Receipt {
        trip: TripId,
        seen_version: i64,
    },
    /// Rider: forget me. Nobody signs in as the rider from then on; what is known of the person goes when nothing is owed any more.
    EraseMe,
    /// Operator: gives a part of what was captured back to the rider.
    Refund {
        trip: TripId,
        amount_minor: i64,
        key: IdempotencyKey,
    },
    /// Driver: on duty, in the vehicle of these papers.
    GoOnDuty {
        papers: Papers,
    },
    /// Driver: off duty.
    GoOffDuty,
    /// Driver: here I am, in such a vehicle, and waiting for a trip or not. Whether that is true, the driver's own record tells whoever makes
    /// an offer.
    Ping {
        at: Coordinate,
        class: VehicleClass,
        available: bool,
    },
    /// Driver: is there an offer for me? A driver who is told that this is not allowed is off duty, and may have been taken for lost, or
    /// the vehicle's papers have lapsed; one who is told of a trip already has one, as far as the platform knows.
    PollOffer,
    /// Rider or driver: the same look, and if there is nothing new, tell me as soon as there is. The gateway keeps the request for so long at
    /// most, if it hears of what happens at all, and answers earlier than a load balancer loses patience.
    Listen {
        look: Look,
        keep_for_ms: u32,
    },
    AnswerOffer {
        trip: TripId,
        token: FencingToken,
        answer: OfferAnswer,
        key: IdempotencyKey,
    },
    /// Driver: this is where the trip stands.
    Advance {
        trip: TripId,
        assignment: Assignment,
        progress: Progress,
        key: IdempotencyKey,
    },
}

/// What somebody who listens waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Look {
    /// Driver: as [`Action::PollOffer`]. An offer is news.
    Offer,
    /// Rider or driver: as [`Action::TripStatus`]. A newer version than the phone has seen is news.
    Trip { trip: TripId, seen: i64 },
}

/// What the look showed in the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum News {
    Offer(Option<super::matching::OfferView>),
    Trip(TripView),
}

impl News {
    /// Whether somebody who waits for this wants to know at once.
    #[must_use]
    pub fn is_new(&self, look: Look) -> bool {
        match (self, look) {
            (Self::Offer(offer), _) => offer.is_some(),
            (Self::Trip(trip), Look::Trip { seen, .. }) => trip.version > seen,
            (Self::Trip(_), Look::Offer) => true,
        }
    }
}

/// The answer to whoever listened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heard {
    pub news: News,
    /// For how long the request was kept because there was nothing to say: nobody waited for an answer meanwhile.
    pub kept_ns: u64,
    /// Whether the gateway hears of what happens. If not, look again by yourself.
    pub hears: bool,
}

/// What a phone gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    SignedIn(SessionToken),
    Quote(pricing::QuoteView),
    Trip(TripView),
    ActiveTrip(Option<TripView>),
    Receipt(ReceiptView),
    Offer(Option<super::matching::OfferView>),
    Heard(Heard),
    Payment(payments::PaymentView),
    Noted(geo::Noted),
    Done,
}
