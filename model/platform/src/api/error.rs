//! Why a service did not do what it was asked.

use ports::Retry;
use ports::database::DatabaseError;
use serde::{Deserialize, Serialize};

/// What a caller is told. It says no more than a phone may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum ApiError {
    /// The service, or something that it needs, is not there. Nothing happened.
    #[error("the service is unavailable")]
    Unavailable,
    /// The service has more to do than it can. Nothing happened.
    #[error("the service is overloaded")]
    Overloaded,
    /// Time ran out; it may have happened.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// Nobody knows whether it happened.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// A request with this idempotency key is being served.
    #[error("the same request is in flight")]
    InFlight,
    /// Something else happened first: the caller's view is old.
    #[error("the request conflicts with what happened before it")]
    Conflict,
    /// It is not allowed, or makes no sense.
    #[error("the request was rejected: {reason:?}")]
    Rejected { reason: Rejection },
    #[error("there is no such thing")]
    NotFound,
    #[error("the caller is not signed in")]
    Unauthenticated,
    /// The service found itself in a state that it should never be in.
    #[error("the service failed")]
    Internal,
}

/// Why a request was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rejection {
    /// It asks for something impossible: a place off the globe, a pickup that is the drop-off.
    Malformed,
    /// The caller may not do this.
    NotAllowed,
    QuoteExpired,
    /// The rider, or the driver, has a trip already.
    AlreadyOnTrip,
    /// The offer is over, or the token is not the newest.
    OfferOver,
    /// The driver is no longer the trip's driver.
    StaleAssignment,
    /// A paper of the vehicle has lapsed.
    VehicleUnfit,
    /// Somebody else is on duty in the vehicle.
    VehicleTaken,
    /// The trip cannot do that from where it is.
    IllegalTransition,
    /// The idempotency key was used for another request.
    KeyReused,
}

impl ApiError {
    pub const MALFORMED: Self = Self::Rejected { reason: Rejection::Malformed };

    /// Whether the request may be sent again.
    pub fn retry(self) -> Retry {
        match self {
            Self::Unavailable | Self::Overloaded => Retry::Safe,
            Self::DeadlineExceeded | Self::OutcomeUnknown | Self::InFlight => Retry::OnlyIdempotent,
            Self::Conflict | Self::Rejected { .. } | Self::NotFound | Self::Unauthenticated | Self::Internal => {
                Retry::Useless
            }
        }
    }
}

/// What a caller is told where a service's database failed it and the service has no retries left.
impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::CommitUnknown => Self::OutcomeUnknown,
            DatabaseError::DeadlineExceeded => Self::DeadlineExceeded,
            DatabaseError::PoolExhausted | DatabaseError::TooManyConnections => Self::Overloaded,
            DatabaseError::UniqueViolation { .. } => Self::Conflict,
            DatabaseError::SerialisationFailure
            | DatabaseError::DeadlockDetected
            | DatabaseError::LockTimeout
            | DatabaseError::ConnectionLost
            | DatabaseError::NotAccepting
            | DatabaseError::ReadOnly => Self::Unavailable,
            DatabaseError::Disk => Self::OutcomeUnknown,
            DatabaseError::Row(_)
            | DatabaseError::NoSuchTable { .. }
            | DatabaseError::TransactionAborted
            | DatabaseError::Protocol => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_happened_is_never_called_safe_to_repeat() {
        for error in [DatabaseError::CommitUnknown, DatabaseError::Disk] {
            assert_eq!(error.retry(), Retry::OnlyIdempotent);
            assert_eq!(ApiError::from(error).retry(), Retry::OnlyIdempotent);
        }
        assert_eq!(ApiError::from(DatabaseError::NotAccepting).retry(), Retry::Safe);
        assert_eq!(ApiError::Conflict.retry(), Retry::Useless);
    }
}
