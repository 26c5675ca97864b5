//! Invariants 1, 2, 3, 4, 5, 8 and 9: whom a trip binds, and how it moves from state to state.

use std::collections::BTreeSet;

use platform::domain::driver::DriverState;
use platform::domain::ids::{DriverId, TripId};
use platform::domain::trip::{EventKind, replay};

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(DriverInOneActiveTrip),
        Box::new(OneDriverPerEpoch),
        Box::new(TripAndDriverAgree),
        Box::new(ListedTransitionsOnly),
        Box::new(TerminalStatesAbsorb),
        Box::new(StaleEpochsRejected),
        Box::new(RiderInOneActiveTrip),
    ]
}

/// Invariant 1.
struct DriverInOneActiveTrip;

impl Oracle for DriverInOneActiveTrip {
    fn name(&self) -> &'static str {
        "driver-in-one-active-trip"
    }

    fn statement(&self) -> &'static str {
        "a driver is in at most one active trip"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for trip in transaction.trips().filter_map(|pair| pair.after.as_ref()).filter(|trip| trip.state.has_driver()) {
            let Some(driver) = trip.driver_id else { continue };
            let trips = view.active_trips_of_driver(driver);
            tally.check(transaction.at, trips.len() <= 1, || {
                format!("driver {driver} is in the active trips {trips:?}")
            });
        }
    }
}

/// Invariant 2.
struct OneDriverPerEpoch;

impl Oracle for OneDriverPerEpoch {
    fn name(&self) -> &'static str {
        "one-driver-per-epoch"
    }

    fn statement(&self) -> &'static str {
        "a trip has at most one driver in each epoch, and epochs only increase"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.trips() {
            let (Some(before), Some(after)) = (&pair.before, &pair.after) else { continue };
            tally.check(transaction.at, after.epoch >= before.epoch, || {
                format!("trip {} went back from epoch {} to {}", after.id, before.epoch, after.epoch)
            });
            let assigned = after.driver_id.is_some() && after.driver_id != before.driver_id;
            if assigned {
                tally.check(transaction.at, after.epoch > before.epoch, || {
                    format!("trip {} got driver {:?} within epoch {}", after.id, after.driver_id, before.epoch)
                });
            }
        }
    }
}

/// Invariant 3. Where a driver is in two active trips, one record cannot agree with both: that is invariant 1's to say.
struct TripAndDriverAgree;

impl Oracle for TripAndDriverAgree {
    fn name(&self) -> &'static str {
        "trip-and-driver-agree"
    }

    fn statement(&self) -> &'static str {
        "at every commit, an active trip and the record of its driver name each other, with one epoch and matching states"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let mut trips: BTreeSet<TripId> = transaction.trips().map(|pair| pair.any().id).collect();
        for pair in transaction.drivers() {
            trips.extend(view.active_trips_of_driver(pair.any().id));
            trips.extend([&pair.before, &pair.after].into_iter().flatten().filter_map(|driver| driver.trip_id));
        }
        for trip in trips {
            check_agreement(trip, transaction, view, tally);
        }
    }
}

fn check_agreement(id: TripId, transaction: &Transaction, view: &View, tally: &mut Tally) {
    let trip = view.dossier(id).and_then(|dossier| dossier.trip.as_ref());
    let bound: &BTreeSet<DriverId> = view.drivers_bound_to(id);
    let assigned =
        trip.filter(|trip| trip.state.has_driver()).and_then(|trip| trip.driver_id.map(|driver| (trip, driver)));
    let Some((trip, driver)) = assigned else {
        let forgotten = trip.is_none() && bound.is_empty();
        if !forgotten {
            tally.check(transaction.at, bound.is_empty(), || {
                format!("drivers {bound:?} are bound to trip {id}, which has none: {:?}", trip.map(|trip| trip.state))
            });
        }
        return;
    };
    if view.active_trips_of_driver(driver).len() > 1 {
        return;
    }
    let agrees = bound.len() == 1
        && view.driver(driver).is_some_and(|record| {
            record.trip_id == Some(id)
                && record.epoch == Some(trip.epoch)
                && Some(record.state) == DriverState::on_trip_in(trip.state)
        });
    tally.check(transaction.at, agrees, || {
        let record = view.driver(driver).map(|record| (record.state, record.trip_id, record.epoch));
        format!(
            "trip {id} is {:?} with driver {driver} in epoch {}, whose record says {record:?}; bound to it: {bound:?}",
            trip.state, trip.epoch
        )
    });
}

