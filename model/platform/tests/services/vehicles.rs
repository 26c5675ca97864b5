//! Vehicles: who may go on duty in which, and who rides in them.

use platform::api::ApiError;
use platform::api::error::Rejection;
use platform::api::gateway::{Action, Response};
use platform::deploy::Service;
use platform::domain::ids::{DriverId, OrganisationId, VehicleId};
use platform::domain::schema::{Driver, Trip, Vehicle};
use platform::domain::trip::State;
use platform::domain::vehicle::{Papers, VehicleClass};

use crate::invariants;
use crate::phones::{Phone, papers};
use crate::world::World;

fn rejected(reason: Rejection) -> Result<Response, ApiError> {
    Err(ApiError::Rejected { reason })
}

#[test]
fn nobody_goes_on_duty_with_lapsed_papers_or_in_somebody_else_s_vehicle() {
    let mut world = World::new(1);
    let answers = world.noting("drivers", |gateways, notes| async move {
        let (first, second) = (Phone::off_duty_driver(&gateways, 1).await, Phone::off_duty_driver(&gateways, 2).await);
        let lapsed = Papers { inspected_until_ns: 1, ..papers(1) };
        let mine = Action::GoOnDuty { papers: papers(1) };
        notes.add(first.ask(Action::GoOnDuty { papers: lapsed }).await);
        notes.add(first.ask(mine.clone()).await);
        notes.add(second.ask(mine.clone()).await);
        notes.add(first.ask(Action::GoOffDuty).await);
        notes.add(second.ask(mine).await);
    });
    world.run(20);
    let (done, unfit) = (Ok(Response::Done), rejected(Rejection::VehicleUnfit));
    let taken = rejected(Rejection::VehicleTaken);
    assert_eq!(answers.values(), [unfit, done.clone(), taken, done.clone(), done]);
    let vehicles = world.database.all::<Vehicle>();
    assert_eq!(vehicles.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>(), [VehicleId(1)]);
    let driven: Vec<_> = world.database.all::<Driver>().iter().map(|driver| (driver.id, driver.vehicle_id)).collect();
    assert_eq!(driven, [(DriverId(1), None), (DriverId(2), Some(VehicleId(1)))]);
}

#[test]
fn nobody_drives_or_registers_a_vehicle_of_a_company_that_is_not_theirs() {
    let mut world = World::new(6);
    let answers = world.noting("drivers", |gateways, notes| async move {
        let [ours, theirs] = [7, 8].map(|id| Some(OrganisationId(id)));
        let first = Phone::driver_for(&gateways, 1, ours).await;
        let second = Phone::driver_for(&gateways, 2, theirs).await;
        for organisation in [theirs, None, ours] {
            let papers = Papers { organisation, ..papers(1) };
            notes.add(first.ask(Action::GoOnDuty { papers }).await);
        }
        notes.add(first.ask(Action::GoOffDuty).await);
        // Whatever the papers say: it is registered, and lapsed or not, it is not hers to know.
        for registered_until_ns in [i64::MAX, 1] {
            let papers = Papers { organisation: theirs, registered_until_ns, ..papers(1) };
            notes.add(second.ask(Action::GoOnDuty { papers }).await);
        }
    });
    world.run(20);
    let (done, not_allowed) = (Ok(Response::Done), rejected(Rejection::NotAllowed));
    let no = || not_allowed.clone();
    assert_eq!(answers.values(), [no(), no(), done.clone(), done, no(), no()]);
    let vehicles = world.database.all::<Vehicle>();
    assert_eq!(vehicles.iter().map(|vehicle| vehicle.organisation_id).collect::<Vec<_>>(), [Some(OrganisationId(7))]);
}

#[test]
fn papers_that_lapse_on_duty_end_the_offers_until_newer_ones_are_shown() {
    let mut world = World::new(2);
    let answers = world.noting("driver", |gateways, notes| async move {
        let until_ns = 10_000_000_000;
        let phone = Phone::driver_of(&gateways, 1, Papers { insured_until_ns: until_ns, ..papers(1) }).await;
        notes.add(phone.ask(Action::PollOffer).await);
        runtime::sleep_until(runtime::Time(until_ns.cast_unsigned())).await;
        notes.add(phone.ask(Action::PollOffer).await);
        notes.add(phone.ask(Action::GoOnDuty { papers: papers(1) }).await);
        notes.add(phone.ask(Action::PollOffer).await);
    });
    world.run(20);
    let nothing = Ok(Response::Offer(None));
    assert_eq!(answers.values(), [nothing.clone(), rejected(Rejection::NotAllowed), Ok(Response::Done), nothing]);
}

#[test]
fn who_needs_an_accessible_vehicle_is_driven_in_one() {
    let mut world = World::new(3);
    for (driver, class) in [(1, VehicleClass::Standard), (2, VehicleClass::Accessible)] {
        world.script(&format!("driver-{driver}"), move |gateways| async move {
            let phone = Phone::driver_of(&gateways, driver, Papers { class, ..papers(driver) }).await;
            phone.drive_next().await;
        });
    }
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        runtime::sleep(std::time::Duration::from_secs(2)).await;
        let trip = rider.request_trip_in(Some(VehicleClass::Accessible)).await.id;
        rider.wait_for(trip, State::Settled).await;
    });
    world.run(60);
    let trip = world.only_trip();
    assert_eq!((trip.state, trip.driver_id), (State::Settled, Some(DriverId(2))));
    invariants::check(&world);
}

#[test]
fn what_a_phone_says_of_its_vehicle_does_not_make_it_one() {
    let mut world = World::new(4);
    world.script("driver", |gateways| async move {
        let phone = Phone::driver(&gateways, 1).await;
        let boast = Action::Ping { at: crate::phones::PICKUP, class: VehicleClass::Accessible, available: true };
        loop {
            let _ = phone.attempt(&boast).await;
            runtime::sleep(std::time::Duration::from_millis(500)).await;
        }
    });
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        runtime::sleep(std::time::Duration::from_secs(2)).await;
        rider.request_trip_in(Some(VehicleClass::Accessible)).await;
    });
    world.run(30);
    assert_eq!(world.only_trip().state, State::Matching);
    assert!(world.database.all::<platform::domain::schema::Offer>().is_empty());
}

#[test]
fn while_vehicles_cannot_be_asked_nobody_comes_on_duty_and_those_who_are_drive_on() {
    let mut world = World::new(5);
    world.script("driver", |gateways| async move {
        Phone::driver(&gateways, 1).await.drive_next().await;
    });
    let away: Vec<_> = world.replicas[&Service::Vehicles].clone();
    world.engine.control().at(runtime::Time::from_secs(5), move |control| {
        for process in away {
            control.crash(process, None);
        }
    });
    let answers = world.noting("others", |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        runtime::sleep_until(runtime::Time::from_secs(6)).await;
        let late = Phone::off_duty_driver(&gateways, 2).await;
        notes.add(late.attempt(&Action::GoOnDuty { papers: papers(2) }).await);
        let trip = rider.request_trip().await.id;
        rider.wait_for(trip, State::Settled).await;
    });
    world.run(90);
    assert_eq!(answers.values(), [Err(ApiError::Unavailable)]);
    let states: Vec<State> = world.database.all::<Trip>().iter().map(|trip| trip.state).collect();
    assert_eq!(states, [State::Settled]);
}
