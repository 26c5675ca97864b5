//! Making room when memory is full.

use ports::cache::Key;

use super::Store;

/// Keys drawn for each eviction (source: Redis documentation, 7.0: `maxmemory-samples` = 5). Redis also keeps the sixteen best of
/// earlier draws, which brings it nearer to exact recency than this is.
const SAMPLES: usize = 5;

/// What goes when memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// Nothing: commands that may add are refused.
    NoEviction,
    /// `allkeys-lru`: the least recently used of a few keys drawn at random.
    AllKeysLru,
    /// `volatile-ttl`: the key with the least time to live, among those that expire. Redis draws a few; this takes the least of all.
    VolatileTtl,
}

/// What making room came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// In the order in which they went.
    pub evicted: Vec<Key>,
    /// Whether there is room now.
    pub fits: bool,
}

impl Store {
    /// Removes keys until at most `bytes_max` are in use or nothing may go. `draw` gives an index below its argument.
    pub fn evict(&mut self, bytes_max: u64, policy: EvictionPolicy, mut draw: impl FnMut(usize) -> usize) -> Eviction {
        let mut evicted = Vec::new();
        while self.used_bytes > bytes_max {
            let Some(key) = self.victim(policy, &mut draw) else { break };
            self.remove(&key);
            evicted.push(key);
        }
        Eviction { evicted, fits: self.used_bytes <= bytes_max }
    }

    fn victim(&self, policy: EvictionPolicy, draw: &mut impl FnMut(usize) -> usize) -> Option<Key> {
        match policy {
            EvictionPolicy::NoEviction => None,
            EvictionPolicy::AllKeysLru if self.entries.is_empty() => None,
            EvictionPolicy::AllKeysLru => {
                let drawn = (0..SAMPLES).filter_map(|_| self.entries.get_index(draw(self.entries.len())));
                drawn.min_by_key(|(_, entry)| entry.used_at).map(|(key, _)| key.clone())
            }
            EvictionPolicy::VolatileTtl => self.deadlines.first().map(|(_, key)| key.clone()),
        }
    }
}
