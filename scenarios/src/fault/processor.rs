//! The company that moves the money.

use std::time::Duration;

use crate::fault::kind::{lasts, seconds};
use crate::format::section::section;
use crate::format::value::PositiveLength;

section! {
    /// Parameters of `processor-outage`.
    pub struct ProcessorOutage {
        /// When it answers again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorOutage {},
    acts "Has the processor take every request, do nothing and never answer: callers wait for their time-outs.",
    heals "It answers again after `for`.",
    example ProcessorOutage { duration: seconds(120) }
}
