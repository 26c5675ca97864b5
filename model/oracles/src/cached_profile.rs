//! A rider's profile in a cache, as the write that put it there says it.

use std::time::Duration;

use platform::domain::ids::RiderId;
use platform::services::users::profiles::{Profile, rider_of};
use ports::cache::{Command, Expiry};
use ports::observe::CacheWrite;
use runtime::Time;

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
