//! What people do, all at once.

use std::time::Duration;

use notation::section;
use notation::value::{Amount, PositiveLength, Ratio};

use crate::fault::kind::{lasts, seconds};

section! {
    /// Parameters of `demand-surge`.
    pub struct DemandSurge {
        /// How many times as many people open the app; above 1.
        factor: f64 as Amount,
        /// When demand is as usual, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DemandSurge {},
    acts "Has others open the app beside everybody who does, with wishes of their own; whoever would have come comes all the same.",
    heals "Nobody comes on top after `for`; those who came go on until they are served or give up.",
    example DemandSurge { factor: 3.0, duration: seconds(180) }
}

section! {
    /// Parameters of `drivers-leave`.
    pub struct DriversLeave {
        /// The share of drivers who leave.
        share: f64 as Ratio,
        /// When they come back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DriversLeave {},
    acts "Has a share of the drivers look for no offers once they are free; their phones say so at the next heartbeat.",
    heals "They look for offers again after `for`.",
    example DriversLeave { share: 0.5, duration: seconds(180) }
}
