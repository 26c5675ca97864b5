//! What phones send, against the arithmetic of traffic.

use std::time::Duration;

use city::WeekMinute;
use runtime::Time;

use crate::support::{Run, Watcher, new_york, phones_of};

/// The number of trips of the window has a Poisson deviation of 2.6 % of its mean, and the law of the nearest driver overstates pickups by a
/// fifth where a zone has less than one idle driver, which is 2 % of all requests: 5 % holds both and no forgotten or doubled kind of request.
const TOLERANCE: f64 = 0.05;

/// Requests a second that were sent and that the push channel spared, asked for 400.
fn rates(push: bool) -> (f64, f64) {
    let city = new_york();
    let start = WeekMinute::parse("Fri 17:30").expect("a time");
    let (warm_up, window) = (Duration::from_secs(10 * 60), Duration::from_secs(40 * 60));
    let (mut config, traffic) = phones_of(&city, 400.0, start, warm_up, window);
    config.push = push;
    let counts_from = Time::ZERO + warm_up;
    let mut run = Run::new(config, 1, Watcher { counts_from, ..Watcher::default() });
    run.platform.logs.set(false);
    run.until((warm_up + window).as_secs());
    let counts = run.watcher.counts.borrow();
    let a_second = |count: u64| count as f64 / window.as_secs_f64();
    let (sent, spared) = (a_second(counts.values().sum()), a_second(run.watcher.spared.get()));
    assert!(((sent + spared) / 400.0 - 1.0).abs() < TOLERANCE, "{sent} and {spared} requests a second: {counts:?}");
    let trips = a_second(counts["request"]) * 3600.0;
    assert!((trips / traffic.trips_per_hour - 1.0).abs() < 2.0 * TOLERANCE, "{trips} trips an hour of {traffic:?}");
    assert_eq!(run.crowd.counts().riders_missing, 0);
    (sent, spared)
}

#[test]
fn a_city_sends_the_requests_that_its_traffic_says() {
    assert_eq!(rates(false).1, 0.0);
}

#[test]
fn with_a_push_channel_a_third_of_the_looks_is_sent_and_the_rest_is_counted_as_spared() {
    let (sent, spared) = rates(true);
    // Looks are some half of the requests, and two of three are spared unless there is news.
    assert!(sent < 285.0 && spared > 100.0, "{sent} and {spared} requests a second");
}
