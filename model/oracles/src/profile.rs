//! What the cache says of riders: it repeats what is committed and is the authority for nothing.

use crate::cached_profile::CachedProfile;
use crate::oracle::{Oracle, Tally};
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(CacheTellsCommitted)]
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
