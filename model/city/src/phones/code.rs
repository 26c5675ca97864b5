//! What a phone met, as one word each: for those who count causes.

use platform::api::error::{ApiError, Rejection};

use super::line::NoAnswer;

/// The request was not sent: as many as a phone may have in flight were stuck, or it came to it after the deadline.
pub(super) const NOT_SENT: &str = "not-sent";

/// The request needed a session and the phone did not get one.
pub(super) const NOT_SIGNED_IN: &str = "not-signed-in";

/// Whether the connection broke under the request, at the phone or behind the load balancer.
pub(super) fn is_broken_connection(code: &str) -> bool {
    [of_silence(NoAnswer::ConnectionLost), of_error(ApiError::OutcomeUnknown)].contains(&code)
}

/// Of an answer that was no.
#[must_use]
pub fn of_error(error: ApiError) -> &'static str {
    match error {
        ApiError::Unavailable => "unavailable",
        ApiError::Overloaded => "overloaded",
        ApiError::DeadlineExceeded => "deadline-exceeded",
        ApiError::OutcomeUnknown => "outcome-unknown",
        ApiError::InFlight => "in-flight",
        ApiError::Conflict => "conflict",
        ApiError::NotFound => "not-found",
        ApiError::Unauthenticated => "unauthenticated",
        ApiError::Internal => "internal",
        ApiError::Rejected { reason } => match reason {
            Rejection::Malformed => "malformed",
            Rejection::NotAllowed => "not-allowed",
            Rejection::QuoteExpired => "quote-expired",
            Rejection::AlreadyOnTrip => "already-on-trip",
            Rejection::OfferOver => "offer-over",
            Rejection::StaleAssignment => "stale-assignment",
            Rejection::VehicleUnfit => "vehicle-unfit",
            Rejection::VehicleTaken => "vehicle-taken",
            Rejection::IllegalTransition => "illegal-transition",
            Rejection::KeyReused => "key-reused",
        },
    }
}

/// Of an answer that did not come.
pub(super) fn of_silence(silence: NoAnswer) -> &'static str {
    match silence {
        NoAnswer::NameUnknown => "name-not-resolved",
        NoAnswer::NoConnection => "no-connection",
        NoAnswer::TimedOut => "timeout",
        NoAnswer::ConnectionLost => "connection-lost",
    }
}
