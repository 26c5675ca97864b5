//! Exhaustive over states and events, and random walks over the machine.

use proptest::prelude::*;

use super::*;
use crate::domain::ids::{QuoteId, RiderId, TripId};

const FARE: Fare =
    Fare { charge_minor: 1_000, driver_pay_minor: 700, commission_minor: 200, tax_minor: 80, tolls_minor: 20 };

pub(crate) fn quoted() -> Trip {
    Trip {
        id: TripId(1),
        rider_id: RiderId(2),
        active_rider_id: None,
        quote_id: QuoteId(3),
        state: State::Quoted,
        version: 0,
        attempt: 0,
        epoch: 0,
        offered_driver_id: None,
        driver_id: None,
        active_driver_id: None,
        pickup_latitude_microdegrees: 0,
        pickup_longitude_microdegrees: 0,
        dropoff_latitude_microdegrees: 0,
        dropoff_longitude_microdegrees: 0,
        multiplier_per_mille: 1_000,
        quoted_tolls_minor: 0,
        ceiling_minor: 10_000,
        estimated_distance_m: 1,
        estimated_duration_s: 2,
        free_flow_duration_s: 1,
        vehicle_class: None,
        requested_at_ns: 0,
        searching_since_ns: None,
        updated_at_ns: 0,
        picked_up_at_ns: None,
        dropped_off_at_ns: None,
        ending: None,
        distance_m: None,
        duration_s: None,
        charge_minor: None,
        driver_pay_minor: None,
        commission_minor: None,
        tax_minor: None,
        tolls_minor: None,
    }
}

/// The event of this kind that the trip would accept if it is listed.
fn event(kind: EventKind, trip: &Trip, new_driver: DriverId) -> Event {
    let by = Assignment { driver: trip.driver_id.unwrap_or(new_driver), epoch: trip.epoch };
    let offered = trip.offered_driver_id.unwrap_or(new_driver);
    match kind {
        EventKind::Requested => Event::Requested,
        EventKind::QuoteLapsed => Event::QuoteLapsed,
        EventKind::MatchingBegan => Event::MatchingBegan,
        EventKind::OfferMade => Event::OfferMade { driver: new_driver },
        EventKind::OfferRefused => Event::OfferRefused { driver: offered },
        EventKind::OfferAccepted => Event::OfferAccepted { driver: offered },
        EventKind::DriverDeparted => Event::DriverDeparted(by),
        EventKind::DriverArrived => Event::DriverArrived(by),
        EventKind::PickedUp => Event::PickedUp(by),
        EventKind::DroppedOff => {
            Event::DroppedOff { assignment: by, drive: Drive { distance_m: 1, duration_s: 2 }, fare: FARE }
        }
        EventKind::PaymentBegan => Event::PaymentBegan,
        EventKind::PaymentCaptured => Event::PaymentCaptured,
        EventKind::PaymentFailed => Event::PaymentFailed,
        EventKind::WrittenToArrears => Event::WrittenToArrears,
        EventKind::Reassigned => Event::Reassigned(by),
        EventKind::RiderCancelled => Event::RiderCancelled,
        EventKind::DriverCancelled => Event::DriverCancelled(by),
        EventKind::SystemCancelled => Event::SystemCancelled,
        EventKind::SearchEnded => Event::SearchEnded,
        EventKind::RiderDidNotShow => Event::RiderDidNotShow(by),
    }
}

/// A trip that was led from its quote to this state by the shortest way.
fn trip_in(state: State) -> Trip {
    let mut reached = vec![quoted()];
    for at in 0.. {
        let trip = reached.get(at).unwrap_or_else(|| panic!("{state:?} cannot be reached")).clone();
        if trip.state == state {
            return trip;
        }
        for &kind in EventKind::ALL {
            let mut next = trip.clone();
            let event = event(kind, &trip, DriverId(9));
            if next.apply(event, 7).is_ok() && reached.iter().all(|seen| seen.state != next.state) {
                reached.push(next);
            }
        }
    }
    unreachable!("the loop ends by returning")
}

