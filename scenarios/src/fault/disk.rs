//! Volumes.

use std::time::Duration;

use notation::section;
use notation::value::{Amount, PositiveLength, Text};

use crate::fault::kind::{lasts, seconds};

section! {
    /// Parameters of `disk-stall`.
    pub struct DiskStall {
        /// The host whose volume it is.
        host: String as Text,
        /// When the volume goes on, from the onset; also where the run heals everything else before.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DiskStall { host: Host },
    acts "Has the volume finish nothing: every write and flush waits, and none fails.",
    heals "The volume goes on after `for` with everything that waits.",
    example DiskStall { host: "rds-primary".to_owned(), duration: seconds(10) }
}

section! {
    /// Parameters of `disk-slow`.
    pub struct DiskSlow {
        /// The host whose volume it is.
        host: String as Text,
        /// How many times as long everything on the volume takes; above 1.
        factor: f64 as Amount,
        /// When the volume is as before, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DiskSlow { host: Host },
    acts "Makes every operation, byte and flush on the volume take longer by the same factor, as a degraded EBS volume does.",
    heals "The volume is as before after `for`, from the next operation on.",
    example DiskSlow { host: "rds-primary".to_owned(), factor: 20.0, duration: seconds(60) }
}
