//! What is asked about riders soon after they have signed in, in the cache: half a minute later their card's token is wanted for a hold.
//!
//! The cache is not the authority. An entry is written when the row that it repeats is committed, and never changes; what is not there is
//! read from the row. Nobody puts back what was read elsewhere, so that no older entry follows a newer one.

use std::time::Duration;

use ports::cache::{Bytes, Cache};
use runtime::now;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RiderId;

/// For how long an entry is kept: from signing in to the hold takes about half a minute (assumption).
pub const KEPT: Duration = Duration::from_secs(45);

/// What is kept of a rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub card_token: u64,
}

/// Where profiles are kept.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Profiles: 'static {
    /// What is kept of the rider; none where nothing is, or nobody can say.
    async fn read(&self, rider: RiderId) -> Option<Profile>;

    /// Keeps what is committed. What cannot be kept is as if nobody had asked.
    async fn keep(&self, rider: RiderId, profile: Profile);
}

/// Of a platform without a cache.
pub struct NoProfiles;

impl Profiles for NoProfiles {
    async fn read(&self, _: RiderId) -> Option<Profile> {
        None
    }

    async fn keep(&self, _: RiderId, _: Profile) {}
}

/// In the cache, a key a rider.
pub struct CachedProfiles<C> {
    cache: C,
    /// How long a command may take.
    limit: Duration,
}

impl<C> CachedProfiles<C> {
    pub fn new(cache: C, limit: Duration) -> Self {
        Self { cache, limit }
    }
}

impl<C: Cache> Profiles for CachedProfiles<C> {
    async fn read(&self, rider: RiderId) -> Option<Profile> {
        let bytes = self.cache.get(key_of(rider), now() + self.limit).await.ok()??;
        postcard::from_bytes(&bytes).ok()
    }

    async fn keep(&self, rider: RiderId, profile: Profile) {
        let value = postcard::to_stdvec(&profile).expect("integers always serialise");
        let _ = self.cache.set_for(key_of(rider), value, KEPT, now() + self.limit).await;
    }
}

const PREFIX: &str = "rider:";

/// Such as `rider:17`.
fn key_of(rider: RiderId) -> Bytes {
    format!("{PREFIX}{rider}").into_bytes()
}

/// The rider whose profile is kept under the key, if it is a profile's.
#[must_use]
pub fn rider_of(key: &[u8]) -> Option<RiderId> {
    let number = key.strip_prefix(PREFIX.as_bytes())?;
    str::from_utf8(number).ok()?.parse().ok().map(RiderId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_s_key_tells_whose_it_is() {
        assert_eq!(rider_of(&key_of(RiderId(17))), Some(RiderId(17)));
        assert_eq!([b"rider:x".as_slice(), b"surge:17", b""].map(rider_of), [None; 3]);
    }
}