#[test]
fn every_pair_of_state_and_event_does_what_the_table_says() {
    for &state in State::ALL {
        let trip = trip_in(state);
        for &kind in EventKind::ALL {
            let mut next = trip.clone();
            let result = next.apply(event(kind, &trip, DriverId(9)), 8);
            let listed: Vec<State> =
                TRANSITIONS.iter().filter(|row| (row.0, row.1) == (state, kind)).map(|row| row.2).collect();
            assert!(listed.len() <= 1, "{state:?} on {kind:?} is listed twice");
            match listed.first() {
                Some(&after) => {
                    let entry = result.unwrap_or_else(|error| panic!("{state:?} on {kind:?}: {error}"));
                    assert_eq!((entry.before, entry.event, entry.after, next.state), (state, kind, after, after));
                    assert_eq!(next.version, trip.version + 1);
                }
                None => {
                    assert_eq!(result, Err(IllegalTransition::NotListed { state, event: kind }));
                    assert_eq!(next, trip);
                }
            }
        }
    }
}

#[test]
fn terminal_states_are_these() {
    let terminal: Vec<State> = State::ALL.iter().copied().filter(|state| state.is_terminal()).collect();
    use State::*;
    assert_eq!(
        terminal,
        [
            Settled,
            Arrears,
            CancelledByRider,
            CancelledByDriver,
            CancelledBySystem,
            NoDriversFound,
            NoShow,
            QuoteExpired
        ]
    );
    assert!(terminal.iter().all(|state| !state.is_active()));
}

#[test]
fn a_driver_of_an_older_epoch_is_not_heard() {
    let mut trip = trip_in(State::EnRoutePickup);
    let old = trip.assignment().unwrap();
    trip.apply(Event::Reassigned(old), 1).unwrap();
    assert_eq!((trip.attempt, trip.driver_id, trip.active_driver_id), (2, None, None));
    // The same driver must not be heard even if, against the rule of exclusion, the trip came back to the same driver.
    trip.apply(Event::OfferMade { driver: old.driver }, 2).unwrap();
    trip.apply(Event::OfferAccepted { driver: old.driver }, 3).unwrap();
    trip.apply(Event::DriverDeparted(Assignment { epoch: 2, ..old }), 4).unwrap();
    let stale = trip.apply(Event::DriverArrived(old), 5);
    assert_eq!(stale, Err(IllegalTransition::Stale { stale: old, current: 2 }));
}

#[test]
fn only_the_driver_who_was_asked_may_accept() {
    let mut trip = trip_in(State::Offered);
    let other = DriverId(10);
    let refused = trip.apply(Event::OfferAccepted { driver: other }, 1);
    assert_eq!(refused, Err(IllegalTransition::NotOffered { driver: other, offered: Some(DriverId(9)) }));
}

#[test]
fn a_log_without_one_of_its_rounds_does_not_replay() {
    let mut trip = quoted();
    let mut log = vec![trip.apply(Event::Requested, 1).unwrap(), trip.apply(Event::MatchingBegan, 2).unwrap()];
    for driver in [DriverId(1), DriverId(2)] {
        log.push(trip.apply(Event::OfferMade { driver }, 3).unwrap());
        log.push(trip.apply(Event::OfferRefused { driver }, 4).unwrap());
    }
    assert_eq!(replay(&log), Some((State::Matching, 3, 0)));
    // What is left leads from state to state without a gap: only the versions tell.
    log.drain(2..4);
    assert_eq!(replay(&log), None);
}

proptest! {
    #[test]
    fn any_walk_leaves_a_log_that_replays_to_the_row(
        steps in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.8)), 1..200),
    ) {
        let mut trip = quoted();
        let mut log = Vec::new();
        for (step, (choice, listed)) in steps.into_iter().enumerate() {
            let (before, driver) = (trip.clone(), DriverId(100 + step as i64));
            // Walks of any events at all would rarely get far: mostly, take one that the table lists.
            let mut kinds: Vec<EventKind> = EventKind::ALL.to_vec();
            if listed && !trip.state.is_terminal() {
                kinds.retain(|kind| trip.state.after(*kind).is_some());
            }
            match trip.apply(event(*choice.get(&kinds), &before, driver), step as i64) {
                Ok(entry) => log.push(entry),
                Err(_) => prop_assert_eq!(&trip, &before),
            }
            prop_assert!(trip.epoch >= before.epoch && trip.attempt >= before.attempt);
            prop_assert!(!before.state.is_terminal() || trip == before);
            prop_assert_eq!(trip.active_rider_id.is_some(), trip.state.is_active());
            prop_assert_eq!(trip.offered_driver_id.is_some(), trip.state == State::Offered);
            if !log.is_empty() {
                prop_assert_eq!(replay(&log), Some((trip.state, trip.attempt, trip.epoch)));
            }
        }
        if log.len() > 1 {
            log.remove((log.len() - 1) / 2);
            prop_assert_eq!(replay(&log), None, "a log with a hole");
        }
    }
}