/// Invariant 4.
struct ListedTransitionsOnly;

impl Oracle for ListedTransitionsOnly {
    fn name(&self) -> &'static str {
        "listed-transitions-only"
    }

    fn statement(&self) -> &'static str {
        "a trip takes only listed transitions, and replaying its log gives its stored state"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let trips: BTreeSet<TripId> = transaction
            .trips()
            .map(|pair| pair.any().id)
            .chain(transaction.log_entries().map(|pair| pair.any().trip_id))
            .collect();
        for id in trips {
            let Some(dossier) = view.dossier(id).filter(|dossier| dossier.whole) else { continue };
            let Some(trip) = &dossier.trip else { continue };
            let stored = (trip.state, trip.attempt, trip.epoch);
            let replayed = replay(&dossier.log);
            let as_long = usize::try_from(trip.version) == Ok(dossier.log.len());
            tally.check(transaction.at, replayed == Some(stored) && as_long, || {
                let steps: Vec<_> = dossier.log.iter().map(|entry| (entry.version, entry.event)).collect();
                format!("trip {id} is {stored:?} at version {}, its log gives {replayed:?}: {steps:?}", trip.version)
            });
        }
    }
}

/// Invariant 5.
struct TerminalStatesAbsorb;

impl Oracle for TerminalStatesAbsorb {
    fn name(&self) -> &'static str {
        "terminal-states-absorb"
    }

    fn statement(&self) -> &'static str {
        "nothing about a trip changes once it has ended"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.trips() {
            let (Some(before), Some(after)) = (&pair.before, &pair.after) else { continue };
            tally.check(transaction.at, !before.state.is_terminal() || before == after, || {
                format!("trip {} had ended {:?} and became {after:?}", before.id, before.state)
            });
        }
    }
}

/// Invariant 8.
struct StaleEpochsRejected;

impl StaleEpochsRejected {
    /// Whether only the trip's own driver can raise the event.
    fn is_drivers(event: EventKind) -> bool {
        use EventKind::{
            DriverArrived, DriverCancelled, DriverDeparted, DroppedOff, PickedUp, Reassigned, RiderDidNotShow,
        };
        matches!(
            event,
            DriverDeparted | DriverArrived | PickedUp | DroppedOff | Reassigned | DriverCancelled | RiderDidNotShow
        )
    }
}

impl Oracle for StaleEpochsRejected {
    fn name(&self) -> &'static str {
        "stale-epochs-rejected"
    }

    fn statement(&self) -> &'static str {
        "what a driver does to a trip is heard only under the trip's newest assignment"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for entry in transaction.log_entries().filter_map(|pair| pair.after.as_ref()) {
            let Some(dossier) = view.dossier(entry.trip_id).filter(|dossier| dossier.whole) else { continue };
            if !Self::is_drivers(entry.event) {
                continue;
            }
            let assigned = dossier.assignment_before(entry.version);
            let claimed = entry.driver_id.map(|driver| (driver, entry.epoch));
            tally.check(transaction.at, claimed.is_some() && claimed == assigned, || {
                format!(
                    "{:?} of trip {} was taken from {claimed:?}, assigned was {assigned:?}",
                    entry.event, entry.trip_id
                )
            });
        }
    }
}

/// Invariant 9.
struct RiderInOneActiveTrip;

impl Oracle for RiderInOneActiveTrip {
    fn name(&self) -> &'static str {
        "rider-in-one-active-trip"
    }

    fn statement(&self) -> &'static str {
        "a rider is in at most one active trip"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for trip in transaction.trips().filter_map(|pair| pair.after.as_ref()).filter(|trip| trip.state.is_active()) {
            let trips = view.active_trips_of_rider(trip.rider_id);
            tally.check(transaction.at, trips.len() <= 1, || {
                format!("rider {} is in the active trips {trips:?}", trip.rider_id)
            });
        }
    }
}
