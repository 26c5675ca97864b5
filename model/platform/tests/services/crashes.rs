//! Processes die, answers do not come, commits are in doubt: the trip is driven all the same, and paid for once.

use std::time::Duration;

use platform::api::ApiError;
use platform::api::gateway::Action;
use platform::domain::payment::PaymentState;
use platform::domain::schema::{Payment, Trip};
use platform::domain::trip::State;
use platform::services::Config;
use ports::processor::Operation;
use runtime::Time;

use crate::invariants;
use crate::phones::Phone;
use crate::processor::Weather;
use crate::world::World;

/// As many trips as riders, with as many drivers.
fn trips(world: &mut World, riders: i64) {
    for id in 1..=riders {
        world.script(&format!("driver-{id}"), move |gateways| async move {
            Phone::driver(&gateways, id).await.drive_next().await;
        });
        world.script(&format!("rider-{id}"), move |gateways| async move {
            let rider = Phone::rider(&gateways, id).await;
            runtime::sleep(Duration::from_millis(1_500)).await;
            let trip = rider.request_trip().await.id;
            rider.wait_for(trip, State::Settled).await;
        });
    }
}

fn captures(world: &World) -> usize {
    world.processor.approved().iter().filter(|operation| matches!(operation, Operation::Capture { .. })).count()
}

fn all_settled(world: &World, trips: usize) {
    let states: Vec<State> = world.database.all::<Trip>().iter().map(|trip| trip.state).collect();
    assert_eq!(states, vec![State::Settled; trips]);
    assert_eq!(captures(world), trips, "each trip was captured once");
    invariants::check(world);
}

#[test]
fn a_crash_at_any_fault_point_neither_loses_nor_doubles_anything() {
    for point in ["payments.after_authorise", "payments.after_capture", "trips.after_commit", "matching.after_offer"] {
        for seed in 0..4 {
            let mut world = World::with(seed, &[point], Config::default());
            trips(&mut world, 1);
            let crashed = std::rc::Rc::new(std::cell::Cell::new(false));
            watch_for_crash(&mut world, crashed.clone());
            world.supervise(120);
            world.run(120);
            assert!(crashed.get(), "{point} was reached");
            all_settled(&world, 1);
        }
    }
}

#[test]
fn a_trip_that_nobody_asks_about_again_is_not_forgotten() {
    let mut world = World::with(12, &["trips.after_commit"], Config::default());
    world.script("driver", |gateways| async move {
        Phone::driver(&gateways, 1).await.drive_next().await;
    });
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        let quote = rider.quote().await.id;
        let answer = rider.attempt_with(&Action::RequestTrip { quote, key: rider.key() }, 0).await;
        assert_eq!(answer, Err(ApiError::OutcomeUnknown));
    });
    world.run(60);
    all_settled(&world, 1);
}

/// Notes whether any service is down at any twentieth of a second.
fn watch_for_crash(world: &mut World, crashed: std::rc::Rc<std::cell::Cell<bool>>) {
    let processes: Vec<_> = world.replicas.values().flatten().copied().collect();
    let control = world.engine.control();
    for tick in 1..1_200 {
        let (processes, crashed) = (processes.clone(), crashed.clone());
        control.at(Time(tick * 50_000_000), move |control| {
            let down = processes.iter().any(|process| !control.is_running(*process));
            crashed.set(crashed.get() || down);
        });
    }
}

#[test]
fn what_the_processor_does_not_say_is_asked_and_not_done_twice() {
    for weather in [Weather::NoAnswers, Weather::Lost, Weather::Unreachable] {
        let mut world = World::new(5);
        trips(&mut world, 2);
        let processor = world.processor.clone();
        let control = world.engine.control();
        // From after the authorisation until long after the drop-off.
        control.at(Time::from_secs(8), move |_| processor.set_weather(weather));
        world.run(60);
        let expected = match weather {
            Weather::Unreachable => PaymentState::CapturePending,
            _ => PaymentState::CaptureUnknown,
        };
        let states: Vec<PaymentState> = world.database.all::<Payment>().iter().map(|payment| payment.state).collect();
        assert_eq!(states, [expected; 2]);
        world.processor.set_weather(Weather::Fair);
        world.run(120);
        all_settled(&world, 2);
    }
}

