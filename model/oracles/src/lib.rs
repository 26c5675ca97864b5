//! What must hold in every run, whatever breaks: the safety invariants of the platform, checked while the run goes on.
//!
//! A [`Watch`] hears every [`Observation`](ports::observe::Observation) of a run, keeps one [`View`](view::View) of what is committed, and
//! shows each committed transaction to every [`Oracle`]. Work follows what is committed; nothing is ever searched. Oracles know
//! neither what breaks nor how anything is implemented: they read committed rows, acknowledgements, and what the world outside
//! saw.
//!
//! Of the 38 invariants one has no oracle, because none could look at it. 35, the same seed and the same trace, is about two runs:
//! `rehearse verify` compares them.

mod cached_profile;
mod history;
mod objects;
mod oracle;
mod rules;
mod texts;
mod transaction;
pub mod view;
mod watch;

mod city;
mod durability;
mod idempotency;
mod ledger;
mod liveness;
mod matching;
mod notification;
mod offer;
mod organisation;
mod outbox;
mod payment;
mod pricing;
mod privacy;
mod profile;
mod reading;
mod reconciliation;
mod retention;
mod trip;

pub use cached_profile::CachedProfile;
pub use history::{Acknowledged, Fate, History, LostWrite, Recovery};
pub use objects::{CacheEntry, each_cache_entry, event_name, object_name, partition_name};
pub use oracle::{End, Oracle, Report, Tally, Violation};
pub use rules::Rules;
pub use texts::Texts;
pub use transaction::{Pair, RowChange, Transaction};
pub use watch::Watch;
