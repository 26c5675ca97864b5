//! Offers, refusals, races, and the ends of trips that are not driven.

use std::time::Duration;

use engine::testing::Notes;
use platform::api::ApiError;
use platform::api::error::Rejection;
use platform::api::gateway::Action;
use platform::api::trips::{OfferAnswer, Progress};
use platform::domain::driver::DriverState;
use platform::domain::fare::FareSchedule;
use platform::domain::ids::DriverId;
use platform::domain::offer::OfferStatus;
use platform::domain::payment::PaymentState;
use platform::domain::schema::{Driver, Offer, Payment, TripLogEntry};
use platform::domain::trip::{EventKind, State};
use platform::services::Config;
use ports::processor::Operation;
use runtime::{Time, sleep};

use crate::invariants;
use crate::phones::Phone;
use crate::world::World;

const OFFER_OVER: ApiError = ApiError::Rejected { reason: Rejection::OfferOver };

fn request_one(world: &mut World) {
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        sleep(Duration::from_secs(2)).await;
        rider.request_trip().await;
    });
}

fn payment(world: &World) -> Payment {
    world.database.all::<Payment>().into_iter().next().expect("every trip has a payment")
}

#[test]
fn an_offer_is_not_accepted_after_it_expired_even_if_nobody_ended_it() {
    // No loop comes by to end the offer: only the clock and the row say that it is over.
    let mut world = World::with(1, &[], Config { loop_interval: Duration::from_secs(1_000), ..Config::default() });
    request_one(&mut world);
    let answers = world.noting("driver", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let offer = driver.offer().await;
        runtime::sleep_until(Time(offer.expires_at_ns.cast_unsigned())).await;
        notes.add(driver.answer(offer, OfferAnswer::Accept).await.map(|view| view.state));
    });
    world.run(60);
    assert_eq!(answers.values(), [Err(OFFER_OVER)]);
    assert_eq!(world.database.all::<Offer>()[0].status, OfferStatus::Live);
    invariants::check(&world);
}

#[test]
fn a_driver_who_does_not_answer_loses_the_trip_to_the_next() {
    let mut world = World::new(2);
    request_one(&mut world);
    let answers = world.noting("sleepy", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let offer = driver.offer().await;
        sleep(Duration::from_secs(25)).await;
        notes.add(driver.answer(offer, OfferAnswer::Accept).await.map(|view| view.state));
    });
    world.script("awake", |gateways| async move {
        Phone::driver(&gateways, 2).await.drive_next().await;
    });
    world.run(90);
    assert_eq!(answers.values(), [Err(OFFER_OVER)]);
    let trip = world.only_trip();
    assert_eq!((trip.state, trip.driver_id, trip.attempt), (State::Settled, Some(DriverId(2)), 2));
    let statuses: Vec<OfferStatus> = world.database.all::<Offer>().iter().map(|offer| offer.status).collect();
    assert_eq!(statuses, [OfferStatus::Lapsed, OfferStatus::Accepted]);
    invariants::check(&world);
}

#[test]
fn of_two_phones_that_accept_one_offer_one_gets_it_and_a_twin_of_its_request_the_same_answer() {
    for seed in 0..8 {
        let mut world = World::new(seed);
        request_one(&mut world);
        let answers: Notes<_> = Notes::new();
        for phone in ["old phone", "new phone"] {
            let noted = answers.clone();
            world.script(phone, move |gateways| async move {
                let driver = Phone::driver(&gateways, 1).await;
                let offer = driver.offer().await;
                runtime::sleep_until(Time::from_secs(12)).await;
                let key = ports::IdempotencyKey(if phone == "old phone" { 1 } else { 2 });
                let answer =
                    Action::AnswerOffer { trip: offer.trip, token: offer.token, answer: OfferAnswer::Accept, key };
                // The twins are on their way at the same time, from the same phone.
                let (driver, twin) = (std::rc::Rc::new(driver), answer.clone());
                let second = driver.clone();
                let twin = runtime::spawn(async move { second.trip(twin).await });
                let first = driver.trip(answer).await;
                noted.add((first, twin.await));
            });
        }
        world.run(40);
        let answers = answers.values();
        assert!(answers.iter().all(|(first, twin)| first == twin), "{answers:?}");
        let accepted = answers.iter().filter(|(answer, _)| answer.is_ok()).count();
        let refused = answers.iter().filter(|(answer, _)| *answer == Err(OFFER_OVER)).count();
        assert_eq!((accepted, refused), (1, 1));
        assert_eq!(world.only_trip().epoch, 1);
        invariants::check(&world);
    }
}

#[test]
fn riders_who_want_the_same_driver_do_not_share_one() {
    let mut world = World::new(4);
    for id in 1..=5 {
        world.script(&format!("rider-{id}"), move |gateways| async move {
            let rider = Phone::rider(&gateways, id).await;
            runtime::sleep_until(Time::from_secs(5)).await;
            rider.request_trip().await;
        });
    }
    for id in 1..=2 {
        world.script(&format!("driver-{id}"), move |gateways| async move {
            let driver = Phone::driver(&gateways, id).await;
            loop {
                driver.drive_next().await;
            }
        });
    }
    world.run(180);
    let settled = world.database.all::<platform::domain::schema::Trip>();
    assert_eq!(settled.iter().map(|trip| trip.state).collect::<Vec<_>>(), [State::Settled; 5]);
    invariants::check(&world);
}

