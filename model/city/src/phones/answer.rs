//! What comes of what a phone asks.

use platform::api::ApiError;
use platform::api::gateway::Response;

/// Why a phone did not get what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfulfilled {
    /// The platform said no, and would say it again.
    Answered(ApiError),
    /// The phone gave up: it may have happened.
    GaveUp,
}

/// What the platform gave, or why it did not.
pub(super) type Answer = Result<Response, Unfulfilled>;

/// What one attempt came to: where it failed, with the code of what it met.
pub(super) type Attempt = Result<Response, (Unfulfilled, &'static str)>;
