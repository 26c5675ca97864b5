//! A sorted set: members by score and then by their bytes.

use std::collections::{BTreeMap, BTreeSet};

use ports::cache::{Bytes, Range, Score, ScoreBound, When};
use serde::{Deserialize, Serialize};

use super::value::ELEMENT_BYTES;

/// A place among members of equal score: a member, or an end that no member has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Place {
    Before,
    Member(Bytes),
    After,
}

/// Members with scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortedSet {
    scores: BTreeMap<Bytes, Score>,
    order: BTreeSet<(Score, Place)>,
    bytes: u64,
}

/// What became of a member that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    New,
    Moved,
    Unchanged,
}

impl SortedSet {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn score(&self, member: &Bytes) -> Option<Score> {
        self.scores.get(member).copied()
    }

    pub(super) fn add(&mut self, member: &Bytes, score: Score, when: When) -> Added {
        match self.score(member) {
            None => {
                if matches!(when, When::Present | When::PresentAndGreater | When::PresentAndLess) {
                    return Added::Unchanged;
                }
                self.bytes += ELEMENT_BYTES + 8 + 2 * member.len() as u64;
                self.scores.insert(member.clone(), score);
                self.order.insert((score, Place::Member(member.clone())));
                Added::New
            }
            Some(current) => {
                let moves = match when {
                    When::Always | When::Present => score != current,
                    When::Absent => false,
                    When::Greater | When::PresentAndGreater => score > current,
                    When::Less | When::PresentAndLess => score < current,
                };
                if !moves {
                    return Added::Unchanged;
                }
                self.order.remove(&(current, Place::Member(member.clone())));
                self.order.insert((score, Place::Member(member.clone())));
                self.scores.insert(member.clone(), score);
                Added::Moved
            }
        }
    }

    /// True if the member was there.
    pub(super) fn remove(&mut self, member: &Bytes) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.order.remove(&(score, Place::Member(member.clone())));
        self.bytes -= ELEMENT_BYTES + 8 + 2 * member.len() as u64;
        true
    }

    /// The members between two scores, ascending.
    fn between(&self, min: ScoreBound, max: ScoreBound) -> impl DoubleEndedIterator<Item = &(Score, Place)> {
        let from = match min {
            ScoreBound::Included(score) => (score, Place::Before),
            ScoreBound::Excluded(score) => (score, Place::After),
        };
        let to = match max {
            ScoreBound::Included(score) => (score, Place::After),
            ScoreBound::Excluded(score) => (score, Place::Before),
        };
        (from < to).then(|| self.order.range(from..to)).into_iter().flatten()
    }

    pub(super) fn members_between(&self, min: ScoreBound, max: ScoreBound) -> Vec<Bytes> {
        self.between(min, max).map(|place| member_of(place).0).collect()
    }

    pub(super) fn range(&self, range: Range, reverse: bool) -> Vec<(Bytes, Score)> {
        match range {
            Range::Rank { start, stop } => {
                let Some((skip, take)) = ranks(start, stop, self.order.len()) else { return Vec::new() };
                if reverse {
                    self.order.iter().rev().skip(skip).take(take).map(member_of).collect()
                } else {
                    self.order.iter().skip(skip).take(take).map(member_of).collect()
                }
            }
            Range::Score { min, max, limit } => {
                let (skip, take) = limit.map_or((0, usize::MAX), |limit| (limit.offset as usize, limit.count as usize));
                let between = self.between(min, max);
                if reverse {
                    between.rev().skip(skip).take(take).map(member_of).collect()
                } else {
                    between.skip(skip).take(take).map(member_of).collect()
                }
            }
        }
    }
}

fn member_of((score, place): &(Score, Place)) -> (Bytes, Score) {
    match place {
        Place::Member(member) => (member.clone(), *score),
        Place::Before | Place::After => unreachable!("ends are never in the set"),
    }
}

/// How many to skip and to take for two ranks, both included and negative from the end; none if that is nothing.
fn ranks(start: i64, stop: i64, length: usize) -> Option<(usize, usize)> {
    let length = i64::try_from(length).ok()?;
    let from_end = |rank: i64| if rank < 0 { rank.saturating_add(length) } else { rank };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(length - 1));
    (start <= stop).then(|| Some((usize::try_from(start).ok()?, usize::try_from(stop - start + 1).ok()?)))?
}
