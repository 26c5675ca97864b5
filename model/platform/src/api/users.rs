//! The users service: who somebody is.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DriverId, RiderId};
use crate::domain::session::{Caller, SessionToken};

/// Proof that a phone belongs to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignIn {
    pub caller: Caller,
    pub secret: u128,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    SignIn(SignIn),
    /// The token that stands for the rider's card at the payment processor.
    CardToken {
        rider: RiderId,
    },
    /// Puts a driver on or off duty.
    SetOnline {
        driver: DriverId,
        online: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    SignedIn(SessionToken),
    CardToken(u64),
    Online(bool),
}
