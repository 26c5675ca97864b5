//! Invariants 10 and 11: to whom a trip may be offered.

use platform::domain::driver::DriverState;
use platform::domain::eligibility::is_fresh;
use platform::domain::schema::Offer;

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OfferedToEligible), Box::new(NeverOfferedAgain)]
}

/// The offers that the transaction makes.
fn made(transaction: &Transaction) -> impl Iterator<Item = &Offer> {
    transaction.offers().filter(|pair| pair.before.is_none()).filter_map(|pair| pair.after.as_ref())
}

/// Invariant 10. Freshness is judged on the clock of whoever made the offer, as the offer says.
struct OfferedToEligible;

impl Oracle for OfferedToEligible {
    fn name(&self) -> &'static str {
        "offered-to-eligible"
    }

    fn statement(&self) -> &'static str {
        "a trip is offered only to a driver who was idle until then and whose location is fresh"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for offer in made(transaction) {
            let driver = transaction.drivers().find(|pair| pair.any().id == offer.driver_id);
            let was = driver.and_then(|pair| pair.before.as_ref()).map(|driver| driver.state);
            let fresh = is_fresh(offer.location_at_ns, offer.offered_at_ns);
            tally.check(transaction.at, was == Some(DriverState::Idle) && fresh, || {
                format!(
                    "trip {} was offered at {} ns to driver {}, who was {was:?} and seen at {} ns",
                    offer.trip_id, offer.offered_at_ns, offer.driver_id, offer.location_at_ns
                )
            });
        }
    }
}

/// Invariant 11.
struct NeverOfferedAgain;

impl Oracle for NeverOfferedAgain {
    fn name(&self) -> &'static str {
        "never-offered-again"
    }

    fn statement(&self) -> &'static str {
        "a driver to whom a trip was offered is not offered it again"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for offer in made(transaction) {
            let Some(dossier) = view.dossier(offer.trip_id) else { continue };
            let same = |other: &&Offer| other.driver_id == offer.driver_id && other.attempt != offer.attempt;
            let before = dossier.offers.iter().find(same);
            tally.check(transaction.at, before.is_none(), || {
                let attempt = before.map(|before| before.attempt);
                format!(
                    "trip {} was offered to driver {} in attempts {attempt:?} and {}",
                    offer.trip_id, offer.driver_id, offer.attempt
                )
            });
        }
    }
}
