//! Phones that listen: told at once where the channel works, and no worse off than before where it does not.

use std::time::Duration;

use engine::testing::Notes;
use platform::api::gateway::{Action, Heard, Look, News};
use platform::domain::schema::Offer;
use platform::domain::trip::State;
use platform::services::Config;
use runtime::{now, sleep};

use crate::invariants;
use crate::phones::Phone;
use crate::world::World;

/// When the driver of [`one_offer`] begins to listen: nothing is under way any more but listening.
const LISTENS_AT: Duration = Duration::from_secs(10);

/// What somebody heard, how many seconds after they began to listen.
type Told = (f64, Heard);

fn world(shared: bool, seed: u64) -> World {
    World::with(seed, &[], Config { shared_locations: shared, ..Config::default() })
}

async fn listen(phone: &Phone, look: Look) -> Told {
    let since = now();
    let heard = phone.listen(look).await;
    (now().since(since).as_secs_f64(), heard)
}

/// A driver listens twice, and a rider requests a trip three seconds after the driver began.
fn one_offer(world: &mut World) -> Notes<Told> {
    let told = world.noting("driver", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        sleep(LISTENS_AT.saturating_sub(Duration::from_nanos(now().nanos()))).await;
        for _ in 0..2 {
            notes.add(listen(&driver, Look::Offer).await);
        }
    });
    world.script("rider", |gateways| async move {
        let rider = Phone::rider(&gateways, 1).await;
        sleep((LISTENS_AT + Duration::from_secs(3)).saturating_sub(Duration::from_nanos(now().nanos()))).await;
        rider.request_trip().await;
    });
    told
}

fn has_offer(heard: &Heard) -> bool {
    matches!(heard.news, News::Offer(Some(_)))
}

/// Seconds from when the driver began to listen until the offer was made.
fn offered_after_s(world: &World) -> f64 {
    let made = world.database.all::<Offer>()[0].offered_at_ns;
    made as f64 / 1e9 - LISTENS_AT.as_secs_f64()
}

#[test]
fn a_driver_who_listens_has_an_offer_as_soon_as_it_is_made() {
    let mut world = world(true, 1);
    let told = one_offer(&mut world);
    world.run(40);
    let (after_s, heard) = &told.values()[0];
    assert!(has_offer(heard) && heard.hears, "{heard:?}");
    let made_s = offered_after_s(&world);
    assert!((made_s..made_s + 0.2).contains(after_s), "made after {made_s} s, told after {after_s} s");
    let kept_s = heard.kept_ns as f64 / 1e9;
    assert!((made_s - 0.2..made_s + 0.1).contains(&kept_s), "what nobody waited for is no latency: {kept_s} s");
    // The offer is still there: who listens again need not wait.
    let (again_s, again) = &told.values()[1];
    assert!(has_offer(again) && again.kept_ns == 0 && *again_s < 0.3, "{again_s} s: {again:?}");
    invariants::check(&world);
}

#[test]
fn a_nudge_that_is_lost_costs_the_wait_and_no_offer() {
    let mut world = world(true, 2);
    world.cache.lose_nudges();
    let told = one_offer(&mut world);
    world.run(40);
    let (first_s, first) = &told.values()[0];
    assert!(!has_offer(first) && first.hears && (12.0..12.3).contains(first_s), "{first_s} s: {first:?}");
    let (second_s, second) = &told.values()[1];
    assert!(has_offer(second) && *second_s < 0.3, "{second_s} s: {second:?}");
    assert_eq!(world.database.all::<Offer>().len(), 1, "the driver found the offer before it lapsed");
}

#[test]
fn without_a_cache_whoever_listens_is_answered_at_once() {
    let mut world = world(false, 3);
    let told = one_offer(&mut world);
    world.run(40);
    for (after_s, heard) in told.values() {
        assert!(!has_offer(&heard) && !heard.hears && heard.kept_ns == 0 && after_s < 0.3, "{after_s} s: {heard:?}");
    }
}

