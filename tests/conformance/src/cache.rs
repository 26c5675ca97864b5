//! The suite of the cache port: the model, with its server and its client, against Redis 7.
//!
//! A [`Script`] says what several clients do, one after the other, as the server's one thread does everything. [`perform()`] does it through
//! the port, whoever is behind it, and writes down every answer and every message heard; the two must be the same.
//!
//! **Clocks.** The real server's clock cannot be held, so no answer may depend on a race with it. A key either expires far beyond the
//! script's end, or is [given a millisecond](script::Step::Brief) and left alone until that is certainly over; `PTTL` is compared
//! [within a margin](compare).

pub mod compare;
pub mod generate;
pub mod model;
pub mod perform;
pub mod real;
pub mod script;

pub use perform::{Happened, perform};
pub use script::{Script, Step};
