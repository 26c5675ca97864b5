//! Following a trip and its rider through the calls between services, for whoever asks why one trip went as it did. In an ordinary run nobody
//! does, and nothing is noted.

use std::fmt::Debug;
use std::rc::Rc;

use runtime::Time;
use runtime::net::Address;

use crate::api::{ApiError, geo, matching, payments, pricing, trips, users, vehicles};
use crate::domain::ids::{RiderId, TripId};
use crate::domain::session::Caller;

/// What a request is about, as far as it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Trip(TripId),
    Rider(RiderId),
    /// A driver, a place, or several trips at once.
    Other,
}

/// A request between services, as people would tell of it.
pub trait Request {
    fn subject(&self) -> Subject;

    /// What is asked for, in a word or two.
    fn what(&self) -> &'static str;
}

/// One attempt of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The process that called.
    pub from: Rc<str>,
    /// The service that was called, and which replica of it.
    pub to: &'static str,
    pub at: Address,
    pub what: &'static str,
    pub began_at: Time,
    pub ended_at: Time,
    /// From 1.
    pub attempt: u32,
    /// What the attempt met; none if it was answered.
    pub error: Option<ApiError>,
}

/// Whoever follows. It changes nothing.
pub trait Follower: Debug {
    /// Whether calls about this are to be told.
    fn follows(&self, subject: Subject) -> bool;

    fn called(&self, call: Call);
}

/// A follower of what one process asks of one service.
#[derive(Clone, Debug)]
pub struct Following {
    pub follower: Rc<dyn Follower>,
    pub from: Rc<str>,
    pub to: &'static str,
}

impl Request for trips::Request {
    fn subject(&self) -> Subject {
        match self {
            Self::Create { rider, .. } | Self::Active { caller: Caller::Rider(rider) } => Subject::Rider(*rider),
            Self::Cancel { trip, .. }
            | Self::Status { trip, .. }
            | Self::Receipt { trip, .. }
            | Self::AnswerOffer { trip, .. }
            | Self::Advance { trip, .. } => Subject::Trip(*trip),
            Self::Active { caller: Caller::Driver(_) | Caller::Operator(_) } => Subject::Other,
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Cancel { .. } => "cancel",
            Self::Status { .. } => "status",
            Self::Active { .. } => "active trip",
            Self::Receipt { .. } => "receipt",
            Self::AnswerOffer { answer: trips::OfferAnswer::Accept, .. } => "accept offer",
            Self::AnswerOffer { answer: trips::OfferAnswer::Decline, .. } => "decline offer",
            Self::Advance { progress, .. } => match progress {
                trips::Progress::Departed => "departed",
                trips::Progress::Arrived => "arrived",
                trips::Progress::PickedUp => "picked up",
                trips::Progress::DroppedOff(_) => "dropped off",
                trips::Progress::LeftEarly(_) => "left early",
                trips::Progress::RiderDidNotShow => "rider did not show",
            },
        }
    }
}

impl Request for matching::Request {
    fn subject(&self) -> Subject {
        match self {
            Self::FindDriver { trip, .. } => Subject::Trip(*trip),
            Self::PollOffer { .. } => Subject::Other,
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::FindDriver { .. } => "find driver",
            Self::PollOffer { .. } => "poll offer",
        }
    }
}

impl Request for payments::Request {
    fn subject(&self) -> Subject {
        match self {
            Self::Settle { trip } | Self::Refund { trip, .. } => Subject::Trip(*trip),
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Settle { .. } => "settle",
            Self::Refund { .. } => "refund",
        }
    }
}

impl Request for pricing::Request {
    fn subject(&self) -> Subject {
        let Self::Quote { rider, .. } = self;
        Subject::Rider(*rider)
    }

    fn what(&self) -> &'static str {
        "quote"
    }
}

impl Request for users::Request {
    fn subject(&self) -> Subject {
        match self {
            Self::CardToken { rider } | Self::Erase { rider } => Subject::Rider(*rider),
            Self::SignIn(_) | Self::GoOnDuty { .. } | Self::GoOffDuty { .. } => Subject::Other,
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "sign in",
            Self::CardToken { .. } => "card",
            Self::GoOnDuty { .. } => "go on duty",
            Self::GoOffDuty { .. } => "go off duty",
            Self::Erase { .. } => "forget",
        }
    }
}

impl Request for geo::Request {
    fn subject(&self) -> Subject {
        Subject::Other
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Ping { .. } => "ping",
            Self::Nearest(_) | Self::NearestShared(_) => "nearest drivers",
            Self::Supply { .. } => "supply",
            Self::LastSeen { .. } => "last seen",
        }
    }
}

impl Request for vehicles::Request {
    fn subject(&self) -> Subject {
        Subject::Other
    }

    fn what(&self) -> &'static str {
        "clear vehicle"
    }
}
