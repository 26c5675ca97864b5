//! What is over goes, and nothing else does.

use std::time::Duration;

use platform::domain::retention::Retention;
use platform::domain::schema::{
    Balance, CarriedBalance, IdempotencyRecord, JournalEntry, Offer, OutboxEntry, Payment, Quote, Trip, TripLogEntry,
};
use platform::domain::trip::State;
use platform::services::Config;
use runtime::sleep;

use crate::invariants;
use crate::phones::Phone;
use crate::world::World;

fn forgetful(trips_s: u64) -> Config {
    let second = Duration::from_secs(1);
    let retention = Retention {
        quotes: second,
        keys: Retention::default().keys,
        trips: second * trips_s as u32,
        published_events: second,
        unpublished_events: Some(second * 60),
    };
    Config { retention, sweep_interval: second * 10, batch: 3, ..Config::default() }
}

#[test]
fn trips_that_are_over_go_whole_and_balances_stay() {
    let mut world = World::with(1, &[], forgetful(60));
    for id in 1..=4 {
        world.script(&format!("driver-{id}"), move |gateways| async move {
            Phone::driver(&gateways, id).await.drive_next().await;
        });
        world.script(&format!("rider-{id}"), move |gateways| async move {
            let rider = Phone::rider(&gateways, id).await;
            sleep(Duration::from_secs(2)).await;
            rider.request_trip().await;
        });
    }
    world.script("waits in vain", move |gateways| async move {
        let rider = Phone::rider(&gateways, 9).await;
        sleep(Duration::from_secs(200)).await;
        rider.request_trip().await;
        let driver = Phone::driver(&gateways, 9).await;
        let (trip, by) = driver.accept_next().await;
        for progress in [platform::api::trips::Progress::Departed, platform::api::trips::Progress::Arrived] {
            driver.advance(trip, by, progress).await.expect("the next step");
        }
    });
    world.run(50);
    let states: Vec<State> = world.database.all::<Trip>().iter().map(|trip| trip.state).collect();
    assert_eq!(states, [State::Settled; 4]);
    invariants::check(&world);
    let balances = world.database.all::<Balance>();
    assert!(balances.len() >= 8, "a rider's hold and a driver's pay each");
    world.run(180);
    assert_eq!(world.database.all::<Trip>(), []);
    assert_eq!((world.database.all::<TripLogEntry>(), world.database.all::<Offer>()), (vec![], vec![]));
    assert_eq!((world.database.all::<Payment>(), world.database.all::<OutboxEntry>()), (vec![], vec![]));
    assert_eq!(world.database.all::<Quote>(), []);
    assert_eq!(world.database.all::<JournalEntry>(), []);
    assert_eq!(world.database.all::<Balance>(), balances);
    let carried = world.database.all::<CarriedBalance>().into_iter().map(|row| {
        let CarriedBalance { account, owner, currency, amount_minor, entries } = row;
        Balance { account, owner, currency, amount_minor, entries }
    });
    assert_eq!(carried.collect::<Vec<_>>(), balances, "no entry is left that they would sum");
    // A key lives for a day.
    assert!(world.database.all::<IdempotencyRecord>().len() > 16);
    world.run(500);
    assert_eq!(world.only_trip().state, State::Arrived, "a trip that goes on stays, however old");
    assert_eq!(world.database.all::<Quote>(), [], "it needs its quote no more");
    assert_eq!(world.database.all::<TripLogEntry>().len() as i64, world.only_trip().version);
}

#[test]
fn a_key_is_forgotten_after_a_day_and_not_before() {
    let config = Config { sweep_interval: Duration::from_secs(1_800), ..forgetful(3_600) };
    let mut world = World::with(2, &[], config);
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        rider.request_trip().await;
    });
    world.run(23 * 3_600);
    assert_eq!(world.database.all::<IdempotencyRecord>().len(), 1);
    world.run(26 * 3_600);
    assert_eq!(world.database.all::<IdempotencyRecord>(), []);
}
