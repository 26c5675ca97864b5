//! Who is where, by H3 cell: a convention on top of sorted sets, with one set a cell.
//!
//! A member's score is when it was seen, so that whoever went silent falls out of every question and is swept away later. Cells are
//! keys of their own and spread over the slots of a cluster: a move is two commands, and between them a member is in both cells or, if
//! the second fails, stays in the old one until it is swept.

use runtime::Time;

use super::{Bytes, Cache, CacheError, Command, Key, Limit, Range, Score, ScoreBound};

/// The cells of one kind of member, such as drivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellIndex {
    name: String,
}

impl CellIndex {
    /// `name` tells the keys of this index from all others.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        CellIndex { name: name.into() }
    }

    /// The key of a cell, given by its H3 index: `name:8a2a1072b59ffff`, in the hexadecimal that H3's tools print.
    #[must_use]
    pub fn key(&self, cell: u64) -> Key {
        format!("{}:{cell:x}", self.name).into_bytes()
    }

    /// Notes that the member was seen in the cell at `seen_at_ms`, unless something later is known; false if it was there already.
    pub async fn put<C: Cache>(
        &self,
        cache: &C,
        cell: u64,
        member: impl Into<Bytes>,
        seen_at_ms: i64,
        deadline: Time,
    ) -> Result<bool, CacheError> {
        let members = vec![(Score::of(seen_at_ms), member.into())];
        let command = Command::ZAdd { key: self.key(cell), when: super::When::Greater, members };
        Ok(cache.execute(command, deadline).await?.integer()? > 0)
    }

    /// Takes the member out of the cell; false if it was not there.
    pub async fn remove<C: Cache>(
        &self,
        cache: &C,
        cell: u64,
        member: impl Into<Bytes>,
        deadline: Time,
    ) -> Result<bool, CacheError> {
        cache.zrem(self.key(cell), member, deadline).await
    }

    /// At most `count_max` members that were seen in the cell at `since_ms` or later, the latest first, each with when that was.
    pub async fn seen_since<C: Cache>(
        &self,
        cache: &C,
        cell: u64,
        since_ms: i64,
        count_max: u32,
        deadline: Time,
    ) -> Result<Vec<(Bytes, i64)>, CacheError> {
        let range = Range::Score {
            min: ScoreBound::Included(Score::of(since_ms)),
            max: ScoreBound::Included(Score::HIGHEST),
            limit: Some(Limit { offset: 0, count: count_max }),
        };
        let command = Command::ZRange { key: self.key(cell), range, reverse: true };
        let scored = cache.execute(command, deadline).await?.scored()?;
        Ok(scored.into_iter().map(|(member, seen_at)| (member, seen_at.get() as i64)).collect())
    }

    /// Sweeps away members of the cell that were last seen before `before_ms`; how many.
    pub async fn sweep<C: Cache>(
        &self,
        cache: &C,
        cell: u64,
        before_ms: i64,
        deadline: Time,
    ) -> Result<i64, CacheError> {
        let command = Command::ZRemRangeByScore {
            key: self.key(cell),
            min: ScoreBound::Included(Score::LOWEST),
            max: ScoreBound::Excluded(Score::of(before_ms)),
        };
        cache.execute(command, deadline).await?.integer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_as_h3_prints_it() {
        assert_eq!(CellIndex::new("drivers").key(0x08a2_a107_2b59_ffff), b"drivers:8a2a1072b59ffff");
    }
}
