//! What a phone asked the platform last on its owner's behalf, and what it heard: why its owner is still in the middle of something.
//!
//! Pings and looks for offers are no part of it: they go on whether or not anything is pending.

use std::fmt;

use platform::api::gateway::Response;
use platform::domain::trip::State;

use super::answer::{Attempt, Unfulfilled};

/// The last request of a phone about its owner's journey, and the last answer, which may be that of an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The request that has neither an answer nor been given up.
    under_way: Option<&'static str>,
    heard: Option<Heard>,
}

/// How a request of this kind ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    kind: &'static str,
    answer: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Where the trip stands.
    Trip(State),
    Granted,
    Refused(&'static str),
    /// Nothing that would end it: no answer, or that of a platform in trouble.
    Nothing(&'static str),
}

impl Asked {
    /// A request of this kind is sent.
    pub(super) fn sends(self, kind: &'static str) -> Asked {
        Asked { under_way: Some(kind), ..self }
    }

    /// A request of this kind has ended.
    pub(super) fn hears(self, kind: &'static str, attempt: &Attempt) -> Asked {
        let answer = match attempt {
            Ok(Response::Trip(view)) => Said::Trip(view.state),
            Ok(_) => Said::Granted,
            Err((Unfulfilled::Answered(_), code)) => Said::Refused(code),
            Err((Unfulfilled::GaveUp, code)) => Said::Nothing(code),
        };
        // Another that was sent later is still under way.
        Asked { under_way: self.under_way.filter(|other| *other != kind), heard: Some(Heard { kind, answer }) }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.under_way, self.heard) {
            (None, None) => write!(out, "its phone has asked for nothing yet"),
            (Some(kind), None) => write!(out, "its phone's first request, `{kind}`, has no answer yet"),
            (None, Some(heard)) => write!(out, "{heard}{}", heard.what_follows()),
            (Some(kind), Some(heard)) => {
                write!(out, "its phone's request `{kind}` has no answer yet; before it, {heard}")
            }
        }
    }
}

impl Heard {
    /// What the phone does where nothing is under way.
    fn what_follows(self) -> &'static str {
        match self.answer {
            Said::Trip(_) | Said::Granted => "",
            Said::Refused(_) => ", and its phone has not asked again",
            Said::Nothing(_) => ", and its phone waits before it asks again",
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Heard { kind, answer } = self;
        match answer {
            Said::Trip(state) => write!(out, "the platform answered `{kind}`: the trip {}", standing(*state)),
            Said::Granted => write!(out, "the platform granted `{kind}`"),
            Said::Refused(code) => write!(out, "the platform refused `{kind}` ({code})"),
            Said::Nothing(code) => write!(out, "the request `{kind}` failed ({code})"),
        }
    }
}

/// Where a trip stands, as an app would put it.
fn standing(state: State) -> &'static str {
    match state {
        State::Quoted | State::QuoteExpired => "is only quoted",
        State::Requested | State::Matching | State::Offered => "has no driver yet",
        State::Accepted => "has a driver, who has not set off",
        State::EnRoutePickup => "has a driver on the way",
        State::Arrived => "has its driver at the pickup",
        State::InProgress => "has begun",
        State::Completed | State::PaymentPending | State::Settled | State::PaymentFailed | State::Arrears => "is over",
        State::CancelledByRider | State::CancelledByDriver | State::CancelledBySystem => "is cancelled",
        State::NoDriversFound => "found no driver",
        State::NoShow => "ended without its rider",
    }
}

#[cfg(test)]
mod tests {
    use platform::api::ApiError;

    use super::super::code;
    use super::*;

    #[test]
    fn a_phone_says_what_it_waits_for_and_what_it_heard_last() {
        let refused = Err((Unfulfilled::Answered(ApiError::NotFound), code::of_error(ApiError::NotFound)));
        let failed = Err((Unfulfilled::GaveUp, code::of_error(ApiError::Unavailable)));
        let none = Asked::default();
        let signing_in = none.sends("sign-in");
        let signed_in = signing_in.hears("sign-in", &Ok(Response::Done));
        let requesting = signed_in.sends("request");
        let texts: Vec<String> = [
            none,
            signing_in,
            signed_in,
            requesting,
            requesting.hears("request", &failed),
            requesting.hears("request", &refused),
            requesting.sends("cancel").hears("request", &failed),
        ]
        .iter()
        .map(Asked::to_string)
        .collect();
        assert_eq!(
            texts,
            [
                "its phone has asked for nothing yet",
                "its phone's first request, `sign-in`, has no answer yet",
                "the platform granted `sign-in`",
                "its phone's request `request` has no answer yet; before it, the platform granted `sign-in`",
                "the request `request` failed (unavailable), and its phone waits before it asks again",
                "the platform refused `request` (not-found), and its phone has not asked again",
                "its phone's request `cancel` has no answer yet; before it, the request `request` failed (unavailable)",
            ]
        );
    }
}
