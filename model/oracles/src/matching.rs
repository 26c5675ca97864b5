//! Invariants 10 and 11: to whom a trip may be offered, and in which vehicle that driver may be on duty.

use platform::domain::driver::DriverState;
use platform::domain::eligibility;
use platform::domain::schema::{Driver, Offer, Trip};

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OfferedToEligible), Box::new(OnDutyAsCleared), Box::new(NeverOfferedAgain)]
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
        "a trip is offered only to a driver who was idle until then, whose location is fresh, and whose vehicle is in order and of the class asked for"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for offer in made(transaction) {
            let driver = transaction.drivers().find(|pair| pair.any().id == offer.driver_id);
            let driver = driver.and_then(|pair| pair.before.as_ref());
            let was = driver.map(|driver| driver.state);
            let fresh = eligibility::is_fresh(offer.location_at_ns, offer.offered_at_ns);
            let trip = view.dossier(offer.trip_id).and_then(|dossier| dossier.trip.as_ref());
            let in_order = driver.is_none_or(|driver| is_in_order(driver, trip, offer.offered_at_ns));
            tally.check(transaction.at, was == Some(DriverState::Idle) && fresh && in_order, || {
                let vehicle = driver.map(|driver| (driver.vehicle_id, driver.vehicle_class, driver.cleared_until_ns));
                format!(
                    "trip {} was offered at {} ns to driver {}, who was {was:?} in {vehicle:?} and seen at {} ns",
                    offer.trip_id, offer.offered_at_ns, offer.driver_id, offer.location_at_ns
                )
            });
        }
    }
}

/// Whether the driver's vehicle was cleared at that time and will do for the trip.
fn is_in_order(driver: &Driver, trip: Option<&Trip>, at_ns: i64) -> bool {
    let wanted = trip.and_then(|trip| trip.vehicle_class);
    eligibility::is_cleared(driver, at_ns) && driver.vehicle_class.is_some_and(|class| class.serves(wanted))
}

/// What invariant 10 rests on. Nothing is said of a vehicle whose registration was lost in a recovery: that was reported as such.
struct OnDutyAsCleared;

impl Oracle for OnDutyAsCleared {
    fn name(&self) -> &'static str {
        "on-duty-as-cleared"
    }

    fn statement(&self) -> &'static str {
        "a driver on duty drives a registered vehicle, alone, as what it is registered and for as long as its papers are in force"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for pair in transaction.drivers() {
            let Some(driver) = pair.after.as_ref().filter(|driver| driver.state != DriverState::Offline) else {
                continue;
            };
            let vehicle = |driver: &Driver| (driver.vehicle_id, driver.vehicle_class, driver.cleared_until_ns);
            if pair.before.as_ref().map(vehicle) == Some(vehicle(driver)) {
                continue;
            }
            let registered = driver.vehicle_id.and_then(|id| view.vehicle(id));
            let as_registered = match registered {
                Some(known) => {
                    let (class, until_ns) = (Some(known.class), Some(known.cleared_until_ns()));
                    // Papers are only ever renewed: the service may know of newer ones already.
                    class == driver.vehicle_class
                        && driver.cleared_until_ns.is_some()
                        && driver.cleared_until_ns <= until_ns
                }
                None => view.has_losses(),
            };
            let others = driver.vehicle_id.map_or(0, |id| view.drivers_on_duty_in(id).len());
            tally.check(transaction.at, as_registered && others == 1, || {
                format!(
                    "driver {} is {:?} in {:?}, which is registered as {registered:?} and has {others} drivers on duty",
                    driver.id,
                    driver.state,
                    vehicle(driver)
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
