//! Rides that end otherwise than at their destination, and phones that have lost track of theirs.

use std::time::Duration;

use engine::testing::Notes;
use platform::api::ApiError;
use platform::api::error::Rejection;
use platform::api::gateway::{Action, Response};
use platform::api::trips::Progress;
use platform::domain::driver::DriverState;
use platform::domain::fare::FareSchedule;
use platform::domain::schema::{Driver, LateReport, Payment};
use platform::domain::trip::{Assignment, Drive, Ending, State};
use platform::services::Config;
use runtime::{Time, sleep};

use crate::invariants;
use crate::phones::{DRIVE, Phone};
use crate::world::World;

const HALF: Drive = Drive { distance_m: DRIVE.distance_m / 2, duration_s: DRIVE.duration_s / 2 };

/// Rides that are stuck after a minute, and found within ten seconds.
pub fn impatient() -> Config {
    let (stuck_after, stuck_interval) = (Duration::from_secs(60), Duration::from_secs(10));
    Config { stuck_after, stuck_times: 0, stuck_interval, ..Config::default() }
}

fn rider(world: &mut World) {
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        sleep(Duration::from_secs(2)).await;
        rider.request_trip().await;
    });
}

async fn pick_up(driver: &Phone) -> (platform::domain::ids::TripId, Assignment) {
    let (trip, by) = driver.accept_next().await;
    for progress in [Progress::Departed, Progress::Arrived, Progress::PickedUp] {
        driver.advance(trip, by, progress).await.expect("the next step of a trip");
    }
    (trip, by)
}

/// A ride that is presumed over, and of which half as much is told later.
pub fn presumed_and_reported(world: &mut World) {
    rider(world);
    world.script("driver", move |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let (trip, by) = pick_up(&driver).await;
        runtime::sleep_until(Time::from_secs(120)).await;
        driver.advance(trip, by, Progress::LeftEarly(HALF)).await.expect("it is waited for");
    });
}

#[test]
fn a_rider_who_gets_out_early_pays_for_what_was_driven() {
    let mut world = World::new(1);
    rider(&mut world);
    world.script("driver", |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let (trip, by) = pick_up(&driver).await;
        let impossible = Progress::LeftEarly(Drive { duration_s: 1, ..HALF });
        assert_eq!(driver.advance(trip, by, impossible).await, Err(ApiError::MALFORMED));
        driver.advance(trip, by, Progress::LeftEarly(HALF)).await.expect("a rider may get out anywhere");
    });
    world.run(60);
    let trip = world.only_trip();
    assert_eq!((trip.state, trip.ending, trip.dropped_off_at_ns), (State::Settled, Some(Ending::Early), None));
    let fare = FareSchedule::NEW_YORK.fare(HALF, 0, 1_000, i64::MAX);
    assert_eq!(world.database.all::<Payment>()[0].captured_minor, fare.charge_minor);
    assert_eq!(world.database.all::<Driver>()[0].state, DriverState::Idle);
    invariants::check(&world);
}

#[test]
fn a_ride_of_whose_end_nobody_tells_is_presumed_over_and_reconciled_when_somebody_does() {
    let mut world = World::with(2, &[], impatient());
    rider(&mut world);
    let answers = world.noting("driver", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        let (trip, by) = pick_up(&driver).await;
        runtime::sleep_until(Time::from_secs(120)).await;
        let stale = Assignment { epoch: by.epoch + 1, ..by };
        for (by, progress) in
            [(stale, Progress::DroppedOff(DRIVE)), (by, Progress::LeftEarly(HALF)), (by, Progress::DroppedOff(DRIVE))]
        {
            notes.add(driver.advance(trip, by, progress).await.map(|view| view.state));
        }
    });
    world.run(60);
    assert_eq!(world.only_trip().state, State::InProgress);
    world.run(110);
    let settled = world.only_trip();
    assert_eq!((settled.state, settled.ending), (State::Settled, Some(Ending::Presumed)));
    assert_eq!(world.database.all::<Driver>()[0].state, DriverState::Idle);
    world.run(150);
    let refused = Err(ApiError::Rejected { reason: Rejection::StaleAssignment });
    assert_eq!(answers.values(), [refused, Ok(State::Settled), Ok(State::Settled)]);
    assert_eq!(world.only_trip(), settled, "what has ended does not change");
    // The first word counts.
    let [report] = &world.database.all::<LateReport>()[..] else { panic!("one report") };
    let due = FareSchedule::NEW_YORK.fare(HALF, 0, 1_000, i64::MAX).charge_minor;
    assert_eq!((report.ending, report.overcharge_minor), (Ending::Early, settled.charge_minor.unwrap() - due));
    assert!(report.overcharge_minor > 0);
    invariants::check(&world);
}

#[test]
fn a_phone_that_lost_track_is_told_of_its_trip() {
    let mut world = World::new(3);
    let answers: Notes<_> = Notes::new();
    let (of_rider, of_driver) = (answers.clone(), answers.clone());
    world.script("rider", move |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        of_rider.add(rider.ask(Action::ActiveTrip).await);
        sleep(Duration::from_secs(2)).await;
        rider.request_trip().await;
        runtime::sleep_until(Time::from_secs(20)).await;
        of_rider.add(rider.ask(Action::ActiveTrip).await);
    });
    world.script("driver", move |gateways| async move {
        let driver = Phone::driver(&gateways, 1).await;
        driver.accept_next().await;
        runtime::sleep_until(Time::from_secs(22)).await;
        of_driver.add(driver.ask(Action::PollOffer).await);
        of_driver.add(driver.ask(Action::ActiveTrip).await);
    });
    world.run(40);
    let view = Ok(Response::ActiveTrip(Some((&world.only_trip()).into())));
    let busy = Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip });
    assert_eq!(answers.values(), [Ok(Response::ActiveTrip(None)), view.clone(), busy, view]);
}
