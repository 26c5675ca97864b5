//! The first gate: one seed is one run, in every process; and where it is not, the check says so.

use std::path::Path;
use std::process::{Command, Output};

fn verify(scenario: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["verify", scenario, "--seed", "7"]);
    command.envs(environment.iter().copied()).output().expect("the command starts")
}

#[test]
fn every_smoke_scenario_is_the_same_in_two_processes() {
    let shelf = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke");
    let mut scenarios: Vec<_> =
        shelf.read_dir().expect("the shelf").map(|entry| entry.expect("a file").path()).collect();
    scenarios.sort();
    assert!(scenarios.iter().any(|file| file.ends_with("whole.toml")), "the whole platform is among {scenarios:?}");
    for scenario in scenarios {
        let output = verify(scenario.to_str().expect("a plain name"), &[]);
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
