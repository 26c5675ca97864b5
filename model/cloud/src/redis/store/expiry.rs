//! Active expiry: rounds that remove what nobody touches any more.

use ports::cache::Key;

use super::{Milliseconds, Store};

impl Store {
    /// When the first key is past its time, if one ever is.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Milliseconds> {
        self.deadlines.first().map(|(at, _)| at.saturating_add(1))
    }

    /// Removes at most `keys_max` expired keys, the longest expired first. Redis draws them at random among all that expire and repeats
    /// while a tenth of its sample was expired (source: Redis 7.0, `expire.c`): which ones come first is all that differs.
    pub fn expire_round(&mut self, now: Milliseconds, keys_max: usize) -> Vec<Key> {
        let mut expired = Vec::new();
        while expired.len() < keys_max {
            let Some((at, key)) = self.deadlines.first() else { break };
            if now <= *at {
                break;
            }
            let key = key.clone();
            self.remove(&key);
            expired.push(key);
        }
        expired
    }
}
