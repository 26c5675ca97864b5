//! What a server keeps and what commands do to it: Redis 7.0's semantics (source: Redis documentation, 7.0, and its replies). Pure:
//! it is told the time, waits for nothing and knows no network.
//!
//! Expiry is lazy and active: a primary removes an expired key when a command touches it, or in rounds, and tells its replicas; a
//! replica hides an expired key from readers and keeps it until the primary says so.

mod collection;
mod eviction;
mod expiry;
mod run;
mod sorted;
#[cfg(test)]
mod tests;
mod value;

pub use eviction::{Eviction, EvictionPolicy};
pub use sorted::SortedSet;
pub use value::{Hash, Set, Value};

use std::collections::BTreeSet;

use indexmap::IndexMap;
use ports::cache::{CacheError, Command, Key, Reply};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// What a key takes beside its own bytes and its value's: dictionary entry, object header, allocator. Assumption, after "an empty
/// instance with a million small keys uses about 85 MB" (source: Redis documentation, FAQ).
const ENTRY_BYTES: u64 = 72;

/// A moment as Redis has it: milliseconds.
pub type Milliseconds = i64;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: Value,
    expires_at: Option<Milliseconds>,
    /// When a command last touched it.
    used_at: Milliseconds,
}

/// Keys and their values.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// Indexed, so that eviction can draw a key; never iterated where order matters.
    entries: IndexMap<Key, Entry, FxBuildHasher>,
    /// Every key that expires, by when.
    deadlines: BTreeSet<(Milliseconds, Key)>,
    used_bytes: u64,
}

/// As what a server runs commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// It decides what is expired.
    Primary,
    /// It answers a reader: what is expired is hidden, not removed.
    Replica,
    /// It repeats what its primary did at the time given: expiry is the primary's business.
    Repeat,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub result: Result<Reply, CacheError>,
    /// Whether it changed anything, so that replicas must repeat it.
    pub changed: bool,
    /// Keys that were found expired and removed before it ran: replicas must remove them first.
    pub expired: Vec<Key>,
    /// Keys, fields and members it looked at, by Redis's complexity and not by this program's: at least one.
    pub touched: u64,
}

/// All that a store holds, as it travels to a replica or into a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents(pub Vec<(Key, Value, Option<Milliseconds>)>);

impl Contents {
    /// Bytes that a store takes to hold this.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|(key, value, _)| size(key, value)).sum()
    }
}

impl Store {
    /// Runs one command at a moment of the server's clock.
    pub fn execute(&mut self, command: &Command, now: Milliseconds, role: As) -> Outcome {
        let mut expired = Vec::new();
        for key in command.keys() {
            let Some(entry) = self.entries.get_mut(key) else { continue };
            if role == As::Primary && is_expired(entry.expires_at, now) {
                self.remove(key);
                expired.push(key.clone());
            } else {
                entry.used_at = now;
            }
        }
        let mut run = run::Run { store: self, now, role, changed: false, touched: 1 };
        let result = run.command(command);
        let (changed, touched) = (run.changed, run.touched);
        Outcome { result, changed, expired, touched }
    }

    /// Bytes in use, by the model's own count.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// How many keys there are, the expired ones included that nobody has removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All that is there, by key.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let held = |(key, entry): (&Key, &Entry)| (key.clone(), entry.value.clone(), entry.expires_at);
        let mut contents: Vec<_> = self.entries.iter().map(held).collect();
        contents.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Contents(contents)
    }

    /// A store that holds `contents` as of now.
    #[must_use]
    pub fn holding(contents: Contents, now: Milliseconds) -> Self {
        let mut store = Store::default();
        for (key, value, expires_at) in contents.0 {
            store.put(key, value, expires_at, now);
        }
        store
    }

    /// Removes a key on the primary's word; false if it was not there.
    pub fn remove(&mut self, key: &Key) -> bool {
        let Some(entry) = self.entries.swap_remove(key) else { return false };
        self.used_bytes -= size(key, &entry.value);
        if let Some(at) = entry.expires_at {
            self.deadlines.remove(&(at, key.clone()));
        }
        true
    }

    fn put(&mut self, key: Key, value: Value, expires_at: Option<Milliseconds>, now: Milliseconds) {
        self.remove(&key);
        self.used_bytes += size(&key, &value);
        if let Some(at) = expires_at {
            self.deadlines.insert((at, key.clone()));
        }
        self.entries.insert(key, Entry { value, expires_at, used_at: now });
    }

    fn expire_at(&mut self, key: &Key, expires_at: Option<Milliseconds>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(former) = std::mem::replace(&mut entry.expires_at, expires_at) {
            self.deadlines.remove(&(former, key.clone()));
        }
        if let Some(at) = expires_at {
            self.deadlines.insert((at, key.clone()));
        }
    }
}

/// A key lives through the millisecond that it expires in, as in Redis.
fn is_expired(expires_at: Option<Milliseconds>, now: Milliseconds) -> bool {
    expires_at.is_some_and(|at| now > at)
}

fn size(key: &Key, value: &Value) -> u64 {
    ENTRY_BYTES + key.len() as u64 + value.bytes()
}
