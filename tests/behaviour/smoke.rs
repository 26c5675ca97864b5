//! Smoke scenarios are quick. What one costs is counted in events, which are as many on every machine.

use std::path::Path;

use rehearsal::prepare::prepare;

use crate::support::*;

/// Events of a scenario at most, until everything is at rest: what a core that makes 100,000 of them a second does in 5 s. The slowest that
/// these scenarios were seen to run at was five times that.
const EVENTS_MAX: u64 = 500_000;

#[test]
fn every_smoke_scenario_is_over_in_five_seconds_of_a_slow_core() {
    let shelf = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke");
    let files = shelf.read_dir().expect("the shelf").map(|entry| entry.expect("a file").path());
    let costs = files.map(|file| {
        let prepared = prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}"));
        (file, rehearsed(&prepared).outcome.speed.events)
    });
    let costs: Vec<_> = costs.collect();
    assert!(!costs.is_empty() && costs.iter().all(|(_, events)| *events <= EVENTS_MAX), "{costs:#?}");
}
