//! Invariants 19, 22 and 23: what a ride costs, and that it is what was promised.

use platform::domain::fare::{Fare, FareSchedule};
use platform::domain::surge::NO_SURGE_PER_MILLE;
use platform::domain::trip::{Drive, EventKind};

use crate::oracle::{Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(ChargeIsSumOfParts),
        Box::new(FareRecomputable { fares: rules.settings.fares }),
        Box::new(SurgeAsQuoted { cap_per_mille: rules.settings.surge.cap_per_mille }),
    ]
}

/// Invariant 19.
struct ChargeIsSumOfParts;

impl Oracle for ChargeIsSumOfParts {
    fn name(&self) -> &'static str {
        "charge-is-sum-of-parts"
    }

    fn statement(&self) -> &'static str {
        "what a rider is charged is the driver's pay, commission, tax and tolls, to the minor unit"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for trip in transaction.trips().filter_map(|pair| pair.after.as_ref()) {
            let Some(charge_minor) = trip.charge_minor else { continue };
            let fare = trip.owed();
            tally.check(transaction.at, fare.is_some_and(|fare| fare.adds_up()), || {
                format!("trip {} charges {charge_minor} and splits it as {fare:?}", trip.id)
            });
        }
    }
}

/// Invariant 22. A split that does not add up is invariant 19's to report.
struct FareRecomputable {
    fares: FareSchedule,
}

impl Oracle for FareRecomputable {
    fn name(&self) -> &'static str {
        "fare-recomputable"
    }

    fn statement(&self) -> &'static str {
        "a fare follows from the trip's log and the quote it was requested on"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for trip in transaction.trips().filter_map(|pair| pair.after.as_ref()) {
            let (Some(charge_minor), Some(dossier)) = (trip.charge_minor, view.dossier(trip.id)) else { continue };
            let Some(quote) = dossier.quote.as_ref().filter(|_| dossier.whole) else { continue };
            let driven = dossier.log.iter().find(|entry| entry.event == EventKind::DroppedOff);
            let drive =
                driven.and_then(|entry| Some(Drive { distance_m: entry.distance_m?, duration_s: entry.duration_s? }));
            // Who owes without having been driven owes the fee for cancelling.
            let expected = match drive {
                Some(drive) => {
                    self.fares.fare(drive, quote.tolls_minor, quote.multiplier_per_mille, quote.ceiling_minor)
                }
                None => self.fares.cancellation_fee(quote.ceiling_minor),
            };
            let fare = trip.owed().filter(Fare::adds_up);
            let same = charge_minor == expected.charge_minor && fare.is_none_or(|fare| fare == expected);
            tally.check(transaction.at, same, || {
                format!(
                    "trip {} charges {charge_minor} as {fare:?}; {drive:?} under its quote gives {expected:?}",
                    trip.id
                )
            });
        }
    }
}

/// Invariant 23.
struct SurgeAsQuoted {
    cap_per_mille: u32,
}

impl Oracle for SurgeAsQuoted {
    fn name(&self) -> &'static str {
        "surge-as-quoted"
    }

    fn statement(&self) -> &'static str {
        "a quote binds a multiplier within the cap, from a snapshot that has not expired, and never changes"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.quotes() {
            let Some(quote) = &pair.after else { continue };
            let multiplier = quote.multiplier_per_mille;
            let within = (NO_SURGE_PER_MILLE..=self.cap_per_mille).contains(&multiplier);
            let fresh = match (quote.surge_version, quote.surge_expires_at_ns) {
                (Some(_), Some(expires_at_ns)) => quote.created_at_ns < expires_at_ns,
                (None, None) => multiplier == NO_SURGE_PER_MILLE,
                _ => false,
            };
            let unchanged = pair.before.as_ref().is_none_or(|before| before == quote);
            tally.check(transaction.at, within && fresh && unchanged, || {
                format!(
                    "quote {} of {} ns binds {multiplier} per mille from snapshot {:?}, good until {:?} ns; before: {:?}",
                    quote.id, quote.created_at_ns, quote.surge_version, quote.surge_expires_at_ns, pair.before
                )
            });
        }
    }
}
