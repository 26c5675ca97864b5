//! What a cache acknowledged, shard by shard, and what a new primary does not have of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use platform::domain::eligibility::FRESHNESS_NS;
use ports::cache::{Command, Expiry};
use ports::observe::{CacheWrite, Name, history_of};
use runtime::Time;

use super::lost::{Fate, LostWrite};
use super::recovery::Recovery;
use crate::objects::{CacheEntry, Touch, each_cache_entry};

/// For how long what is written without an expiry is good: where drivers wait.
const WORTH: Duration = Duration::from_nanos(FRESHNESS_NS as u64);

/// For how long what a command writes is good.
fn worth(command: &Command) -> Duration {
    match command {
        Command::Set { expiry: Expiry::After(milliseconds), .. } => Duration::from_millis(milliseconds.unsigned_abs()),
        _ => WORTH,
    }
}

/// The writes of all shards.
#[derive(Debug, Default)]
pub(super) struct CacheHistory {
    shards: BTreeMap<Name, Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    /// Each epoch but the first with what it began with: an earlier epoch, up to an offset.
    bases: BTreeMap<u64, Option<(u64, u64)>>,
    /// Acknowledged and part of the present, the oldest first: as far back as anything may be good, because what replaces an entry is to be
    /// known for as long as the entry is.
    acknowledged: VecDeque<Acknowledged>,
    /// The longest for which anything written here is good.
    longest: Duration,
    /// Acknowledged and not part of the present.
    gone: Vec<Gone>,
    recovery: Option<Recovery>,
}

#[derive(Debug)]
struct Acknowledged {
    epoch: u64,
    offset: u64,
    at: Time,
    command: Rc<Command>,
}

#[derive(Debug)]
struct Gone {
    write: Acknowledged,
    /// When it was known to be gone.
    since: Time,
    /// When the shard last answered before that: what was too old by then has expired in peace.
    answered_at: Time,
    /// Whether it was acknowledged after that.
    late: bool,
}

impl Shard {
    /// Whether what the newest epoch goes back to has this write.
    fn holds(&self, epoch: u64, offset: u64) -> bool {
        let mut present = self.bases.last_key_value().map(|(newest, _)| (*newest, u64::MAX));
        if present.is_none_or(|(newest, _)| epoch >= newest) {
            return true;
        }
        while let Some((reign, end)) = present {
            if reign <= epoch {
                return reign == epoch && offset <= end;
            }
            present = self.bases.get(&reign).copied().flatten();
        }
        false
    }

    /// Every entry that a write which is gone had touched, newest first, and whether it is missed.
    fn each_gone(&self, mut take: impl FnMut(&Gone, &CacheEntry<'_>, bool)) {
        let mut gone: Vec<&Gone> = self.gone.iter().collect();
        gone.sort_by_key(|gone| (gone.write.epoch, gone.write.offset));
        let (mut touched_later, mut replaced_later) = (BTreeSet::new(), BTreeSet::new());
        for gone in gone.into_iter().rev() {
            let mut entries: Vec<CacheEntry<'_>> = Vec::new();
            each_cache_entry(&gone.write.command, |entry| entries.push(entry));
            for entry in entries.into_iter().rev() {
                let superseded =
                    !touched_later.insert((entry.key, entry.element)) || replaced_later.contains(entry.key);
                let was_of_use = match entry.touch {
                    Touch::Put => gone.write.at + WORTH >= gone.answered_at,
                    Touch::Replaced { expires_after_ms } => {
                        let lives_ms = expires_after_ms.and_then(|lives_ms| u64::try_from(lives_ms).ok());
                        lives_ms.is_none_or(|lives_ms| gone.write.at + Duration::from_millis(lives_ms) > gone.since)
                    }
                    Touch::Removed => false, // it is there, and will be removed again
                };
                if entry.element.is_none() && entry.touch != Touch::Put {
                    replaced_later.insert(entry.key);
                }
                take(gone, &entry, was_of_use && !superseded);
            }
        }
    }

    /// The same as lost writes, in the order of the shard's stream.
    fn lost(&self, history: &Name, onset: Option<Time>) -> Vec<LostWrite> {
        let mut lost = Vec::new();
        self.each_gone(|Gone { write, late, .. }, entry, is_missed| {
            let mut object = String::new();
            entry.name_into(&mut object, history);
            lost.push(LostWrite {
                store: history_of(history).0.into(),
                object,
                epoch: write.epoch,
                lsn: write.offset,
                acknowledged_at: write.at,
                fate: Fate::of(!is_missed, *late, write.at, onset),
            });
        });
        lost.reverse();
        lost
    }
}

impl CacheHistory {
    /// Takes note of an acknowledgement; false if what it is about is not part of the present.
    pub fn acknowledged(&mut self, write: &CacheWrite) -> bool {
        let CacheWrite { position, command } = write;
        if !self.shards.contains_key(&position.store) {
            self.shards.insert(position.store.clone(), Shard::default());
        }
        let shard = self.shards.get_mut(&position.store).expect("it was put there if it was missing");
        let (epoch, offset, at) = (position.epoch, position.lsn, position.at);
        let write = Acknowledged { epoch, offset, at, command: command.clone() };
        if !shard.holds(epoch, offset) {
            shard.gone.push(Gone { write, since: at, answered_at: at, late: true });
            return false;
        }
        shard.longest = shard.longest.max(worth(&write.command));
        while shard.acknowledged.pop_front_if(|oldest| oldest.at + shard.longest < at).is_some() {}
        shard.acknowledged.push_back(write);
        true
    }

