//! One trip, from sign-in to settlement.

use platform::api::ApiError;
use platform::api::error::Rejection;
use platform::api::gateway::{Action, Response};
use platform::api::users::SignIn;
use platform::domain::ids::RiderId;
use platform::domain::payment::PaymentState;
use platform::domain::schema::TripLogEntry;
use platform::domain::schema::{Payment, Trip};
use platform::domain::session::Caller;
use platform::domain::trip::{EventKind, State};

use crate::invariants;
use crate::phones::Phone;
use crate::world::World;

#[test]
fn a_trip_from_sign_in_to_settlement() {
    let mut world = World::new(1);
    world.script("driver", |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        driver.drive_next().await;
    });
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        let trip = rider.request_trip().await;
        assert_eq!(trip.state, State::Requested);
        rider.wait_for(trip.id, State::Settled).await;
    });
    world.run(60);
    let trips = world.database.all::<Trip>();
    assert_eq!(trips.iter().map(|trip| (trip.state, trip.epoch)).collect::<Vec<_>>(), [(State::Settled, 1)]);
    assert_eq!(world.database.all::<Payment>()[0].state, PaymentState::Captured);
    let events: Vec<EventKind> = world.database.all::<TripLogEntry>().iter().map(|entry| entry.event).collect();
    assert_eq!(
        events,
        [
            EventKind::Requested,
            EventKind::MatchingBegan,
            EventKind::OfferMade,
            EventKind::OfferAccepted,
            EventKind::DriverDeparted,
            EventKind::DriverArrived,
            EventKind::PickedUp,
            EventKind::DroppedOff,
            EventKind::PaymentBegan,
            EventKind::PaymentCaptured,
        ]
    );
    invariants::check(&world);
}

#[test]
fn the_same_key_gets_the_same_answer_and_has_one_effect() {
    let mut world = World::new(2);
    let answers = world.noting("rider", |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        let (first, second) = (rider.quote().await.id, rider.quote().await.id);
        let key = rider.key();
        for quote in [first, first, second] {
            notes.add(rider.trip(Action::RequestTrip { quote, key }).await);
        }
        let other = Action::RequestTrip { quote: second, key: rider.key() };
        notes.add(rider.trip(other).await);
    });
    world.run(20);
    let answers = answers.values();
    assert!(answers[0].is_ok());
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[2], Err(ApiError::Rejected { reason: Rejection::KeyReused }));
    assert_eq!(answers[3], Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip }));
    assert_eq!(world.database.all::<Trip>().len(), 1);
    invariants::check(&world);
}

#[test]
fn nobody_gets_in_with_another_secret_or_sees_a_stranger_s_trip() {
    let mut world = World::new(3);
    let answers = world.noting("riders", |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        let stranger = Phone::rider(&gateways, 2).await;
        let trip = rider.request_trip().await.id;
        let forged = SignIn { caller: Caller::Rider(RiderId(1)), secret: 43, organisation: None, number: None };
        let driving = Action::GoOffDuty;
        for action in [Action::SignIn(forged), Action::TripStatus { trip }, driving] {
            notes.add(stranger.ask(action).await);
        }
        let cancel = Action::CancelTrip { trip, key: stranger.key() };
        notes.add(stranger.ask(cancel).await);
        notes.add(rider.ask(Action::TripStatus { trip }).await);
    });
    world.run(20);
    let answers = answers.values();
    let not_allowed = ApiError::Rejected { reason: Rejection::NotAllowed };
    let refused = [ApiError::Unauthenticated, ApiError::NotFound, not_allowed, ApiError::NotFound];
    assert_eq!(answers[..4], refused.map(Err));
    assert!(matches!(&answers[4], Ok(Response::Trip(trip)) if trip.state.is_active()));
}
