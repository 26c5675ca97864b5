//! Invariants 36 and 38: no card's number is anywhere, and of who was forgotten nothing is left but a number in the books. Cards are known by
//! the tokens that the processor gave for them, people by the telephone numbers that they registered with.
//!
//! Read are all texts and bytes of committed rows, whether or not an oracle knows the table: that includes every event and every response, as
//! they go from rows to the log and to phones. Integers are not: one in ten of the long ones passes the check digit by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform::domain::ids::RiderId;
use platform::domain::rider::{Erasure, PhoneNumber};
use ports::observe::Observation;
use runtime::Time;

use crate::cached_profile::CachedProfile;
use crate::oracle::{End, Oracle, Tally};
use crate::rules::Rules;
use crate::texts::{Texts, has_card_number};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    let delay = rules.settings.erasure_delay;
    let nobody = Forgotten::default();
    vec![
        Box::new(NoCardNumbers),
        Box::new(ForgottenAreGone { delay, forgotten: nobody, cached_until: BTreeMap::new() }),
    ]
}

/// Invariant 36.
struct NoCardNumbers;

impl Oracle for NoCardNumbers {
    fn name(&self) -> &'static str {
        "no-card-numbers"
    }

    fn statement(&self) -> &'static str {
        "no text and no bytes in any row, event, response or log line hold a card's number"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let Texts { read, with_card_number, .. } = &transaction.texts;
        if *read > 0 {
            tally.check(transaction.at, with_card_number.is_empty(), || {
                format!("what looks like a card's number is in {with_card_number:?}")
            });
        }
    }

    fn observed(&mut self, observation: &Observation, _view: &View, tally: &mut Tally) {
        let Observation::ComponentState(state) = observation else { return };
        tally.check(state.at, !has_card_number(state.detail.as_bytes()), || {
            format!("what looks like a card's number is in a line that {} logged", state.component)
        });
    }
}

/// Who was forgotten, and what they were known by.
#[derive(Default)]
struct Forgotten {
    riders: BTreeSet<RiderId>,
    by_number: BTreeMap<PhoneNumber, RiderId>,
}

/// Invariant 38. What ties a rider's number to a person is in the rider's row and, for a while, in the cache; it is looked for in all rows, in
/// the events and responses among them, and in what is logged.
struct ForgottenAreGone {
    delay: Duration,
    forgotten: Forgotten,
    /// Until when a cache keeps what it was told of a rider; the end of time if it does not go by itself.
    cached_until: BTreeMap<RiderId, Time>,
}

impl ForgottenAreGone {
    fn check_numbers(&self, at: Time, numbers: impl Iterator<Item = (PhoneNumber, String)>, tally: &mut Tally) {
        for (number, place) in numbers {
            let rider = self.forgotten.by_number.get(&number);
            tally
                .check(at, rider.is_none(), || format!("{number} of rider {rider:?}, who is forgotten, is in {place}"));
        }
    }
}

impl Oracle for ForgottenAreGone {
    fn name(&self) -> &'static str {
        "forgotten-are-gone"
    }

    fn statement(&self) -> &'static str {
        "a rider who asked to be forgotten is, in time, and nothing of the person is in any row, event, cache or log line"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let at = transaction.at;
        for pair in transaction.riders() {
            let Some(rider) = pair.after.as_ref().filter(|rider| rider.erasure == Some(Erasure::Done)) else {
                continue;
            };
            let cached_until = self.cached_until.remove(&rider.id).filter(|until| *until > at);
            tally.check(at, rider.is_forgotten() && cached_until.is_none(), || {
                format!("{rider:?} was forgotten and is in the cache until {cached_until:?}")
            });
            self.forgotten.riders.insert(rider.id);
            let number = pair.before.as_ref().and_then(|before| before.phone_number);
            self.forgotten.by_number.extend(number.map(|number| (number, rider.id)));
        }
        self.check_numbers(at, transaction.texts.phone_numbers.iter().cloned(), tally);
    }

    fn undone(&mut self, transaction: &Transaction, _view: &View) {
        for rider in transaction.riders().filter_map(|pair| pair.after.as_ref()) {
            if rider.erasure == Some(Erasure::Done) {
                continue;
            }
            self.forgotten.riders.remove(&rider.id);
            if let Some(number) = rider.phone_number {
                self.forgotten.by_number.remove(&number);
            }
        }
    }

    fn observed(&mut self, observation: &Observation, _view: &View, tally: &mut Tally) {
        let Observation::ComponentState(state) = observation else { return };
        let place = || format!("a line that {} logged", state.component);
        let numbers = PhoneNumber::all_in(state.detail.as_bytes()).map(|number| (number, place()));
        self.check_numbers(state.at, numbers, tally);
    }

    fn profile_cached(&mut self, cached: &CachedProfile, _view: &View, tally: &mut Tally) {
        tally.check(cached.at, !self.forgotten.riders.contains(&cached.rider), || {
            format!("the cache was told of a rider who is forgotten: {cached:?}")
        });
        let until = cached.lives.map_or(Time::MAX, |lives| cached.at + lives);
        self.cached_until.insert(cached.rider, until);
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for rider in view.riders().filter(|rider| rider.erasure == Some(Erasure::Asked)) {
            let due_ns =
                rider.erasure_at_ns.map(|at_ns| (Time(at_ns.cast_unsigned()) + self.delay).nanos().cast_signed());
            tally.check(end.at, !due_ns.is_some_and(|due_ns| end.is_overdue(due_ns)), || {
                format!("{rider:?} was not forgotten")
            });
        }
    }
}
