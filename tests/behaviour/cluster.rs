//! What a cluster does for riders, and what it does not.

use crate::support::*;

fn cluster(duration: &str, rest: &str) -> rehearsal::prepare::Prepared {
    scenario_on("aws-microservice", "40/s", duration, rest)
}

/// How many requests were not served at all, and how many only at a second attempt.
fn harm(duration: &str, rest: &str) -> (usize, usize) {
    let (_, requests, _) = recorded(&cluster(duration, rest));
    let meant: Vec<_> = requests.iter().filter(|request| request.meant_at_s >= 0.0).collect();
    let failed = meant.iter().filter(|request| request.failed()).count();
    (failed, meant.iter().filter(|request| !request.failed() && request.attempts > 1).count())
}

#[test]
fn a_drain_with_a_budget_and_a_pause_before_the_end_costs_no_request() {
    let drain = "[[fault]]\nat = \"1m\"\ndrain-node = { node = \"node-0\", for = \"3m\" }";
    // The pause is longer than the gateway keeps the request of a phone that listens.
    let kept = "[override]\n\"kubernetes.disruption_budget\" = 1\n\"kubernetes.pre_stop\" = \"20s\"";
    assert_eq!(harm("5m", &format!("{drain}\n{kept}")), (0, 0));
    // With neither, whoever was being served by a pod that ends hears nothing more; what beats regularly is not tried again.
    let (failed, _) = harm("5m", drain);
    assert!(failed > 0);
}

#[test]
fn an_eviction_waits_for_its_budget_and_without_one_all_replicas_on_the_node_go_at_once() {
    // Everything runs in one zone, on two nodes: without a budget half of every service goes at once.
    let drained_at = |budget: &str| {
        let rest = format!(
            "[[fault]]\nat = \"1m\"\ndrain-node = {{ node = \"node-0\", for = \"3m\" }}\n[override]\n{budget}\n\
             \"kubernetes.zones\" = [\"us-east-1a\"]\n\"kubernetes.nodes\" = 2\n\"kubernetes.allocatable\" = 16\n\"kubernetes.cores\" = 16"
        );
        let (report, ..) = recorded(&cluster("5m", &rest));
        times_of(&report, "kubernetes", "node drained")[0]
    };
    let (without, with) = (drained_at(""), drained_at("\"kubernetes.disruption_budget\" = 1"));
    assert!((without - 60.0).abs() < 1.0, "{without}");
    assert!(with > 65.0, "the second pod of a service waits until the first is replaced: {with}");
}

/// How many quotes failed while a release of pricing was there, which was taken back after two minutes.
fn failed_quotes(defect: &str, rest: &str) -> (usize, usize) {
    let deploy =
        format!("[[fault]]\nat = \"2m\"\ndeploy = {{ service = \"pricing\", {defect} rollback_after = \"2m\" }}");
    let (_, requests, _) = recorded(&scenario_on("aws-microservice", "100/s", "6m", &format!("{deploy}\n{rest}")));
    let quotes =
        requests.iter().filter(|request| request.journey == "quote" && (130.0..240.0).contains(&request.meant_at_s));
    let failed = quotes.clone().filter(|request| request.failed()).count();
    (failed, quotes.count())
}

#[test]
fn a_release_that_never_gets_ready_hurts_nobody_behind_a_readiness_probe_and_everybody_without() {
    let (failed, all) = failed_quotes("defect = \"never-ready\",", "");
    assert!(all > 20 && failed == 0, "{failed} of {all}: the old pods serve");
    // Nothing is asked before a pod counts as ready, nor afterwards: each new pod takes the place of an old one at once.
    let unprobed = "[override]\n\"kubernetes.readiness_probe\" = false\n\"kubernetes.liveness_probe\" = false";
    let (failed, all) = failed_quotes("defect = \"never-ready\",", unprobed);
    assert!(failed * 10 > all * 9, "{failed} of {all}: nobody is left who prices");
}

#[test]
fn a_release_that_says_it_is_well_and_fails_passes_the_probe() {
    let (failed, all) = failed_quotes("defect = \"fails-requests\",", "");
    assert!(failed * 2 > all, "{failed} of {all}");
    let (failed, all) = failed_quotes("", "");
    assert!(failed == 0, "{failed} of {all}: a good one changes nothing for anybody");
}

#[test]
fn a_lost_zones_pods_are_replaced_after_grace_and_toleration() {
    let loss = "[[fault]]\nat = \"1m\"\nzone-power-loss = { zone = \"us-east-1c\", for = \"8m\" }";
    let (report, requests, _) = recorded(&cluster("10m", loss));
    let unreachable = times_of(&report, "kubernetes", "node unreachable");
    // The last lease was renewed up to 10 s before the loss; 40 s of grace, looked at every 5 s.
    assert!(unreachable.len() == 1 && (90.0..=105.0).contains(&unreachable[0]), "{unreachable:?}");
    let given_up = times_of(&report, "kubernetes", "pods given up");
    assert_eq!(given_up, [unreachable[0] + 300.0]);
    // Long before that, nobody is sent there any more.
    let later = requests.iter().filter(|request| (200.0..500.0).contains(&request.meant_at_s));
    assert_eq!(later.filter(|request| request.failed()).count(), 0);
}

#[test]
fn while_every_zone_is_gone_nothing_is_given_up() {
    let loss =
        |zone: &str| format!("[[fault]]\nat = \"1m\"\nzone-power-loss = {{ zone = \"{zone}\", for = \"8m\" }}\n");
    let all = ["us-east-1a", "us-east-1b", "us-east-1c"].map(loss).concat();
    let (report, ..) = recorded(&cluster("12m", &all));
    assert_eq!(times_of(&report, "kubernetes", "node unreachable").len(), 3);
    assert_eq!(times_of(&report, "kubernetes", "pods given up"), [] as [f64; 0]);
}

#[test]
fn pods_that_are_killed_are_missed_only_until_callers_know() {
    let kill = "[[fault]]\nat = \"1m\"\nkill-pod = { service = \"trips\", pods = 2 }";
    let (_, requests, _) = recorded(&cluster("4m", kill));
    let later = requests.iter().filter(|request| request.meant_at_s > 90.0 && request.failed()).count();
    assert_eq!(later, 0, "two new ones serve within half a minute");
}

#[test]
fn a_surge_of_requests_brings_more_replicas_where_processor_time_alone_would_not() {
    let surge = "[[fault]]\nat = \"2m\"\ndemand-surge = { factor = 4, for = \"5m\" }";
    let scaled = |target: &str| {
        let autoscale = format!("\"service.trips.autoscale\" = {{ min = 3, max = 9, cpu = \"70%\"{target} }}");
        let (report, ..) = recorded(&cluster("8m", &format!("{surge}\n[override]\n{autoscale}")));
        times_of(&report, "kubernetes", "scaled")
    };
    assert_eq!(scaled(""), [] as [f64; 0], "a trip's status costs hardly any processor time");
    let by_requests = scaled(", requests = \"1/s\"");
    assert!(!by_requests.is_empty() && by_requests[0] > 120.0, "{by_requests:?}");
}