#[test]
fn who_declines_is_not_asked_again_and_a_search_without_success_ends() {
    let mut world = World::new(5);
    request_one(&mut world);
    world.script("driver", |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let offer = driver.offer().await;
        driver.answer(offer, OfferAnswer::Decline).await.expect("the offer is live");
    });
    world.run(115);
    assert_eq!(world.only_trip().state, State::Matching);
    world.run(135);
    assert_eq!(world.only_trip().state, State::NoDriversFound);
    assert_eq!(world.database.all::<Offer>().len(), 1);
    assert_eq!(payment(&world).state, PaymentState::Voided);
    assert_eq!(world.database.all::<Driver>()[0].state, DriverState::Idle);
    invariants::check(&world);
}

#[test]
fn cancelling_is_free_within_the_grace_period_and_costs_the_fee_after_it() {
    for (wait_s, state) in [(1, PaymentState::Voided), (130, PaymentState::Captured)] {
        let mut world = World::new(6);
        world.script("driver", |gateways| async move {
            Phone::driver(&gateways, 1).await.accept_next().await;
        });
        world.script("rider", move |gateways| async move {
            let rider = Phone::rider(&gateways, 1).await;
            sleep(Duration::from_secs(2)).await;
            let trip = rider.request_trip().await.id;
            rider.wait_for(trip, State::Accepted).await;
            sleep(Duration::from_secs(wait_s)).await;
            let view = rider.trip(Action::CancelTrip { trip, key: rider.key() }).await.expect("it has not begun");
            assert_eq!(view.state, State::CancelledByRider);
        });
        world.run(200);
        assert_eq!(payment(&world).state, state);
        let fee = FareSchedule::NEW_YORK.cancellation_fee(i64::MAX).charge_minor;
        let charge = (state == PaymentState::Captured).then_some(fee);
        assert_eq!(world.only_trip().charge_minor, charge);
        assert_eq!(world.database.all::<Driver>()[0].state, DriverState::Idle);
        invariants::check(&world);
    }
}

#[test]
fn a_rider_counts_as_not_coming_only_after_five_minutes() {
    let mut world = World::new(7);
    request_one(&mut world);
    let answers = world.noting("driver", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let (trip, assignment) = driver.accept_next().await;
        for progress in [Progress::Departed, Progress::Arrived] {
            driver.advance(trip, assignment, progress).await.expect("the next step of a trip");
        }
        for _ in 0..2 {
            let answer = driver.advance(trip, assignment, Progress::RiderDidNotShow).await;
            notes.add(answer.map(|view| view.state));
            sleep(Duration::from_secs(301)).await;
        }
    });
    world.run(330);
    let too_early = ApiError::Rejected { reason: Rejection::IllegalTransition };
    assert_eq!(answers.values(), [Err(too_early), Ok(State::NoShow)]);
    assert_eq!(payment(&world).state, PaymentState::Captured);
    invariants::check(&world);
}

#[test]
fn a_driver_who_falls_silent_loses_the_trip_and_one_who_cancels_gives_it_back() {
    for silent in [true, false] {
        let mut world = World::new(8);
        request_one(&mut world);
        let first = world.script("first", move |gateways| async move {
            let driver = Phone::driver(&gateways, 1).await;
            let (trip, assignment) = driver.accept_next().await;
            driver.advance(trip, assignment, Progress::Departed).await.expect("the driver goes");
            sleep(Duration::from_secs(10)).await;
            if !silent {
                driver.trip(Action::CancelTrip { trip, key: driver.key() }).await.expect("it has not begun");
            }
        });
        world.script("second", |gateways| async move {
            runtime::sleep_until(Time::from_secs(30)).await;
            Phone::driver(&gateways, 2).await.drive_next().await;
        });
        if silent {
            world.engine.control().at(Time::from_secs(20), move |control| control.crash(first, None));
        }
        world.run(150);
        let trip = world.only_trip();
        assert_eq!((trip.state, trip.driver_id, trip.epoch), (State::Settled, Some(DriverId(2)), 2));
        let left = if silent { DriverState::Offline } else { DriverState::Idle };
        assert_eq!(world.database.all::<Driver>()[0].state, left);
        let events: Vec<TripLogEntry> = world.database.all();
        let lost = events.iter().find(|entry| entry.event == EventKind::Reassigned).expect("it was reassigned");
        // The last ping came up to 4 s before the phone fell silent, and a look comes every 10 s.
        assert!(!silent || (46..65).contains(&(lost.at_ns / 1_000_000_000)), "{lost:?}");
        invariants::check(&world);
    }
}

#[test]
fn a_driver_whose_pings_arrive_is_not_lost_with_the_replica_that_knew_of_them() {
    let mut world = World::new(9);
    request_one(&mut world);
    world.script("driver", |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let (trip, assignment) = driver.accept_next().await;
        driver.advance(trip, assignment, Progress::Departed).await.expect("the driver goes");
    });
    let geo = world.replicas[&platform::deploy::Service::Geo].clone();
    let control = world.engine.control();
    for (at_s, victim) in (40..200).step_by(20).zip(geo.into_iter().cycle()) {
        control.at(Time::from_secs(at_s), move |control| control.crash(victim, Some(Duration::from_secs(8))));
    }
    world.run(220);
    assert_eq!(world.only_trip().state, State::EnRoutePickup);
}

#[test]
fn a_trip_whose_card_is_declined_ends_before_anybody_drives() {
    let mut world = World::new(10);
    world.processor.decline_cards();
    request_one(&mut world);
    world.run(30);
    assert_eq!(world.only_trip().state, State::CancelledBySystem);
    assert_eq!(payment(&world).state, PaymentState::Failed);
    let approved: Vec<Operation> = world.processor.approved();
    assert_eq!(approved, []);
    invariants::check(&world);
}