#[test]
fn a_rider_is_driven_while_the_processor_is_away() {
    for weather in [Weather::NoAnswers, Weather::Lost, Weather::Unreachable] {
        let mut world = World::new(6);
        world.processor.set_weather(weather);
        trips(&mut world, 1);
        world.run(60);
        assert_eq!(world.only_trip().state, State::PaymentPending);
        world.processor.set_weather(Weather::Fair);
        world.run(120);
        all_settled(&world, 1);
    }
}

#[test]
fn a_card_whose_authorisation_was_lost_is_asked_again_while_the_rider_still_waits() {
    let mut world = World::new(7);
    world.processor.set_weather(Weather::Lost);
    world.script("rider", |gateways| async move {
        Phone::rider(&gateways, 1).await.request_trip().await;
    });
    let processor = world.processor.clone();
    world.engine.control().at(Time::from_secs(15), move |_| processor.set_weather(Weather::Fair));
    world.run(60);
    assert_eq!(world.only_trip().state, State::Matching);
    assert_eq!(world.database.all::<Payment>()[0].state, PaymentState::Authorised);
    invariants::check(&world);
}

#[test]
fn commits_in_doubt_are_read_back() {
    for (seed, every) in [(1, 3), (2, 5), (3, 7), (4, 11)] {
        let mut world = World::new(seed);
        world.database.doubt(every);
        trips(&mut world, 3);
        world.run(300);
        all_settled(&world, 3);
    }
}

#[test]
fn a_database_that_is_away_for_a_minute_costs_a_minute() {
    let mut world = World::new(8);
    trips(&mut world, 3);
    let database = world.database.clone();
    world.engine.control().at(Time::from_secs(4), move |_| database.down_until(Time::from_secs(64)));
    world.run(63);
    assert!(world.database.all::<Trip>().iter().all(|trip| trip.state != State::Settled));
    world.run(150);
    all_settled(&world, 3);
}

#[test]
fn any_replica_may_die_at_any_time() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        trips(&mut world, 3);
        let processes: Vec<_> = world.replicas.values().flatten().copied().collect();
        let control = world.engine.control();
        for turn in 0..80u64 {
            let victim = processes[(runtime::random::mix(seed, turn) % processes.len() as u64) as usize];
            control.at(Time(1_000_000_000 + turn * 613_000_000), move |control| {
                control.crash(victim, Some(Duration::from_millis(900)));
            });
        }
        world.run(400);
        all_settled(&world, 3);
    }
}

#[test]
fn a_zone_without_power_is_left_alone() {
    let mut world = World::new(9);
    trips(&mut world, 3);
    let slow = world.noting("waiting", move |mut gateways, notes| async move {
        gateways.remove(1); // what stands between phones and gateways knows that it is gone
        let driver = Phone::driver(&gateways, 9).await;
        runtime::sleep_until(Time::from_secs(8)).await;
        let mut slow = 0;
        for _ in 0..60 {
            let asked_at = runtime::now();
            driver.ask(Action::PollOffer).await.expect("the driver is on duty");
            slow += u32::from(runtime::now().since(asked_at) > Duration::from_millis(900));
            runtime::sleep(Duration::from_millis(300)).await;
        }
        notes.add(slow);
    });
    let control = world.engine.control();
    let hosts = control.hosts().into_iter().filter(|(_, host)| host.zone == "b").map(|(id, _)| id);
    for host in hosts {
        control.at(Time::from_secs(6), move |control| control.power_off(host));
    }
    world.run(180);
    let settled = world.database.all::<Trip>().iter().filter(|trip| trip.state == State::Settled).count();
    assert_eq!(settled, 3);
    // Each of the two gateways finds out once, or twice if it had a request on the way. Were nobody ejected, it would be 20.
    assert!(slow.values().iter().all(|slow| *slow <= 4) && !slow.values().is_empty(), "{:?}", slow.values());
}
