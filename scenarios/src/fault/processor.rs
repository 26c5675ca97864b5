//! The company that moves the money.

use std::time::Duration;

use notation::section;
use notation::value::{Amount, Count, PositiveLength, Ratio};

use crate::fault::kind::{lasts, seconds};

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

section! {
    /// Parameters of `processor-slow`.
    pub struct ProcessorSlow {
        /// How many times as long a decision takes; above 1.
        factor: f64 as Amount,
        /// When it is as before, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorSlow {},
    acts "Has the processor take longer over every request by the same factor.",
    heals "It is as quick as before after `for`, from the next request on.",
    example ProcessorSlow { factor: 10.0, duration: seconds(120) }
}

section! {
    /// Parameters of `processor-declines`.
    pub struct ProcessorDeclines {
        /// The share of authorisations that the card's bank declines.
        share: f64 as Ratio,
        /// When it is as before, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorDeclines {},
    acts "Has the bank behind the processor decline a share of the authorisations; each is an answer, and final.",
    heals "The usual share is declined after `for`.",
    example ProcessorDeclines { share: 0.5, duration: seconds(120) }
}

section! {
    /// Parameters of `processor-duplicates`.
    pub struct ProcessorDuplicates {
        /// The share of operations that the processor takes up twice.
        share: f64 as Ratio,
        /// When it is as before, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorDuplicates {},
    acts "Has the processor take a share of the operations up a second time, a while after the first, under the same key.",
    heals "Each operation is taken up once after `for`, but for those under way.",
    example ProcessorDuplicates { share: 0.2, duration: seconds(120) }
}

section! {
    /// Parameters of `processor-throttle`.
    pub struct ProcessorThrottle {
        /// Requests a second that it still takes; the rest it refuses at once.
        requests_per_s: u32 as Count,
        /// When it is as before, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorThrottle {},
    acts "Lowers the rate that the processor grants us: what exceeds it is refused at once.",
    heals "The agreed rate holds again after `for`.",
    example ProcessorThrottle { requests_per_s: 2, duration: seconds(120) }
}

section! {
    /// Parameters of `processor-refusal`.
    pub struct ProcessorRefusal {
        /// When it takes requests again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ProcessorRefusal {},
    acts "Has the processor refuse every request at once and do nothing, as behind an error page.",
    heals "It takes requests again after `for`.",
    example ProcessorRefusal { duration: seconds(60) }
}