    /// A primary began a reign with what `base` says.
    pub fn recovered(&mut self, history: &Name, epoch: u64, base: Option<(u64, u64)>, at: Time) {
        let shard = self.shards.entry(history.clone()).or_default();
        shard.bases.insert(epoch, base);
        let last_commit_at = shard.acknowledged.back().map(|write| write.at);
        let answered_at = last_commit_at.unwrap_or(at);
        let (kept, gone): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut shard.acknowledged)
            .into_iter()
            .partition(|write| shard.holds(write.epoch, write.offset));
        shard.acknowledged = kept;
        shard.gone.extend(gone.into_iter().map(|write| Gone { write, since: at, answered_at, late: false }));
        let mut missed: BTreeMap<(u64, u64), Time> = BTreeMap::new();
        shard.each_gone(|gone, _, is_missed| {
            if is_missed && !gone.late && gone.since == at {
                missed.insert((gone.write.epoch, gone.write.offset), gone.write.at);
            }
        });
        shard.recovery = Some(Recovery {
            acknowledged_lost: missed.len(),
            oldest_acknowledged_at: missed.into_values().min(),
            last_commit_at,
            beyond_memory: false,
        });
    }

    pub fn recovery(&self, history: &str) -> Option<&Recovery> {
        self.shards.get(history)?.recovery.as_ref()
    }

    pub fn lost_writes(&self, onset: Option<Time>) -> impl Iterator<Item = LostWrite> {
        self.shards.iter().flat_map(move |(history, shard)| shard.lost(history, onset))
    }
}

#[cfg(test)]
mod tests {
    use ports::cache::{Condition, Score, When};
    use ports::observe::CommitPosition;

    use super::*;

    fn cell(member: &str) -> Command {
        let members = vec![(Score::of(1), member.as_bytes().to_vec())];
        Command::ZAdd { key: b"cell".to_vec(), when: When::Greater, members }
    }

    fn left(member: &str) -> Command {
        Command::ZRem { key: b"cell".to_vec(), members: vec![member.as_bytes().to_vec()] }
    }

    fn kept_for(key: &str, milliseconds: i64) -> Command {
        let (key, value) = (key.as_bytes().to_vec(), b"v".to_vec());
        Command::Set { key, value, condition: Condition::Always, expiry: Expiry::After(milliseconds), get: false }
    }

    fn written(epoch: u64, lsn: u64, at_s: u64, command: Command) -> CacheWrite {
        let position = CommitPosition { store: "redis/0".into(), epoch, lsn, at: Time::from_secs(at_s) };
        CacheWrite { position, command: Rc::new(command) }
    }

    fn told(history: &CacheHistory, onset_s: Option<u64>) -> Vec<String> {
        let tell = |lost: LostWrite| {
            assert_eq!(&*lost.store, "redis");
            format!("{} {} {:?}", lost.lsn, lost.object, lost.fate)
        };
        history.lost_writes(onset_s.map(Time::from_secs)).map(tell).collect()
    }

