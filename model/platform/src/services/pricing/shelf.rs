//! Surge that replicas leave for each other, cell by cell: whoever takes a cell over quotes what its riders were quoted a moment ago, until
//! it has seen demand of its own.
//!
//! The cache is not the authority: what is not there is as if nobody had known it, and every entry says until when it may be quoted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use ports::cache::{Bytes, Cache, CacheError};
use runtime::now;
use serde::{Deserialize, Serialize};

use crate::domain::place::Cell;
use crate::domain::surge::SurgeSnapshot;

/// What one cell of a snapshot is shelved as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    pub version: i64,
    pub expires_at_ns: i64,
    pub multiplier_per_mille: u32,
}

/// Where surge is left for other replicas.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Shelf: 'static {
    /// What was left of the cell; none where nobody knows.
    async fn read(&self, cell: Cell) -> Option<Shelved>;

    /// Leaves what is dearer than usual. It is written while nobody waits for it.
    fn write(&self, snapshot: &SurgeSnapshot, now_ns: i64);
}

/// Of a platform without a cache: every replica knows what it saw itself.
pub struct NoShelf;

impl Shelf for NoShelf {
    async fn read(&self, _: Cell) -> Option<Shelved> {
        None
    }

    fn write(&self, _: &SurgeSnapshot, _: i64) {}
}

/// In the cache, a key a cell.
pub struct CacheShelf<C> {
    cache: C,
    /// How long a command may take.
    limit: Duration,
    /// What this replica has written and is still there.
    written: RefCell<BTreeMap<Cell, Shelved>>,
}

impl<C: Cache> CacheShelf<C> {
    pub fn new(cache: C, limit: Duration) -> Self {
        Self { cache, limit, written: RefCell::default() }
    }

    /// The cells that must be written for the cache to say what the snapshot says, and those that must go. What is there already and lasts
    /// for another half of its life is left alone.
    fn changes(&self, snapshot: &SurgeSnapshot, now_ns: i64) -> (Vec<(Cell, Shelved)>, Vec<Cell>) {
        let SurgeSnapshot { version, expires_at_ns, ref multipliers_per_mille } = *snapshot;
        let half_life_ns = (expires_at_ns - now_ns) / 2;
        let mut written = self.written.borrow_mut();
        let over: Vec<Cell> =
            written.keys().copied().filter(|cell| !multipliers_per_mille.contains_key(cell)).collect();
        written.retain(|cell, _| multipliers_per_mille.contains_key(cell));
        let mut new = Vec::new();
        for (&cell, &multiplier_per_mille) in multipliers_per_mille {
            let lasts = |known: &Shelved| {
                known.multiplier_per_mille == multiplier_per_mille && known.expires_at_ns - now_ns > half_life_ns
            };
            if !written.get(&cell).is_some_and(lasts) {
                let shelved = Shelved { version, expires_at_ns, multiplier_per_mille };
                written.insert(cell, shelved);
                new.push((cell, shelved));
            }
        }
        (new, over)
    }
}

impl<C: Cache> Shelf for CacheShelf<C> {
    async fn read(&self, cell: Cell) -> Option<Shelved> {
        let bytes = self.cache.get(key(cell), now() + self.limit).await.ok()??;
        postcard::from_bytes(&bytes).ok()
    }

    fn write(&self, snapshot: &SurgeSnapshot, now_ns: i64) {
        let (new, over) = self.changes(snapshot, now_ns);
        if new.is_empty() && over.is_empty() {
            return;
        }
        let (cache, limit) = (self.cache.clone(), self.limit);
        drop(runtime::spawn(async move {
            // What cannot be written is as if nobody had known it.
            let _ = write_all(&cache, limit, new, over, now_ns).await;
        }));
    }
}

async fn write_all<C: Cache>(
    cache: &C,
    limit: Duration,
    new: Vec<(Cell, Shelved)>,
    over: Vec<Cell>,
    now_ns: i64,
) -> Result<(), CacheError> {
    for (cell, shelved) in new {
        let value = postcard::to_stdvec(&shelved).expect("integers always serialise");
        let lives = Duration::from_nanos((shelved.expires_at_ns - now_ns).unsigned_abs());
        cache.set_for(key(cell), value, lives, now() + limit).await?;
    }
    for cell in over {
        cache.del(key(cell), now() + limit).await?;
    }
    Ok(())
}

/// Such as `surge:8a2a1072b59ffff`.
fn key(cell: Cell) -> Bytes {
    format!("surge:{:x}", cell.0).into_bytes()
}
