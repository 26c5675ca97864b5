//! Nudges: a word on the cache's channel that something happened for somebody, so that whoever keeps that person's request looks again.
//!
//! Nothing rests on a nudge: one that is lost is made up for by the next look. It carries no news, only whose news there may be.

use std::time::Duration;

use ports::cache::{Bytes, Cache};
use runtime::now;
use serde::{Deserialize, Serialize};

use crate::domain::session::Caller;

/// The one channel of nudges. Every replica of the gateway hears all of them: any of them may keep the person's request.
pub const CHANNEL: &[u8] = b"nudges";

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nudge {
    /// Something happened for this person.
    For(Caller),
    /// Somebody wants to know whether the channel works.
    Probe,
}

impl Nudge {
    pub fn to_bytes(self) -> Bytes {
        postcard::to_stdvec(&self).expect("integers always serialise")
    }

    /// None for what no service publishes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Whoever passes nudges on.
pub trait Nudges {
    /// Something happened for this person. It is passed on while nobody waits for it.
    fn nudge(&self, caller: Caller);
}

/// Of a platform without a cache: phones find out by themselves.
pub struct NoNudges;

impl Nudges for NoNudges {
    fn nudge(&self, _: Caller) {}
}

/// On the cache's channel.
pub struct CacheNudges<C> {
    cache: C,
    /// How long a command may take.
    limit: Duration,
}

impl<C: Cache> CacheNudges<C> {
    pub fn new(cache: C, limit: Duration) -> Self {
        Self { cache, limit }
    }
}

impl<C: Cache> Nudges for CacheNudges<C> {
    fn nudge(&self, caller: Caller) {
        let (cache, deadline) = (self.cache.clone(), now() + self.limit);
        drop(runtime::spawn(async move {
            // One that is lost is made up for by the person's next look.
            let _ = cache.publish(CHANNEL, Nudge::For(caller).to_bytes(), deadline).await;
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::DriverId;

    #[test]
    fn a_nudge_survives_the_channel_and_anything_else_is_not_one() {
        for nudge in [Nudge::For(Caller::Driver(DriverId(i64::MIN))), Nudge::Probe] {
            assert_eq!(Nudge::from_bytes(&nudge.to_bytes()), Some(nudge));
        }
        assert_eq!(Nudge::from_bytes(b""), None);
        assert_eq!(Nudge::from_bytes(&[9]), None);
    }
}
