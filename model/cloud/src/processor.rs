//! The external payment processor: a host outside the zones whose decisions are not in our database.
//!
//! *Behaviour*: it decides an operation once for each key and tells the same decision again. *Limits*: requests a second; more are
//! refused. *Failure*: answers that never come, with or without the operation done; requests that it takes up twice; an outage, in
//! which it refuses or says nothing. *Recovery*: its ledger is on its disk, and a query tells what became of an operation.

mod client;
mod control;
mod deploy;
mod ledger;
mod parameters;
mod protocol;
mod server;

pub use client::Client;
pub use control::{Condition, Control, Tuning};
pub use deploy::{Deployed, Plan, deploy};
pub use parameters::{ClientParameters, Parameters};