    #[test]
    fn a_failover_loses_what_had_not_arrived_and_what_the_old_side_tells_later_diverges() {
        let mut history = CacheHistory::default();
        let name: Name = "redis/0".into();
        for lsn in 1..=5 {
            assert!(history.acknowledged(&written(1, lsn, lsn, cell(&format!("m{lsn}")))));
        }
        history.recovered(&name, 2, Some((1, 3)), Time::from_secs(10));
        assert_eq!(told(&history, None), ["4 shard-0/cell/m4 Lost", "5 shard-0/cell/m5 Lost"]);
        assert_eq!(told(&history, Some(5)), ["4 shard-0/cell/m4 Lost", "5 shard-0/cell/m5 Divergent"]);
        assert!(history.acknowledged(&written(1, 3, 11, cell("m3"))), "the new primary has it");
        assert!(!history.acknowledged(&written(1, 6, 12, cell("m6"))));
        assert!(history.acknowledged(&written(2, 4, 13, cell("m7"))));
        assert_eq!(told(&history, None)[2..], ["6 shard-0/cell/m6 Divergent"]);
        // A third goes back to the first, and further.
        history.recovered(&name, 3, Some((1, 2)), Time::from_secs(14));
        let lost = told(&history, None);
        assert_eq!(lost.len(), 6, "{lost:?}");
        assert!(lost.contains(&"3 shard-0/cell/m3 Lost".to_owned()), "{lost:?}");
        assert!(lost.contains(&"4 shard-0/cell/m7 Lost".to_owned()), "{lost:?}");
    }

    #[test]
    fn an_empty_primary_has_lost_what_was_still_of_use() {
        let mut history = CacheHistory::default();
        for lsn in 1..=3 {
            history.acknowledged(&written(1, lsn, 40 * lsn, cell(&format!("m{lsn}"))));
        }
        history.recovered(&"redis/0".into(), 2, None, Time::from_secs(900));
        assert_eq!(told(&history, None), ["2 shard-0/cell/m2 Lost", "3 shard-0/cell/m3 Lost"]);
        let recovery = history.recovery("redis/0").unwrap();
        assert_eq!((recovery.acknowledged_lost, recovery.oldest_acknowledged_at), (2, Some(Time::from_secs(80))));
    }

    #[test]
    fn each_write_is_missed_for_as_long_as_it_is_good_and_what_replaced_it_is_known_as_long() {
        let mut history = CacheHistory::default();
        let commands = [
            (0, kept_for("surge", 120_000)),
            (1, kept_for("calm", 120_000)),
            (10, cell("gone-home")),
            (20, Command::Del { keys: vec![b"calm".to_vec()] }),
            (60, cell("waits")),
            (100, cell("came")),
        ];
        for (lsn, (at_s, command)) in (1..).zip(commands) {
            history.acknowledged(&written(1, lsn, at_s, command));
        }
        history.recovered(&"redis/0".into(), 2, None, Time::from_secs(101));
        let lost: Vec<String> = told(&history, None).into_iter().filter(|told| told.ends_with("Lost")).collect();
        assert_eq!(lost, ["1 shard-0/surge Lost", "5 shard-0/cell/waits Lost", "6 shard-0/cell/came Lost"]);
        let recovery = history.recovery("redis/0").expect("it recovered");
        assert_eq!((recovery.acknowledged_lost, recovery.oldest_acknowledged_at), (3, Some(Time::ZERO)));
    }

    #[test]
    fn nobody_misses_what_was_written_again_removed_or_expired() {
        let mut history = CacheHistory::default();
        let commands = [
            cell("again"),
            cell("again"),
            cell("removed"),
            left("removed"),
            kept_for("expired", 2_000),
            kept_for("lives", 60_000),
            cell("emptied"),
            Command::Del { keys: vec![b"cell".to_vec()] },
        ];
        for (lsn, command) in (1..).zip(commands) {
            history.acknowledged(&written(1, lsn, 1, command));
        }
        history.recovered(&"redis/0".into(), 2, None, Time::from_secs(10));
        let (missed, others): (Vec<_>, Vec<_>) =
            told(&history, None).into_iter().partition(|told| !told.ends_with("Superseded"));
        assert_eq!((missed, others.len()), (vec!["6 shard-0/lives Lost".to_owned()], 7));
    }
}
