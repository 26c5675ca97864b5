//! What phones send, against the arithmetic of traffic.

use std::time::Duration;

use city::WeekMinute;
use runtime::Time;

use crate::support::{Run, Watcher, new_york, phones_of};

/// The number of trips of the window has a Poisson deviation of 2.6 % of its mean, and the law of the nearest driver overstates pickups by a
/// fifth where a zone has less than one idle driver, which is 2 % of all requests: 5 % holds both and no forgotten or doubled kind of request.
const TOLERANCE: f64 = 0.05;

#[test]
fn a_city_sends_the_requests_that_its_traffic_says() {
    let city = new_york();
    let start = WeekMinute::parse("Fri 17:30").expect("a time");
    let (warm_up, window) = (Duration::from_secs(10 * 60), Duration::from_secs(40 * 60));
    let (config, traffic) = phones_of(&city, 400.0, start, warm_up, window);
    let counts_from = Time::ZERO + warm_up;
    let mut run = Run::new(config, 1, Watcher { counts_from, ..Watcher::default() });
    run.platform.logs.set(false);
    run.until((warm_up + window).as_secs());
    let counts = run.watcher.counts.borrow();
    let a_second = |count: u64| count as f64 / window.as_secs_f64();
    let all = a_second(counts.values().sum());
    assert!((all / 400.0 - 1.0).abs() < TOLERANCE, "{all} requests a second: {counts:?}");
    let trips = a_second(counts["request"]) * 3600.0;
    assert!((trips / traffic.trips_per_hour - 1.0).abs() < 2.0 * TOLERANCE, "{trips} trips an hour of {traffic:?}");
    assert_eq!(run.crowd.counts().riders_missing, 0);
}
