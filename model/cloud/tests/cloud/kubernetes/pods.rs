//! Pods: when they get requests, and what becomes of them when they end, hang or are to go.

use std::time::Duration;

use cloud::kubernetes::{Autoscaling, Defect, Parameters, PodParameters, Probe};

use super::support::*;

#[test]
fn a_pod_gets_requests_once_it_was_found_ready_and_callers_were_told() {
    let mut scene = scene(3, Parameters::default());
    scene.run(5);
    assert_eq!(scene.running().len(), 3, "they run");
    assert!(scene.known_in("a").is_empty(), "the first probe came before their ports were open");
    scene.run(10);
    assert!(scene.known_in("a").is_empty());
    // The second probe, and then a second until the nodes' rules are written.
    scene.run(12);
    for zone in ["a", "b", "c"] {
        let mut hosts = scene.known_in(zone);
        hosts.sort_unstable();
        assert_eq!(hosts, scene.cluster.nodes, "one pod in each zone, and every node knows all");
    }
}

#[test]
fn a_container_that_ends_is_restarted_on_its_node_ever_more_rarely() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let victim = named(&scene.engine, "echo-0");
    scene.at(30, move |control| control.crash(victim, None));
    scene.run(31);
    assert!(scene.engine.control().is_running(victim), "at once the first time");
    scene.at(40, move |control| control.crash(victim, None));
    scene.run(49);
    assert!(!scene.engine.control().is_running(victim));
    assert_eq!(scene.known_in("b").len(), 2, "callers were told");
    scene.run(51);
    assert!(scene.engine.control().is_running(victim), "after ten seconds the second time");
    scene.run(80);
    assert_eq!(scene.known_in("b").len(), 3);
}

#[test]
fn a_pod_that_hangs_loses_its_requests_and_is_restarted_after_three_probes() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let victim = named(&scene.engine, "echo-0");
    scene.at(25, move |control| control.pause(victim));
    // Probes at 30, 40 and 50 get no answer within their second.
    scene.run(50);
    assert_eq!(scene.known_in("b").len(), 3);
    scene.run(53);
    assert_eq!(scene.known_in("b").len(), 2);
    scene.run(80);
    assert_eq!(scene.known_in("b").len(), 3, "a fresh container serves in its place");
    assert_eq!(scene.running().len(), 3);
}

#[test]
fn without_a_liveness_probe_a_pod_that_hangs_is_only_left_alone() {
    let pod = PodParameters { liveness: None, ..PodParameters::default() };
    let mut scene = scene(3, Parameters { pod, ..Parameters::default() });
    scene.run(20);
    let victim = named(&scene.engine, "echo-0");
    scene.at(25, move |control| control.pause(victim));
    scene.at(100, move |control| control.resume(victim));
    scene.run(100);
    assert_eq!(scene.known_in("b").len(), 2);
    scene.run(115);
    assert_eq!(scene.known_in("b").len(), 3, "it was never restarted, and answers again");
}

#[test]
fn a_killed_pod_is_gone_at_once_and_another_takes_its_place() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let before = scene.running();
    let operator = scene.cluster.operator.clone();
    scene.at(20, move |_| operator.kill(SERVICE, 1));
    scene.run(21);
    let after = scene.running();
    assert!(!after.iter().any(|(name, _)| name == "echo-0") && after.iter().any(|(name, _)| name == "echo-3"));
    assert_eq!((before.len(), after.len()), (3, 3));
    scene.run(40);
    assert_eq!(scene.known_in("a").len(), 3);
}

#[test]
fn a_pod_that_is_to_go_waits_until_callers_know() {
    let pod = PodParameters { pre_stop: Duration::from_secs(5), ..PodParameters::default() };
    let mut scene = scene(3, Parameters { pod, ..Parameters::default() });
    scene.run(20);
    let operator = scene.cluster.operator.clone();
    scene.at(20, move |_| operator.drain("node-0"));
    scene.run(22);
    assert_eq!(scene.known_in("b").len(), 2, "no new requests");
    assert_eq!(scene.running().len(), 4, "but it serves those that it has, beside its successor");
    scene.run(26);
    let host = scene.cluster.nodes[0];
    assert!(scene.running().iter().all(|(_, on)| *on != host));
    scene.run(60);
    assert_eq!(scene.known_in("b").len(), 3);
}

#[test]
fn a_bad_release_holds_at_its_first_pod_until_it_is_rolled_back() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let operator = scene.cluster.operator.clone();
    let taking_back = operator.clone();
    scene.at(20, move |_| operator.deploy(SERVICE, Some(Defect::NeverReady)));
    scene.at(700, move |_| taking_back.roll_back(SERVICE));
    scene.run(699);
    assert_eq!(scene.known_in("a").len(), 3);
    assert_eq!(scene.when("rollout stalled").len(), 1);
    scene.run(710);
    assert_eq!(scene.running().len(), 3);
    assert_eq!(scene.when("rolled out").len(), 1);
}

