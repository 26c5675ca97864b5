//! What the sentences say of the synthetic runs.

use super::*;
use crate::fixture;
use crate::measures::recovery::LateBreach;

/// The outage, in which a cache besides has lost writes, of which no tier knows.
fn with_a_cache() -> Outcome {
    let mut outcome = fixture::outage().outcome;
    let cache = StoreOutcome { lost: 229, oldest_age_s: Some(44.0), accepted: true, ..StoreOutcome::default() };
    outcome.stores.insert("redis".to_string(), cache);
    outcome
}

#[test]
fn a_promise_that_is_kept_names_the_losses_that_it_does_not_look_at() {
    let outcome = with_a_cache();
    let told: Vec<Vec<String>> = outcome.objectives.iter().map(|objective| not_in(objective, &outcome)).collect();
    let of_cache = "not in it: 229 lost writes of redis, which counts in no tier".to_string();
    assert_eq!(told, [vec![], vec![of_cache], vec![], vec![], vec![]]);
    assert_eq!(outcome.objectives[1].metric, Metric::RecoveryPoint(Tier::Critical));
}

#[test]
fn a_store_without_an_objective_has_no_number_for_what_it_may_lose() {
    let outcome = with_a_cache();
    let cache = &outcome.stores["redis"];
    assert_eq!(loss_judgement("redis", cache, &outcome.objectives), "no objective declared");
    assert_eq!(loss_judgement("orders-db", cache, &outcome.objectives), "judged by critical.rpo");
    let divergent = StoreOutcome { lost: 0, divergent: 15, oldest_age_s: None, ..cache.clone() };
    let unseen = loss_judgement("orders-db", &divergent, &outcome.objectives);
    assert_eq!(unseen, "no objective looks at divergent writes");
    let mut counted = outcome.objectives.clone();
    counted[1].metric = Metric::LostWrites(Tier::Critical);
    assert_eq!(loss_judgement("orders-db", &divergent, &counted), "judged by critical.lost");
    let declared = StoreOutcome { declared_rpo_s: Some(60.0), ..cache.clone() };
    assert_eq!(loss_judgement("redis", &declared, &[]), "1 m accepted: within");
    let broken = StoreOutcome { accepted: false, ..declared };
    assert_eq!(loss_judgement("redis", &broken, &[]), "1 m accepted: a bug");
    let none_accepted = StoreOutcome { declared_rpo_s: Some(0.0), ..broken };
    assert_eq!(loss_judgement("redis", &none_accepted, &[]), "none accepted: a bug");
}

#[test]
fn a_promise_about_losses_of_no_store_says_that_there_is_none() {
    let mut report = fixture::outage();
    report.outcome.stores.get_mut("orders-db").expect("the fixture has it").tiers.clear();
    let promised = crate::measures::objectives::judge(&report.run.objectives, &report.outcome);
    assert_eq!(value_text(&promised[1], &report), "unknown: no store counts in it");
}

#[test]
fn what_else_is_pending_is_counted_in_groups() {
    let mut report = fixture::broken();
    report.outcome.verdict = Verdict::NotConverged;
    let pending = |outcome: &Outcome| outcome.pending.iter().find(|one| one.kind == Unrest::Pending).cloned();
    let another = pending(&report.outcome).expect("the fixture has it");
    assert!(verdict(&report).ends_with("who never answered"), "{}", verdict(&report));
    report.outcome.pending.push(another.clone());
    assert!(verdict(&report).ends_with("who never answered; and 1 more group"), "{}", verdict(&report));
    report.outcome.pending.push(another);
    assert!(verdict(&report).ends_with("; and 2 more groups"), "{}", verdict(&report));
}

#[test]
fn the_only_breach_is_told_from_the_onset() {
    let mut tier = fixture::outage().outcome.tiers[&Tier::Critical].clone();
    let mut told = |kinds: &[&str]| {
        let kinds = kinds.iter().map(|kind| kind.to_string()).collect();
        tier.late_breach = Some(LateBreach { apart_s: 1_560.0, journeys: 23, kinds, rto_without_s: 0.0 });
        late_breach(&tier).expect("it stands apart")
    };
    assert_eq!(told(&[]), "RTO ends with a breach 26 m after the onset, seen in 23 requests; without it 0 s");
    assert!(told(&["request"]).contains(", seen in 23 requests of the kind request; "));
    assert!(told(&["request", "quote"]).contains(", seen in 23 requests of the kinds request, quote; "));
    tier.late_breach = None;
    assert_eq!(late_breach(&tier), None);
}
