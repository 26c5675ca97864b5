//! What a recovery did to a store's past.

use runtime::Time;

/// What the newest recovery of a store left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How many acknowledged writes it left out: of a database, commits that did not only tidy up; of a cache, those that are missed.
    pub acknowledged_lost: usize,
    /// When the oldest of them was acknowledged.
    pub oldest_acknowledged_at: Option<Time>,
    /// When the last write before it was made: of a database, committed; otherwise acknowledged.
    pub last_commit_at: Option<Time>,
    /// Whether it went further back than is remembered: the losses are not all known.
    pub beyond_memory: bool,
}
