//! Metastability: what a short trouble leaves behind depends on how often everybody tries again.
//!
//! The arithmetic (Bronson and others, HotOS 2021): a service is good below 300 requests a second and callers try once more. Then up to 150
//! a second nothing can go wrong for long, since twice as many are still good. At 280 whatever makes everybody wait for longer than a
//! second makes 560 of them, of which 300 are served, each for a caller who is gone; and that goes on for ever.

use crate::support::*;

/// What the service of the blueprint takes at most.
const GOOD_PER_S: f64 = 300.0;

/// The blip, from the end of the warm-up.
const BLIP_S: std::ops::Range<f64> = 120.0..130.0;

/// How many requests a second the service was asked between the two times.
fn asked_per_s(taken: &[Taken], from_s: f64, to_s: f64) -> f64 {
    let within: Vec<&Taken> = taken
        .iter()
        .filter(|sample| sample.replica == "matching-0" && (from_s..=to_s).contains(&sample.at_s))
        .collect();
    let (first, last) = (within[0], within[within.len() - 1]);
    (last.requests - first.requests) / (last.at_s - first.at_s)
}

/// The share of drivers' looks for an offer between the two times that were answered.
fn answered(requests: &[Request], from_s: f64, to_s: f64) -> f64 {
    let looks: Vec<&Request> = requests
        .iter()
        .filter(|request| request.journey == "offer-poll" && (from_s..to_s).contains(&request.meant_at_s))
        .collect();
    looks.iter().filter(|request| !request.failed()).count() as f64 / looks.len() as f64
}

fn is_about(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 0.03, "{value}, where {expected} was expected");
}

#[test]
fn at_280_a_second_a_blip_of_ten_seconds_holds_560() {
    let (_, requests, taken) = counted(&drill("retry-storm.toml", |text| text));
    is_about(asked_per_s(&taken, 30.0, BLIP_S.start), 280.0);
    assert!(answered(&requests, 30.0, BLIP_S.start) > 0.999);
    is_about(asked_per_s(&taken, 180.0, 600.0), 560.0);
    assert!(answered(&requests, 180.0, 600.0) < 0.001, "what is served is served too late");
}

#[test]
fn without_retries_the_same_blip_is_over_when_its_backlog_is_worked_off() {
    let (_, requests, taken) =
        counted(&drill("retry-storm.toml", |text| text + "[override]\n\"calls.retry_budget\" = 0"));
    is_about(asked_per_s(&taken, 180.0, 600.0), 280.0);
    // Ten seconds of 280, worked off at the 20 a second that are left: 140 s. A second of backlog is still waited for, which is 15 s less.
    let over_s = BLIP_S.end + 10.0 * 280.0 / (GOOD_PER_S - 280.0);
    assert!(answered(&requests, BLIP_S.end, over_s - 30.0) < 0.01);
    assert!(answered(&requests, over_s, 600.0) > 0.999);
}

#[test]
fn below_150_a_second_retries_do_no_lasting_harm() {
    let (_, requests, taken) = counted(&drill("retry-storm.toml", |text| text.replace("= 1125", "= 563")));
    is_about(asked_per_s(&taken, 30.0, BLIP_S.start), 140.0);
    // Ten seconds of 280, worked off while 280 more come, until what comes waits for less than a second: 125 s.
    let over_s = BLIP_S.end + (10.0 * 280.0 - GOOD_PER_S) / (GOOD_PER_S - 280.0);
    assert!(answered(&requests, over_s + 15.0, 600.0) > 0.999);
    is_about(asked_per_s(&taken, 300.0, 600.0), 140.0);
}
