//! The vehicles service: which vehicles may be driven for the platform.

use serde::{Deserialize, Serialize};

use crate::domain::ids::OrganisationId;
use crate::domain::vehicle::{Clearance, Papers};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// May a driver of this organisation drive the vehicle of these papers now? One that is not known is registered; newer papers than those
    /// known are noted. Rejected as not allowed if the vehicle is somebody else's, whatever else is wrong with it.
    Clear { organisation: Option<OrganisationId>, papers: Papers },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Cleared(Clearance),
}
