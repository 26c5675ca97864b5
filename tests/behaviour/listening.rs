//! The phones' push channel: what it spares, and that nobody misses anything where it fails.

use crate::support::*;

/// Looks for offers a second, of those meant in a span.
fn looks_per_s(requests: &[Request], from_s: f64, to_s: f64) -> f64 {
    let meant = requests.iter().filter(|request| (from_s..to_s).contains(&request.meant_at_s));
    meant.filter(|request| request.journey == "offer-poll").count() as f64 / (to_s - from_s)
}

/// Offers that drivers answered, of those meant in a span.
fn answered(requests: &[Request], from_s: f64, to_s: f64) -> usize {
    let meant = requests.iter().filter(|request| (from_s..to_s).contains(&request.meant_at_s) && !request.failed());
    meant.filter(|request| request.journey == "offer-answer").count()
}

#[test]
fn phones_listen_and_look_by_themselves_while_the_cache_is_dead_and_after_their_gateway_crashed() {
    let dead =
        |server: &str| format!("[[fault]]\nat = \"2m\"\nhost-power-loss = {{ host = \"{server}\", for = \"2m\" }}\n");
    let mut faults = ["redis-0-0", "redis-1-0", "redis-2-0"].map(dead).concat();
    faults += "[[fault]]\nat = \"7m\"\nprocess-crash = { process = \"gateway\", restart_after = \"2s\" }";
    let (report, requests, _) = recorded(&scenario_on("aws-microservice", "100/s", "10m", &faults));
    let rate = report.outcome.request_rate;
    assert!(rate.sent_per_s < rate.measured_per_s * 0.9, "{rate:?}");
    let [listening, alone, again, broken, after] =
        [(30.0, 119.0), (150.0, 239.0), (330.0, 419.0), (425.0, 435.0), (510.0, 599.0)]
            .map(|(from_s, to_s)| looks_per_s(&requests, from_s, to_s));
    // A look every 12 s, or every 4 s.
    assert!((2.5..3.5).contains(&(alone / listening)), "{listening} looks a second, then {alone}");
    assert!((2.5..3.5).contains(&(alone / again)), "{alone} looks a second, then {again}");
    assert!(broken > again * 1.5, "{again} looks a second, then {broken}");
    assert!((2.5..3.5).contains(&(alone / after)), "{alone} looks a second, then {after}");
    // Trips find drivers all the same.
    let (told, found) = (answered(&requests, 30.0, 119.0), answered(&requests, 150.0, 239.0));
    assert!(told > 8 && found * 2 > told, "{told} offers answered, then {found}");
}

#[test]
fn a_zone_with_the_server_that_nudges_went_through_leaves_the_channel_to_the_others() {
    let lost = "[[fault]]\nat = \"2m\"\nzone-power-loss = { zone = \"us-east-1a\", for = \"8m\" }";
    let (_, requests, _) = recorded(&scenario_on("aws-microservice", "100/s", "8m", lost));
    let (before, after) = (looks_per_s(&requests, 30.0, 119.0), looks_per_s(&requests, 390.0, 479.0));
    assert!(after < before * 1.3, "{before} looks a second, then {after}");
}
