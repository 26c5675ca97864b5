//! Driver locations that the replicas of the geo service share.

use std::time::Duration;

use platform::api::geo::{Request, Response, Wanted};
use platform::api::{ApiError, Reply};
use platform::deploy::Service;
use platform::domain::ids::DriverId;
use platform::domain::trip::State;
use platform::domain::vehicle::VehicleClass;
use platform::services::Config;
use runtime::call::{CallContext, Caller};
use runtime::net::Address;

use crate::invariants;
use crate::phones::{PICKUP, Phone};
use crate::world::World;

fn shared(seed: u64) -> World {
    World::with(seed, &[], Config { shared_locations: true, ..Config::default() })
}

async fn ask(geo: Address, request: Request) -> Reply<Response> {
    let caller = Caller::<Request, Reply<Response>>::connect(geo).await.expect("a replica listens");
    caller.call(request, CallContext::within(Duration::from_secs(5), 0)).await.expect("it answers in time")
}

fn drivers(answer: Reply<Response>) -> Reply<Vec<DriverId>> {
    match answer? {
        Response::Nearest(near) => Ok(near.iter().map(|near| near.driver).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_one_replica_hears_every_replica_knows_until_the_cache_is_away() {
    let mut world = shared(1);
    let [one, two, _] = world.addresses(Service::Geo)[..] else { panic!("three replicas") };
    let cache = world.cache.clone();
    let answers = world.noting("somebody", move |_, notes| async move {
        let class = VehicleClass::Standard;
        let ping = |driver, available| Request::Ping { driver: DriverId(driver), at: PICKUP, class, available };
        for (driver, available) in [(1, true), (2, true), (3, false), (2, false)] {
            ask(one, ping(driver, available)).await.expect("a ping");
        }
        runtime::sleep(Duration::from_secs(1)).await;
        let wanted = |without| Wanted { to: PICKUP, count: 5, class: None, without };
        let near = Request::Nearest(wanted(vec![]));
        let shared = |without| Request::NearestShared(wanted(without));
        let other = Wanted { class: Some(VehicleClass::Accessible), ..wanted(vec![]) };
        notes.add(drivers(ask(two, near).await));
        notes.add(drivers(ask(two, shared(vec![])).await));
        notes.add(drivers(ask(two, shared(vec![DriverId(1)])).await));
        notes.add(drivers(ask(two, Request::NearestShared(other)).await));
        cache.set_away(true);
        notes.add(drivers(ask(two, shared(vec![])).await));
        cache.set_away(false);
        runtime::sleep(Duration::from_secs(60)).await;
        notes.add(drivers(ask(two, shared(vec![])).await));
    });
    world.run(200);
    let known = Ok(vec![DriverId(1)]);
    assert_eq!(answers.values(), [Ok(vec![]), known, Ok(vec![]), Ok(vec![]), Err(ApiError::Unavailable), Ok(vec![])]);
    assert_eq!(world.cache.members(), 0, "who is silent is swept away");
}

#[test]
fn trips_are_matched_with_the_cache_and_without_it() {
    for away in [false, true] {
        let mut world = shared(2);
        world.cache.set_away(away);
        for id in 1..=3 {
            world.script(&format!("driver-{id}"), move |gateways| async move {
                Phone::driver(&gateways, id).await.drive_next().await;
            });
            world.script(&format!("rider-{id}"), move |gateways| async move {
                let rider = Phone::rider(&gateways, id).await;
                runtime::sleep(Duration::from_secs(2)).await;
                let trip = rider.request_trip().await.id;
                rider.wait_for(trip, State::Settled).await;
            });
        }
        world.run(90);
        let states: Vec<State> =
            world.database.all::<platform::domain::schema::Trip>().iter().map(|trip| trip.state).collect();
        assert_eq!(states, [State::Settled; 3], "the cache is away: {away}");
        invariants::check(&world);
    }
}
