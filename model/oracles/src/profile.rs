//! What the cache says of riders: it repeats what is committed and is the authority for nothing.

use std::time::Duration;

use platform::domain::ids::RiderId;
use platform::services::users::profiles::{Profile, rider_of};
use ports::cache::{Command, Expiry};
use ports::observe::CacheWrite;
use runtime::Time;

use crate::oracle::{Oracle, Tally};
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(CacheTellsCommitted)]
}

/// A rider's profile that a cache keeps from now on.
#[derive(Clone, Copy, Debug)]
pub struct CachedProfile {
    pub rider: RiderId,
    /// None if it cannot be read.
    pub profile: Option<Profile>,
    /// After how long it goes by itself, if it does.
    pub lives: Option<Duration>,
    pub at: Time,
}

impl CachedProfile {
    /// None if the write is about something else.
    pub(crate) fn of(write: &CacheWrite) -> Option<Self> {
        let Command::Set { key, value, expiry, .. } = &*write.command else { return None };
        let rider = rider_of(key)?;
        let lives = match expiry {
            Expiry::After(milliseconds) => Some(Duration::from_millis(milliseconds.unsigned_abs())),
            Expiry::Never | Expiry::Keep => None,
        };
        Some(Self { rider, profile: postcard::from_bytes(value).ok(), lives, at: write.position.at })
    }
}

/// A write to the cache that comes before its commit tells of what may never be.
struct CacheTellsCommitted;

impl Oracle for CacheTellsCommitted {
    fn name(&self) -> &'static str {
        "cache-tells-committed"
    }

    fn statement(&self) -> &'static str {
        "what the cache says of a rider is committed before it is said"
    }

    fn profile_cached(&mut self, cached: &CachedProfile, view: &View, tally: &mut Tally) {
        let rider = view.rider(cached.rider);
        // What a recovery left out was committed, and is not known here any more.
        let committed = match rider {
            None => view.has_losses(),
            Some(rider) => cached.profile.is_some_and(|profile| {
                // Of one who is forgotten nobody can say what it was.
                rider.card_token.is_none_or(|card_token| card_token.cast_unsigned() == profile.card_token)
            }),
        };
        tally.check(cached.at, committed, || format!("the cache has {cached:?} of {rider:?}"));
    }
}
