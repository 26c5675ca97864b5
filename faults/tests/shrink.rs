//! Shrinking, with failures that are made up: it must end at what they need and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use faults::{Attempt, shrink};
use proptest::prelude::*;
use scenarios::fault::{HostPowerLoss, ProcessorOutage};
use scenarios::{Fault, FaultKind, Library, Loaded, Override, Scenario, Traffic, load_str};

fn base() -> Loaded {
    let text = r#"
        title = "made up"
        blueprint = "aws-microservice-database"
        city = "town"
        start = "Wed 12:00"
        duration = "10m"
        warmup = "2m"
        traffic = { requests = "100/s" }
    "#;
    let around = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/chaos");
    load_str("made-up.toml", text, &Library::around(&around)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A fault that can be told from the others by its host.
fn fault(at_s: u64, number: usize, window_s: u64) -> Fault {
    let host = format!("host-{number}");
    let duration = Duration::from_secs(window_s);
    Fault { at: Duration::from_secs(at_s), kind: FaultKind::HostPowerLoss(HostPowerLoss { host, duration }) }
}

fn number(fault: &Fault) -> usize {
    match &fault.kind {
        FaultKind::HostPowerLoss(loss) => loss.host["host-".len()..].parse().expect("a number"),
        other => panic!("{other:?} was not there"),
    }
}

fn requests(scenario: &Scenario) -> f64 {
    match scenario.traffic {
        Traffic::Requests { per_second } => per_second,
        _ => panic!("traffic was said in requests"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_failure_needs_stays_and_everything_else_goes(
        faults in prop::collection::vec((0..500u64, 2..120u64), 1..12),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        needs_window_s in 1..40u64,
        needs_requests in 1..100u64,
    ) {
        let Loaded { mut scenario, blueprint, .. } = base();
        scenario.faults = faults.iter().enumerate().map(|(number, (at, window))| fault(*at, number, *window)).collect();
        scenario.faults.sort_by_key(|fault| fault.at);
        let needed: BTreeSet<usize> = chosen.iter().map(|index| index.index(faults.len())).collect();
        // It fails while all of these are there, each as long as it was or as this, under so much traffic.
        let window = |number: usize| Duration::from_secs(needs_window_s.min(faults[number].1));
        let fails = |candidate: &Scenario| {
            let there: BTreeSet<usize> = candidate.faults.iter().map(number).collect();
            let long_enough = |fault: &Fault| {
                !needed.contains(&number(fault)) || fault.kind.heals_after().is_some_and(|span| span >= window(number(fault)))
            };
            needed.is_subset(&there)
                && candidate.faults.iter().all(long_enough)
                && requests(candidate) >= needs_requests as f64
        };
        let mut tried = 0_u64;
        let mut attempt = |candidate: &Scenario| {
            tried += 1;
            assert!(candidate.faults.iter().all(|fault| fault.at < candidate.duration), "a candidate must load");
            if fails(candidate) { Attempt::Fails } else { Attempt::Holds }
        };
        let shrunk = shrink(scenario.clone(), &blueprint, &mut attempt);
        prop_assert_eq!(tried, shrunk.attempts);
        prop_assert!(shrunk.minimal && fails(&shrunk.scenario));
        let left: BTreeSet<usize> = shrunk.scenario.faults.iter().map(number).collect();
        prop_assert_eq!(left, needed);
        prop_assert_eq!(shrunk.scenario.faults.iter().map(|fault| fault.at).min(), Some(Duration::ZERO));
        for fault in &shrunk.scenario.faults {
            let (span, least) = (fault.kind.heals_after().expect("it heals"), window(number(fault)));
            // Bisection stops short of the least by an eighth of what it searched.
            prop_assert!(span <= least + Duration::from_secs(faults[number(fault)].1 / 8 + 1), "{span:?} {least:?}");
        }
        prop_assert!(requests(&shrunk.scenario) <= needs_requests as f64 + 100.0 / 8.0 + 1.0);
        let one_replica = Override { path: "service.trips.replicas".to_owned(), value: "1".to_owned() };
        prop_assert!(shrunk.scenario.overrides.contains(&one_replica));
    }
}

#[test]
fn when_time_runs_out_the_best_so_far_is_kept_and_said_not_to_be_minimal() {
    let Loaded { mut scenario, blueprint, .. } = base();
    scenario.faults = (0..8).map(|number| fault(10, number, 60)).collect();
    let mut left = 3;
    let mut attempt = |candidate: &Scenario| {
        if left == 0 {
            return Attempt::OutOfTime;
        }
        left -= 1;
        if candidate.faults.iter().any(|fault| number(fault) == 7) { Attempt::Fails } else { Attempt::Holds }
    };
    let shrunk = shrink(scenario, &blueprint, &mut attempt);
    assert!(!shrunk.minimal);
    assert_eq!((shrunk.attempts, shrunk.scenario.faults.len()), (4, 4), "half of the faults went, and time was over");
}

#[test]
fn a_failure_that_needs_no_fault_at_all_loses_them_all() {
    let Loaded { mut scenario, blueprint, .. } = base();
    let duration = Duration::from_secs(60);
    scenario.faults = vec![Fault { at: duration, kind: FaultKind::ProcessorOutage(ProcessorOutage { duration }) }];
    let shrunk = shrink(scenario, &blueprint, &mut |_| Attempt::Fails);
    assert!(shrunk.minimal && shrunk.scenario.faults.is_empty());
    assert_eq!(shrunk.scenario.duration, Duration::from_secs(1));
}