#[test]
fn a_pods_limit_throttles_it_however_many_cores_its_node_has() {
    let mut scene = scene(1, Parameters::default());
    scene.run(20);
    let took = scene.ask(8, 250, Duration::ZERO);
    scene.run(60);
    let longest = *took.borrow().iter().max().expect("all were answered");
    // Two seconds of work at one core; its node has eight.
    assert_eq!((took.borrow().len(), LIMIT_MILLICORES), (8, 1_000));
    assert!((1.9..2.2).contains(&longest.as_secs_f64()), "{longest:?}");
}

#[test]
fn replicas_follow_what_their_pods_use() {
    let autoscaling =
        Some(Autoscaling { replicas_min: 1, replicas_max: 5, cpu_percent: 50, requests_milli_per_s: None });
    let mut scene = scaled(1, autoscaling, Parameters::default());
    scene.run(60);
    assert_eq!(scene.running().len(), 1, "an idle pod is enough");
    // One core, of the half that it requests: four pods would use 50 hundredths each.
    scene.ask(1_000, 250, Duration::from_millis(250));
    scene.run(120);
    assert_eq!(scene.running().len(), 4);
    assert!(!scene.when("scaled").is_empty());
    // The requests are over at 310 s. What was wanted last keeps the replicas for five minutes more.
    scene.run(600);
    assert_eq!(scene.running().len(), 4);
    scene.run(700);
    assert_eq!(scene.running().len(), 1);
}

#[test]
fn replicas_follow_the_requests_that_their_pods_take_where_processor_time_alone_would_not_grow_them() {
    let surge = |requests_milli_per_s| {
        let autoscaling = Some(Autoscaling { replicas_min: 1, replicas_max: 9, cpu_percent: 50, requests_milli_per_s });
        let mut scene = scaled(1, autoscaling, Parameters::default());
        scene.run(150);
        assert_eq!(scene.running().len(), 1, "an idle pod is enough");
        // Forty a second for five minutes that cost nothing.
        scene.ask(12_000, 0, Duration::from_millis(25));
        scene
    };
    let mut by_processor = surge(None);
    by_processor.run(400);
    assert_eq!(by_processor.running().len(), 1);

    let mut by_requests = surge(Some(10_000));
    by_requests.run(165);
    assert_eq!(by_requests.running().len(), 1, "the rate is that of two minutes, read every 15 s");
    by_requests.run(300);
    assert_eq!(by_requests.running().len(), 4, "four of ten a second each, though one takes them all");
    let scaled = by_requests.when("scaled");
    assert!(scaled[0] > 165.0 && scaled[0] <= 210.0, "{scaled:?}");
    // The surge is over at 450 s, and out of the rates at 570 s: five minutes later the most that was wanted is one.
    by_requests.run(750);
    assert_eq!(by_requests.running().len(), 4);
    by_requests.run(920);
    assert_eq!(by_requests.running().len(), 1);
}

/// A service whose pods take 45 s until they open their ports.
fn slow(startup: Option<Probe>) -> Scene {
    let pod = PodParameters { startup, ..PodParameters::default() };
    let parameters = Parameters { pod, ..Parameters::default() };
    stage(Setup { replicas: 1, start: Duration::from_secs(45), parameters, ..Setup::default() })
}

#[test]
fn a_pod_that_starts_slowly_is_killed_over_and_over_unless_a_startup_probe_holds_the_others_back() {
    // Liveness fails at 0, 10 and 20 s. Restarts are at once, and then 10, 20, 40, 80 and 160 s after the end before.
    let mut unprotected = slow(None);
    unprotected.run(600);
    assert!(unprotected.known_in("a").is_empty(), "it has never served");
    assert_eq!(unprotected.starts.get(), 7);

    let mut protected = slow(Some(Probe { failures: 30, ..Probe::default() }));
    protected.run(49);
    assert!(protected.known_in("a").is_empty());
    protected.run(53);
    assert_eq!(protected.known_in("a").len(), 1, "the sixth startup probe finds it open, at 50 s");
    protected.run(600);
    assert_eq!(protected.starts.get(), 1);
}

#[test]
fn a_startup_probe_has_its_own_patience_and_leaves_the_rest_to_liveness() {
    let mut impatient = slow(Some(Probe { failures: 3, ..Probe::default() }));
    impatient.run(600);
    assert!(impatient.known_in("a").is_empty() && impatient.starts.get() > 3);

    let mut started = slow(Some(Probe { failures: 30, ..Probe::default() }));
    started.run(100);
    let pod = named(&started.engine, "echo-0");
    started.at(100, move |control| control.pause(pod));
    started.run(135);
    assert_eq!(started.starts.get(), 2, "what hangs once it has started is restarted after three probes");
    assert!(started.known_in("a").is_empty());
    started.run(200);
    assert_eq!((started.starts.get(), started.known_in("a").len()), (2, 1), "and its successor has time to start");
}