#[test]
fn when_the_cache_is_killed_those_who_wait_are_sent_to_look_by_themselves_and_miss_nothing() {
    let mut world = world(true, 4);
    let told = one_offer(&mut world);
    let cache = world.cache.clone();
    world.engine.control().at(runtime::Time::ZERO + LISTENS_AT + Duration::from_secs(1), move |_| cache.kill());
    let offers = world.noting("the same driver's eyes", move |gateways, notes| async move {
        sleep(LISTENS_AT + Duration::from_secs(2)).await;
        let driver = Phone::off_duty_driver(&gateways, 1).await;
        driver.offer().await;
        notes.add(now().as_secs_f64() - LISTENS_AT.as_secs_f64());
    });
    world.run(60);
    let (after_s, heard) = &told.values()[0];
    assert!(!heard.hears && (0.9..1.5).contains(after_s), "{after_s} s: {heard:?}");
    let (again_s, again) = &told.values()[1];
    assert!(!again.hears && *again_s < 0.3, "{again_s} s: {again:?}");
    let made_s = offered_after_s(&world);
    assert!(offers.values()[0] < made_s + 0.8, "made after {made_s} s, found after {} s", offers.values()[0]);
}

#[test]
fn a_channel_that_falls_silent_is_given_up_and_taken_up_again() {
    let mut world = world(true, 5);
    let (silent, back) = (world.cache.clone(), world.cache.clone());
    let control = world.engine.control();
    control.at(runtime::Time::ZERO + LISTENS_AT + Duration::from_secs(1), move |_| silent.set_away(true));
    control.at(runtime::Time::from_secs(30), move |_| back.set_away(false));
    let told = world.noting("driver", move |gateways, notes| async move {
        let driver = Phone::driver(&gateways, 1).await;
        sleep(LISTENS_AT.saturating_sub(Duration::from_nanos(now().nanos()))).await;
        notes.add(listen(&driver, Look::Offer).await);
        sleep(Duration::from_secs(60)).await;
        notes.add(listen(&driver, Look::Offer).await);
    });
    world.run(100);
    // Five seconds of silence, and a quarter of one for the probe.
    let (after_s, heard) = &told.values()[0];
    assert!(!heard.hears && (5.0..7.0).contains(after_s), "{after_s} s: {heard:?}");
    let (again_s, again) = &told.values()[1];
    assert!(again.hears && (12.0..12.3).contains(again_s), "{again_s} s: {again:?}");
}

#[test]
fn a_rider_who_listens_hears_of_every_step_of_the_trip_and_only_of_their_own() {
    let mut world = world(true, 6);
    world.script("driver", |gateways| async move {
        Phone::driver(&gateways, 1).await.drive_next().await;
    });
    let told = world.noting("rider", move |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        sleep(Duration::from_secs(3)).await;
        let mut view = rider.request_trip().await;
        while view.state.is_active() {
            let heard = rider.listen(Look::Trip { trip: view.id, seen: view.version }).await;
            let News::Trip(newer) = heard.news else { panic!("{heard:?}") };
            if newer.version > view.version {
                notes.add((newer.state, heard.kept_ns));
            }
            view = newer;
        }
    });
    let others = world.noting("another driver", move |gateways, notes| async move {
        let driver = Phone::off_duty_driver(&gateways, 2).await;
        driver.ask(Action::GoOnDuty { papers: crate::phones::papers(2) }).await.expect("a driver may go on duty");
        sleep(Duration::from_secs(2)).await;
        notes.add(listen(&driver, Look::Offer).await);
    });
    world.run(60);
    let states: Vec<State> = told.values().iter().map(|(state, _)| *state).collect();
    for state in [State::Accepted, State::EnRoutePickup, State::Arrived, State::InProgress] {
        assert!(states.contains(&state), "{states:?}");
    }
    assert!(states.last().is_some_and(|state| !state.is_active()), "{states:?}");
    // The driver lets five seconds pass between the steps, and no wait is longer.
    assert!(told.values().iter().all(|(_, kept_ns)| *kept_ns < 5_500_000_000), "{:?}", told.values());
    let (after_s, heard) = &others.values()[0];
    assert!(!has_offer(heard) && (12.0..12.3).contains(after_s), "{after_s} s: {heard:?}");
    invariants::check(&world);
}

#[test]
fn nobody_listens_to_somebody_else_s_trip() {
    let mut world = world(true, 7);
    let answers = world.noting("riders", move |gateways, notes| async move {
        let (one, two) = (Phone::rider(&gateways, 1).await, Phone::rider(&gateways, 2).await);
        let trip = one.request_trip().await;
        let look = Look::Trip { trip: trip.id, seen: trip.version };
        notes.add(two.ask(Action::Listen { look, keep_for_ms: 12_000 }).await);
        notes.add(two.ask(Action::Listen { look: Look::Offer, keep_for_ms: 12_000 }).await);
    });
    world.run(30);
    let answers = answers.values();
    assert!(answers.len() == 2 && answers.iter().all(Result::is_err), "{answers:?}");
}
