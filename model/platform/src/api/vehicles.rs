//! The vehicles service: which vehicles may be driven for the platform.

use serde::{Deserialize, Serialize};

use crate::domain::vehicle::{Clearance, Papers};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// May the vehicle of these papers be driven now? One that is not known is registered; newer papers than those known are noted.
    Clear { papers: Papers },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    Cleared(Clearance),
}
