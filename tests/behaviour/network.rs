//! A reset and silence are different faults, and riders can tell.

use crate::support::*;

fn longest_wait_s(fault: &str) -> f64 {
    let fault = format!("[[fault]]\nat = \"2m\"\n{fault}");
    let (_, requests, _) = recorded(&scenario("40/s", "5m", &fault));
    // Only those that met the fault: meant just before it or while it lasted.
    let met = requests.iter().filter(|request| (115.0..150.0).contains(&request.meant_at_s));
    met.map(|request| request.ended_at_s - request.meant_at_s).fold(0.0, f64::max)
}

#[test]
fn a_killed_gateway_is_known_at_once_and_a_silent_one_is_waited_for() {
    let killed = longest_wait_s("process-crash = { process = \"gateway-0\", restart_after = \"30s\" }");
    let silent = longest_wait_s("host-power-loss = { host = \"gateway-0\", for = \"30s\" }");
    assert!(silent > 2.0, "a silent gateway costs a time-out: {silent}");
    assert!(killed < silent / 2.0, "a killed one a reset: {killed} and {silent}");
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
