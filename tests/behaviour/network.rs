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
