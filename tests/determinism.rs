//! The first gate: one seed is one run, in every process; and where it is not, the check says so.

use std::process::{Command, Output};

fn verify(scenario: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["verify", scenario, "--seed", "7"]);
    command.envs(environment.iter().copied()).output().expect("the command starts")
}

#[test]
fn every_smoke_scenario_is_the_same_in_two_processes() {
    for scenario in ["ride", "crash", "failover", "pause"] {
        let output = verify(&format!("scenarios/smoke/{scenario}.toml"), &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// The canary is a process whose sleeps depend on a randomly keyed hasher: nondeterminism as people really commit it.
#[cfg(feature = "canary")]
#[test]
fn a_planted_canary_is_caught_and_named() {
    let output = verify("scenarios/smoke/ride.toml", &[("REHEARSAL_CANARY", "1")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(12), "{said}");
    let context = said.split("up to the first event that differs").nth(1).expect("the first context");
    assert!(context.lines().any(|line| line.contains("canary")), "{said}");
}
