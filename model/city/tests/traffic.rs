//! Traffic arithmetic: forwards and backwards agree, and grow the right way.

mod common;

use std::time::Duration;

use city::traffic::TrafficError;
use city::{City, PhoneHabits, Traffic, TrafficModel, WeekMinute};
use proptest::prelude::*;

fn model(city: &City) -> TrafficModel<'_> {
    let start = WeekMinute::parse("Fri 17:30").expect("a time");
    TrafficModel::new(city, PhoneHabits::default(), start, Duration::from_secs(90 * 60)).expect("sound habits")
}

fn close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-6
}

#[test]
fn four_hundred_requests_a_second_in_new_york() {
    let city = common::city("nyc.toml");
    let traffic = model(&city).from_requests(400.0).expect("a traffic");
    let Traffic { trips_per_hour, riders_per_hour, drivers, idle_drivers, pickup_s, ride_s, .. } = traffic;
    insta::assert_snapshot!(
        format!("trips/h {trips_per_hour:.0}, riders/h {riders_per_hour:.0}, drivers {drivers:.0}, idle {idle_drivers:.0}, pickup {pickup_s:.0} s, ride {ride_s:.0} s"),
        @"trips/h 2408, riders/h 4013, drivers 1223, idle 489, pickup 168 s, ride 900 s"
    );
}

#[test]
fn requests_of_a_trip_add_up() {
    // By hand, from the means alone: what every trip, rider and idle driver sends.
    let city = common::city("nyc.toml");
    let t = model(&city).from_trips(3600.0).expect("a traffic");
    let (driven, absent, again) = (0.97 * 0.99, 0.97 * 0.01, 0.02 / 0.98);
    let matching = (2.0 + 4.0) / 0.9 * (1.0 + again);
    let (pickup, ride) = (t.pickup_s * (1.0 + again / 2.0), t.ride_s * 0.996);
    let calls = 1.0 + 0.03 + 0.3 + 0.005 + 2.0 / 0.9 * (1.0 + again) + 2.0 * again + 2.0 + 2.0 * driven + absent;
    let pings = 1.0 + again + (pickup + driven * ride) / 4.0 + (matching + driven * 60.0 + absent * 300.0) / 20.0;
    let waiting = (matching + pickup + 60.0) / 5.0 + 0.5;
    let in_vain = (matching + pickup + 300.0) / 5.0 + 0.5;
    let riding = (ride - 2.5) / 15.0 + 0.5;
    let trip = calls + pings + driven * (waiting + riding) + absent * in_vain + 0.03 * 60.0 / 5.0;
    let rider = 2.5 / 0.6;
    assert!(close(t.requests_per_s, trip + rider + t.idle_drivers * 0.3));
    assert!(close(t.drivers, t.idle_drivers + matching + pickup + driven * (60.0 + ride) + absent * 300.0));
    assert!(close(t.busy_share(), 0.6));
    assert!(close(t.idle_drivers / t.drivers, 0.4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_derived_traffic_sends_the_requests_asked_for(requests_per_s in 0.5..20_000.0f64, utilisation in 0.05..0.95f64) {
        let city = common::city("nyc.toml");
        let habits = PhoneHabits { utilisation, ..PhoneHabits::default() };
        let model = TrafficModel::new(&city, habits, WeekMinute::new(0), Duration::from_secs(600)).expect("sound habits");
        let traffic = model.from_requests(requests_per_s).expect("a traffic");
        prop_assert!(close(traffic.requests_per_s, requests_per_s));
        // The other way in, by trips, finds the same traffic.
        let by_trips = model.from_trips(traffic.trips_per_hour).expect("a traffic");
        prop_assert!(close(by_trips.requests_per_s, requests_per_s));
        prop_assert!(close(by_trips.drivers, traffic.drivers));
    }

    #[test]
    fn riders_and_drivers_lead_to_the_same_traffic(requests_per_s in 5.0..20_000.0f64) {
        let city = common::city("nyc.toml");
        let traffic = model(&city).from_requests(requests_per_s).expect("a traffic");
        let by_people = model(&city).from_people(traffic.riders_per_hour, traffic.drivers).expect("a traffic");
        prop_assert!(close(by_people.requests_per_s, requests_per_s));
        prop_assert!(close(by_people.drivers, traffic.drivers));
    }
}

#[test]
fn pickups_shorten_as_the_city_grows() {
    let city = common::city("nyc.toml");
    let small = model(&city).from_requests(40.0).expect("a traffic");
    let large = model(&city).from_requests(4000.0).expect("a traffic");
    assert!(large.pickup_s < small.pickup_s / 2.0);
    assert!(large.trips_per_hour > small.trips_per_hour * 100.0);
}

#[test]
fn too_few_drivers_are_refused_with_the_most_they_can_serve() {
    let city = common::city("nyc.toml");
    let error = model(&city).from_people(10_000.0, 500.0).expect_err("a wild goose chase");
    assert!(
        matches!(error, TrafficError::TooFewDrivers { most_trips_per_hour, .. } if (500.0..2000.0).contains(&most_trips_per_hour))
    );
    insta::assert_snapshot!(error, @"500 drivers cannot serve 6000 trips an hour in New York City: at best 1254; add drivers or take riders away");
}

#[test]
fn what_is_not_positive_is_refused() {
    let city = common::city("nyc.toml");
    insta::assert_snapshot!(model(&city).from_requests(-1.0).expect_err("negative"), @"requests a second is -1; write a number above 0");
    let habits = PhoneHabits { utilisation: 1.0, ..PhoneHabits::default() };
    let error =
        TrafficModel::new(&city, habits, WeekMinute::new(0), Duration::from_secs(60)).expect_err("no idle driver");
    insta::assert_snapshot!(error, @"utilisation is 1; write a share above 0 and below 1");
}
