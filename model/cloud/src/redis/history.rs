//! Where a server is in its shard's past: reigns of primaries, and offsets within them.

use serde::{Deserialize, Serialize};

/// The reign of one primary: Redis's replication identifier, with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    pub id: u64,
    /// The offset that it began after.
    pub after: u64,
}

/// A place in a shard's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The reign in which the last record was written.
    pub reign: u64,
    pub offset: u64,
}

/// Reigns that one epoch of a cluster, or of the control plane, has room for: a primary whose memory is lost begins another.
const REIGNS_PER_EPOCH: u64 = 1 << 16;

/// The reign that a primary begins in `epoch`, after the last one that it knows of.
#[must_use]
pub fn next_reign(epoch: u64, last: Option<u64>) -> u64 {
    (epoch * REIGNS_PER_EPOCH).max(last.map_or(0, |last| last + 1))
}

/// Whether a server at `position` has nothing that this past does not have.
#[must_use]
pub fn is_part_of(history: &[Reign], position: Position) -> bool {
    let Some(index) = history.iter().position(|reign| reign.id == position.reign) else { return false };
    history.get(index + 1).is_none_or(|next| position.offset <= next.after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_beyond_the_end_of_its_reign_is_another_past() {
        let history = [Reign { id: 1, after: 0 }, Reign { id: 5, after: 10 }];
        let is_part = |reign, offset| is_part_of(&history, Position { reign, offset });
        assert!(is_part(1, 10) && is_part(5, 10) && is_part(5, 99));
        assert!(!is_part(1, 11) && !is_part(3, 5));
    }

    #[test]
    fn reigns_rise_with_epochs_and_with_restarts() {
        let first = next_reign(1, None);
        let again = next_reign(1, Some(first));
        assert!(first < again && again < next_reign(2, Some(again)));
    }
}
