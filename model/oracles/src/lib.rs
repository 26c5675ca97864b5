//! What must hold in every run, whatever breaks: the safety invariants of the platform, checked while the run goes on.
//!
//! A [`Watch`] hears every [`Observation`](ports::observe::Observation) of a run, keeps one [`View`](view::View) of what is committed, and
//! shows each committed transaction to every [`Oracle`]. Work follows what is committed; nothing is ever searched. Oracles know
//! neither what breaks nor how anything is implemented: they read committed rows, acknowledgements, and what the world outside
//! saw.

mod history;
mod oracle;
mod rules;
mod transaction;
pub mod view;
mod watch;

mod city;
mod durability;
mod idempotency;
mod ledger;
mod offer;
mod outbox;
mod payment;
mod pricing;
mod trip;

pub use history::{Acknowledged, Fate, History, LostWrite, Recovery};
pub use oracle::{End, Oracle, Report, Tally, Violation};
pub use rules::Rules;
pub use transaction::{Pair, RowChange, Transaction, object_name};
pub use watch::Watch;
