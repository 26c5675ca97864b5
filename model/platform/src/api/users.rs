//! The users service: who somebody is.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DriverId, OrganisationId, RiderId};
use crate::domain::rider::PhoneNumber;
use crate::domain::session::{Caller, SessionToken};
use crate::domain::vehicle::Papers;

/// Proof that a phone belongs to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignIn {
    pub caller: Caller,
    pub secret: u128,
    /// For whom a driver drives: noted when the driver registers.
    pub organisation: Option<OrganisationId>,
    /// Under which number a rider is reached: noted when the rider registers.
    pub number: Option<PhoneNumber>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    SignIn(SignIn),
    /// The token that stands for the rider's card at the payment processor.
    CardToken {
        rider: RiderId,
    },
    /// Puts a driver on duty in the vehicle of these papers. Rejected if the vehicle may not be driven or somebody else drives it.
    GoOnDuty {
        driver: DriverId,
        papers: Papers,
    },
    GoOffDuty {
        driver: DriverId,
    },
    /// The rider wants to be forgotten.
    Erase {
        rider: RiderId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    SignedIn(SessionToken),
    CardToken(u64),
    /// The driver is on duty, or off it, as was asked; or the rider's wish is noted.
    Noted,
}
