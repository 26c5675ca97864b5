//! What must hold of the rows of a platform at rest, whatever it went through.

use std::collections::BTreeMap;

use platform::domain::driver::DriverState;
use platform::domain::ids::TripId;
use platform::domain::ledger::{self, sums_to_zero};
use platform::domain::movement::{MovementKind, MovementState};
use platform::domain::payment::PaymentState;
use platform::domain::schema::{
    Balance, Driver, JournalEntry, Movement, Offer, OutboxEntry, Payment, Trip, TripLogEntry,
};
use platform::domain::trip::{State, replay};
use ports::processor::Operation;

use crate::world::World;

/// Checks everything.
pub fn check(world: &World) {
    trips_follow_from_their_logs(world);
    drivers_and_trips_agree(world);
    books_balance(world);
    money_was_taken_as_owed(world);
    money_was_moved_as_written(world);
}

fn trips_follow_from_their_logs(world: &World) {
    let mut logs: BTreeMap<TripId, Vec<TripLogEntry>> = BTreeMap::new();
    for entry in world.database.all::<TripLogEntry>() {
        logs.entry(entry.trip_id).or_default().push(entry);
    }
    let outbox = world.database.all::<OutboxEntry>();
    assert_eq!(outbox.len(), logs.values().map(Vec::len).sum::<usize>(), "one event for each transition");
    for trip in world.database.all::<Trip>() {
        let log = &logs[&trip.id];
        assert_eq!(replay(log), Some((trip.state, trip.attempt, trip.epoch)), "{trip:?}");
        assert_eq!(log.len() as i64, trip.version);
        let states: Vec<State> =
            outbox.iter().filter(|e| e.trip_id == trip.id).map(|e| e.event().unwrap().state).collect();
        assert_eq!(states, log.iter().map(|entry| entry.after).collect::<Vec<_>>());
    }
}

fn drivers_and_trips_agree(world: &World) {
    let trips: BTreeMap<TripId, Trip> = world.database.all::<Trip>().into_iter().map(|trip| (trip.id, trip)).collect();
    for driver in world.database.all::<Driver>() {
        let Some(trip) = driver.trip_id.map(|trip| &trips[&trip]) else {
            assert!(!driver.state.has_trip() && driver.state != DriverState::Offered, "{driver:?}");
            continue;
        };
        if driver.state.has_trip() {
            assert_eq!(DriverState::on_trip_in(trip.state), Some(driver.state), "{driver:?} {trip:?}");
            assert_eq!((trip.active_driver_id, Some(trip.epoch)), (Some(driver.id), driver.epoch));
        } else {
            assert_eq!((trip.state, trip.offered_driver_id), (State::Offered, Some(driver.id)));
        }
    }
    for trip in trips.values().filter(|trip| trip.state.has_driver()) {
        let bound = world.database.all::<Driver>().into_iter().filter(|driver| driver.trip_id == Some(trip.id)).count();
        assert_eq!(bound, 1, "{trip:?}");
    }
    for offer in world.database.all::<Offer>() {
        let within = offer.accepted_trip_id.is_none() || offer.decided_at_ns.unwrap() < offer.expires_at_ns;
        assert!(within, "accepted after it expired: {offer:?}");
    }
}

fn books_balance(world: &World) {
    let entries = world.database.all::<JournalEntry>();
    let mut journals: BTreeMap<_, Vec<JournalEntry>> = BTreeMap::new();
    for entry in &entries {
        journals.entry((entry.trip_id, entry.kind)).or_default().push(entry.clone());
    }
    assert!(journals.values().all(sums_to_zero));
    assert_eq!(ledger::balance_changes(&entries), world.database.all::<Balance>());
}

/// What the processor gave back and paid out is what the rows say; nothing is given back that was not taken.
fn money_was_moved_as_written(world: &World) {
    let sum = |kind| -> i64 {
        let done = world.database.all::<Movement>().into_iter();
        done.filter(|movement| movement.kind == kind && movement.state == MovementState::Done)
            .map(|movement| movement.amount_minor)
            .sum()
    };
    let (mut refunded_minor, mut paid_out_minor) = (0, 0);
    for operation in world.processor.approved() {
        match operation {
            Operation::Refund { amount_minor, .. } => refunded_minor += amount_minor,
            Operation::PayOut { amount_minor, .. } => paid_out_minor += amount_minor,
            _ => {}
        }
    }
    assert_eq!((sum(MovementKind::Refund), sum(MovementKind::Payout)), (refunded_minor, paid_out_minor));
    let payments = world.database.all::<Payment>();
    assert_eq!(payments.iter().map(|payment| payment.refunded_minor).sum::<i64>(), refunded_minor);
    assert!(payments.iter().all(|payment| payment.refunded_minor <= payment.captured_minor));
}

/// What the processor did is what the rows say, and that is what the trips owe.
fn money_was_taken_as_owed(world: &World) {
    let approved = world.processor.approved();
    let trips: BTreeMap<TripId, Trip> = world.database.all::<Trip>().into_iter().map(|trip| (trip.id, trip)).collect();
    let mut captured_minor = 0;
    let mut rows_minor = 0;
    for operation in &approved {
        if let Operation::Capture { amount_minor, .. } = operation {
            captured_minor += amount_minor;
        }
    }
    for payment in world.database.all::<Payment>() {
        let trip = &trips[&payment.trip_id];
        rows_minor += payment.captured_minor;
        assert!(payment.captured_minor <= payment.authorised_minor);
        if trip.state == State::Settled || (trip.state.is_terminal() && payment.state == PaymentState::Captured) {
            assert_eq!(Some(payment.captured_minor), trip.charge_minor, "{trip:?}");
        }
        if trip.state.is_terminal() {
            assert!(
                matches!(
                    payment.state,
                    PaymentState::Captured | PaymentState::Voided | PaymentState::Failed | PaymentState::None
                ),
                "{payment:?} of a trip that is {:?}",
                trip.state
            );
        }
    }
    assert_eq!(captured_minor, rows_minor, "the processor took what the rows say");
    let count = |wanted: fn(&Operation) -> bool| approved.iter().filter(|operation| wanted(operation)).count();
    let held =
        world.database.all::<Payment>().iter().filter(|payment| payment.state == PaymentState::Authorised).count();
    let authorised = count(|operation| matches!(operation, Operation::Authorise { .. }));
    let ended = count(|operation| matches!(operation, Operation::Capture { .. } | Operation::Void { .. }));
    let failed = world
        .database
        .all::<Payment>()
        .iter()
        .filter(|payment| payment.state == PaymentState::Failed && payment.authorised_minor > 0)
        .count();
    assert_eq!(authorised - ended, held + failed, "no card is held for nothing: {approved:?}");
}
