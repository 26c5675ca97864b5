//! What seeds draw.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use faults::chaos::{FAULTS_MIN, plan};
use scenarios::{FaultKind, Library, Loaded, Scenario, load, load_str};

fn base_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/chaos/town.toml")
}

fn library() -> Library {
    Library::around(base_file().parent().expect("a directory"))
}

fn plans(seeds: std::ops::Range<u64>) -> Vec<Scenario> {
    let Loaded { scenario, blueprint, .. } = load(&base_file()).unwrap_or_else(|problems| panic!("{problems}"));
    seeds.map(|seed| plan(&scenario, &blueprint, seed)).collect()
}

/// Plans for another architecture under the same traffic.
fn plans_on(blueprint: &str, seeds: std::ops::Range<u64>) -> Vec<Scenario> {
    let text = std::fs::read_to_string(base_file()).expect("the base is there");
    let text = text.replace("\"aws-microservice\"", &format!("\"{blueprint}\""));
    let loaded = load_str("base.toml", &text, &library()).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.blueprint_path.ends_with(format!("{blueprint}.toml")));
    seeds.map(|seed| plan(&loaded.scenario, &loaded.blueprint, seed)).collect()
}

#[test]
fn a_plan_is_an_ordinary_scenario_that_survives_being_written_and_read() {
    for scenario in plans(0..500).into_iter().chain(plans_on("aws-microservice-as-commanded", 0..100)) {
        let text = scenario.to_toml();
        let loaded = load_str("plan.toml", &text, &library()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(loaded.scenario, scenario, "{text}");
    }
}

#[test]
fn the_same_seed_draws_the_same_and_every_kind_is_drawn_by_some() {
    let drawn = plans(0..500);
    assert_eq!(drawn, plans(0..500));
    // What only a cache with replicas has is drawn where there is one.
    let elsewhere = plans_on("aws-microservice-as-commanded", 0..100);
    let kinds: BTreeSet<&str> =
        drawn.iter().chain(&elsewhere).flat_map(|plan| &plan.faults).map(|fault| fault.kind.key()).collect();
    assert_eq!(kinds, FaultKind::KEYS.iter().copied().collect());
    let orders: BTreeSet<bool> = drawn.iter().map(|plan| plan.draw_order).collect();
    assert_eq!(orders.len(), 2, "some seeds draw the order of an instant, and some do not");
}

#[test]
fn a_plan_has_enough_faults_in_time_and_no_seed_has_every_kind() {
    for plan in plans(0..500) {
        assert!(plan.faults.len() >= FAULTS_MIN);
        assert!(plan.faults.iter().all(|fault| fault.at < plan.duration));
        assert!(plan.faults.is_sorted_by_key(|fault| fault.at));
        assert_eq!((plan.duration, plan.warmup), (Duration::from_secs(600), Duration::from_secs(60)));
        let kinds: BTreeSet<&str> = plan.faults.iter().map(|fault| fault.kind.key()).collect();
        assert!(kinds.len() <= 7, "six drawn kinds and what a swizzle is made of: {kinds:?}");
    }
}

/// Hosts that leave one by one, all of them away at once, and come back in another order.
#[test]
fn some_plans_swizzle() {
    let plans = plans(0..200);
    let swizzles = plans.iter().filter(|plan| {
        let cuts: Vec<(Duration, Duration)> = plan
            .faults
            .iter()
            .filter(|fault| fault.kind.key() == "host-network-blackhole")
            .map(|fault| (fault.at, fault.at + fault.kind.heals_after().expect("it heals")))
            .collect();
        let all_gone = cuts.iter().map(|(from, _)| *from).max() < cuts.iter().map(|(_, to)| *to).min();
        cuts.len() >= 4 && all_gone && !cuts.is_sorted_by_key(|(_, to)| *to)
    });
    assert!(swizzles.count() >= 5);
}
