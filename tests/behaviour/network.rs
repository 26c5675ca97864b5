//! A reset and silence are different faults, and riders can tell.

use crate::support::*;

/// When one of three gateways is struck. It has stood still for 2 s by then, so that what it was asked is in flight.
const STRUCK_AT_S: f64 = 62.0;

/// How long phones wait for an answer.
const TIMEOUT_S: f64 = 4.0;

/// The longest round trip between zones, by default, and that to a phone, as overridden: phones are near, so that milliseconds can be told.
const BETWEEN_ZONES_S: f64 = 0.012_3;
const TO_PHONES_S: f64 = 0.004;

/// What processors on the way may add to that.
const WORK_S: f64 = 0.001;

/// Requests that failed at their only attempt: those that were in flight when the fault struck, and those that were meant while it lasted.
fn failed_at_a_gateway(fault: &str) -> (Vec<Request>, Vec<Request>) {
    let rest = format!(
        "clients = {{ timeout = \"4s\" }}\n\
         [[fault]]\nat = \"60s\"\nprocess-pause = {{ process = \"gateway-0\", for = \"4s\" }}\n\
         [[fault]]\nat = \"62s\"\n{fault}\n\
         [override]\n\"network.internet\" = {{ median = \"2ms\", p99 = \"3ms\", max = \"4ms\" }}\n\
         \"network.internet_loss\" = \"0%\""
    );
    let (_, requests, _) = recorded(&scenario("100/s", "2m", &rest));
    let meant = |from_s: f64, to_s: f64| -> Vec<Request> {
        let within = requests.iter().filter(|request| (from_s..to_s).contains(&request.meant_at_s));
        within.filter(|request| request.failed() && request.attempts == 1).cloned().collect()
    };
    let (in_flight, later) = (meant(60.1, 61.9), meant(62.1, 75.0));
    // A third of 100 a second, nearly all of which repeat by themselves and are not tried again.
    assert!(in_flight.len() > 30 && later.len() > 200, "{} in flight, {} later", in_flight.len(), later.len());
    (in_flight, later)
}

#[test]
fn a_killed_process_resets_what_is_in_flight_and_clients_know_in_milliseconds() {
    let kill = "process-crash = { process = \"gateway-0\", restart_after = \"20s\" }";
    let (in_flight, later) = failed_at_a_gateway(kill);
    for request in in_flight.iter().chain(&later) {
        assert_eq!(request.failure.as_deref(), Some("outcome-unknown"), "a bad gateway, not a time-out: {request:?}");
    }
    // The reset goes one way: from the host to the load balancer's node, and on to the phone.
    let one_way_s = (BETWEEN_ZONES_S + TO_PHONES_S) / 2.0;
    let known = |request: &Request| (0.0..one_way_s + WORK_S).contains(&(request.ended_at_s - STRUCK_AT_S));
    assert!(in_flight.iter().all(known), "{in_flight:#?}");
    // Whoever asks then is refused, within a round trip from phone to host.
    let waited = |request: &Request| request.ended_at_s - request.meant_at_s;
    assert!(later.iter().all(|request| waited(request) < BETWEEN_ZONES_S + TO_PHONES_S + WORK_S), "{later:#?}");
}

#[test]
fn a_host_behind_a_blackhole_is_waited_for_until_time_outs() {
    let blackhole = "host-network-blackhole = { host = \"gateway-0\", for = \"20s\" }";
    let (in_flight, later) = failed_at_a_gateway(blackhole);
    for request in in_flight.iter().chain(&later) {
        assert_eq!(request.failure.as_deref(), Some("timeout"), "{request:?}");
        let waited_s = request.ended_at_s - request.meant_at_s;
        assert!((waited_s - TIMEOUT_S).abs() < 1e-6, "nobody tells anybody anything before the deadline: {request:?}");
    }
}

/// Requests that needed another attempt, of people who opened the app when the lost node's address was no longer in DNS.
fn second_attempts(overstaying: &str) -> usize {
    let rest = format!(
        "[[fault]]\nat = \"1m\"\nload-balancer-node-loss = {{ zone = \"us-east-1a\", for = \"8m\" }}\n\
         [override]\n\"route53.overstaying\" = \"{overstaying}\"\n\"route53.overstay\" = \"10m\""
    );
    let (_, requests, _) = recorded(&scenario_on("aws-microservice", "100/s", "10m", &rest));
    // Half a minute until it is withdrawn, and a time to live.
    let late = requests.iter().filter(|request| (180.0..480.0).contains(&request.meant_at_s));
    late.filter(|request| request.journey == "sign-in" && request.attempts > 1).count()
}

#[test]
fn a_resolver_that_overstays_sends_people_to_a_node_that_is_gone() {
    let (few, many) = (second_attempts("0%"), second_attempts("100%"));
    assert!(many > few + 5, "{few} and {many}");
}
