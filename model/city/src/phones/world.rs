//! What all phones share: the city and its habits, whom they ask for addresses, and who rests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use platform::domain::ids::RiderId;
use platform::domain::session::Caller;
use ports::observe::Observer;
use runtime::Time;

use super::crowd::Crowd;
use super::line::Lookup;
use super::patience::Patience;
use super::secret::secret;
use crate::calendar::WeekMinute;
use crate::city::City;
use crate::habits::PhoneHabits;

/// What all phones share.
pub(super) struct World {
    pub(super) city: Arc<City>,
    pub(super) habits: PhoneHabits,
    pub(super) patience: Patience,
    pub(super) start: WeekMinute,
    pub(super) lookups: Lookups,
    pub(super) observer: Rc<dyn Observer>,
    pub(super) crowd: Rc<Crowd>,
    pub(super) push: bool,
    /// Riders who are not under way, the one who rested longest first.
    pub(super) resting: RefCell<VecDeque<RiderId>>,
}

impl World {
    pub(super) fn minute(&self, at: Time) -> WeekMinute {
        self.start.after(at.nanos())
    }
}

/// Whom phones ask for the platform's addresses, by the platform's name alone.
pub(super) struct Lookups {
    pub(super) usual: Lookup,
    pub(super) overstaying: Option<(f64, Lookup)>,
}

impl Lookups {
    pub(super) fn of(&self, owner: Caller) -> &Lookup {
        match &self.overstaying {
            Some((share, lookup)) if overstays(runtime::seed(), owner, *share) => lookup,
            _ => &self.usual,
        }
    }
}

/// Whether the owner's phone is one of the share that asks an overstaying resolver: the same phones in the whole of a run.
fn overstays(seed: u64, owner: Caller, share: f64) -> bool {
    let drawn = (secret(seed, owner) >> 64) as u64;
    share > drawn as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_phones_overstay_as_the_share_says_and_always_the_same() {
        let overstaying =
            |share| (1..=10_000).filter(|&rider| overstays(1, Caller::Rider(RiderId(rider)), share)).count();
        assert_eq!((overstaying(0.0), overstaying(1.0)), (0, 10_000));
        let twentieth = overstaying(0.05);
        assert!((430..=570).contains(&twentieth), "three standard deviations around 500: {twentieth}");
        assert_eq!(twentieth, overstaying(0.05));
    }
}
