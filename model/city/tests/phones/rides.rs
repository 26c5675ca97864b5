//! Rides in a village whose platform works.

use std::collections::BTreeMap;

use city::Point;
use platform::domain::trip::State;
use runtime::Time;

use crate::support::{Run, Watcher, village_phones};

#[test]
fn whole_rides_fit_into_eight_seconds() {
    let mut run = Run::new(village_phones(3600.0, 10), 1, Watcher::remembering());
    run.until(8);
    assert!(run.platform.trips_in(State::Completed) >= 1);
    assert_eq!(run.watcher.failed(), []);
}

#[test]
fn when_demand_stops_every_journey_comes_to_its_end() {
    let mut run = Run::new(village_phones(7200.0, 20), 1, Watcher::remembering());
    run.until(60);
    assert!(run.crowd.counts().riders_active > 0 && run.crowd.counts().trips_open > 0);
    run.crowd.stop_demand();
    run.until(90);
    assert_eq!(run.crowd.pending(), []);
    assert_eq!(run.crowd.counts(), Default::default());
    let last = run.watcher.of_kind("sign-in").iter().map(|ended| ended.intended_at).max();
    assert!(last.is_some_and(|last| last <= Time::from_secs(60)), "{last:?}");
    // Some riders changed their mind; everybody else was brought home.
    let (completed, cancelled) =
        (run.platform.trips_in(State::Completed), run.platform.trips_in(State::CancelledByRider));
    assert!(completed > 20, "{completed}");
    assert_eq!(completed + cancelled, run.watcher.of_kind("request").len());
}

#[test]
fn nobody_is_faster_than_the_city_allows() {
    let config = village_phones(7200.0, 20);
    let cap_m_per_s = config.city.travel().speed_cap_km_h / 3.6;
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.until(60);
    let point = |latitude: i32, longitude: i32| Point {
        latitude: f64::from(latitude) / 1e6,
        longitude: f64::from(longitude) / 1e6,
    };
    let mut last = BTreeMap::new();
    let mut fastest: f64 = 0.0;
    for seen in run.watcher.positions.borrow().iter() {
        let here = point(seen.latitude_microdegrees, seen.longitude_microdegrees);
        if let Some((at, there)) = last.insert(seen.driver, (seen.at, here)) {
            let span_s = seen.at.since(at).as_secs_f64();
            // Two roundings to a microdegree.
            let driven_m = here.distance_m(there) - 0.25;
            assert!(driven_m <= cap_m_per_s * span_s, "{driven_m} m in {span_s} s");
            fastest = fastest.max(driven_m / span_s.max(0.01));
        }
    }
    assert!(fastest > cap_m_per_s / 10.0, "nobody moved: {fastest} m/s");
}
