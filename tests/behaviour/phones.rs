//! Phones: open loop, and no more retries than they were told.

use crate::support::*;

#[test]
fn ten_seconds_of_a_paused_gateway_show_in_every_request_that_was_meant_for_them() {
    let pause = "[[fault]]\nat = \"60s\"\nprocess-pause = { process = \"gateway\", for = \"10s\" }";
    let (_, requests, _) = recorded(&scenario("400/s", "2m", pause));
    let meant: Vec<_> = requests.iter().filter(|request| (60.0..70.0).contains(&request.meant_at_s)).collect();
    let showing =
        meant.iter().filter(|request| request.failed() || request.ended_at_s >= 70.0 || request.attempts > 1).count();
    // 400 a second for 10 s; demand is a Poisson process of bursts, so the count itself varies by some percent.
    assert!((3_400..=4_600).contains(&showing), "{showing} of {}", meant.len());
    assert!(showing * 100 >= meant.len() * 98, "no request of the pause slips through: {showing} of {}", meant.len());
}

#[test]
fn attempts_in_an_outage_follow_the_retry_limit() {
    let attempts = |limit: u32| {
        let rest = format!(
            "clients = {{ attempts = {limit} }}\n[[fault]]\nat = \"60s\"\nprocess-crash = {{ process = \"gateway\", restart_after = \"60s\" }}"
        );
        let (_, requests, _) = recorded(&scenario("40/s", "4m", &rest));
        // What people want is tried again; what repeats by itself is not, and what must be told is told until it is heard.
        let wanted = |request: &&Request| ["sign-in", "quote", "request"].contains(&request.journey.as_str());
        let in_outage = |request: &&Request| (62.0..100.0).contains(&request.meant_at_s);
        let outage: Vec<_> = requests.iter().filter(wanted).filter(in_outage).collect();
        let sent: u64 = outage.iter().map(|request| u64::from(request.attempts)).sum();
        sent as f64 / outage.len() as f64
    };
    let (one, three) = (attempts(1), attempts(3));
    assert!(one <= 1.0, "{one}");
    assert!(three > 2.0 && three <= 3.0, "{three}");
}
