//! The history of reigns that a log belongs to, and how far a log reaches in it.

use serde::{Deserialize, Serialize};

use super::configuration::NodeId;
use super::store::Lsn;

/// A primary's reign: its records follow those of earlier reigns up to `start`. PostgreSQL calls it a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    pub epoch: u64,
    pub node: NodeId,
    /// Where the log stood when the reign began: of earlier reigns nothing after it survived.
    pub start: Lsn,
}

/// How far a copy's log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The reign in which the last record was written.
    pub epoch: u64,
    pub lsn: Lsn,
}

/// Whether a log that ends at `position` is a part of this history: nobody's later reign began before it.
pub(super) fn is_part_of(history: &[Reign], position: Position) -> bool {
    if position.lsn == Lsn::default() {
        return true;
    }
    match history.iter().position(|reign| reign.epoch == position.epoch) {
        None => false,
        Some(index) => history.get(index + 1).is_none_or(|next| position.lsn <= next.start),
    }
}
