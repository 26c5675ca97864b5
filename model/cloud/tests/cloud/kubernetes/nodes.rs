//! Nodes, their agents and the control plane: what goes on without each, and what does not.

use std::time::Duration;

use cloud::kubernetes::{Autoscaling, NodeParameters, Parameters};

use super::support::*;

#[test]
fn an_agent_that_crashes_leaves_its_pods_running_and_its_successor_adopts_them() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let agent = named(&scene.engine, "node-0");
    let before = scene.running();
    scene.at(20, move |control| control.crash(agent, None));
    scene.run(30);
    assert_eq!(scene.running(), before);
    scene.at(30, move |control| control.start(agent));
    scene.run(32);
    // A probe has to succeed first.
    scene.run(45);
    assert_eq!(scene.running(), before, "nothing was started twice");
    assert_eq!(scene.known_in("b").len(), 3);
    assert!(scene.when("node unreachable").is_empty());
}

#[test]
fn a_node_without_power_is_unreachable_after_its_grace_and_its_pods_are_replaced_after_their_patience() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let dark = scene.cluster.nodes[0];
    scene.at(25, move |control| control.power_off(dark));
    scene.run(59);
    assert_eq!(scene.known_in("b").len(), 3, "nobody knows");
    scene.run(72);
    assert_eq!(scene.known_in("b").len(), 2);
    let unreachable = scene.when("node unreachable");
    assert!(unreachable.len() == 1 && (60.0..=70.0).contains(&unreachable[0]), "{unreachable:?}");
    scene.run(400);
    assert_eq!(scene.when("pods given up"), [unreachable[0] + 300.0]);
    assert_eq!(scene.known_in("b").len(), 3);
    // When it comes back, what it ran before is not started again.
    scene.at(400, move |control| control.power_on(dark));
    scene.run(520);
    assert_eq!(scene.running().len(), 3);
    assert!(scene.running().iter().all(|(_, host)| *host != dark));
}

#[test]
fn a_node_that_was_only_cut_off_goes_on_and_is_welcome_back() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let (cut, others) = (scene.cluster.nodes[0], [scene.cluster.nodes[1], scene.cluster.nodes[2]]);
    let control_plane: Vec<_> = {
        let hosts = scene.engine.control().hosts();
        hosts.into_iter().filter(|(_, host)| host.name == "kubernetes-control-plane").map(|(id, _)| id).collect()
    };
    let far: Vec<_> = others.into_iter().chain(control_plane).collect();
    scene.at(25, move |control| {
        let there = control.begin_link_fault(&[cut], &far, engine::LinkFault::Cut);
        let back = control.begin_link_fault(&far, &[cut], engine::LinkFault::Cut);
        control.at(runtime::Time::from_secs(200), move |control| {
            control.end_link_fault(there);
            control.end_link_fault(back);
        });
    });
    scene.run(150);
    assert_eq!(scene.known_in("b").len(), 2);
    assert_eq!(scene.known_in("a").len(), 3, "it still knows what it was told last");
    assert_eq!(scene.running().len(), 3, "its pod runs");
    scene.run(300);
    assert_eq!(scene.known_in("b").len(), 3);
    assert!(scene.when("pods given up").is_empty());
}

#[test]
fn without_its_control_plane_a_cluster_goes_on_and_replaces_nothing() {
    let mut scene = scene(3, Parameters::default());
    scene.run(20);
    let (plane, victim) = (named(&scene.engine, "kubernetes-control-plane"), named(&scene.engine, "echo-0"));
    let operator = scene.cluster.operator.clone();
    scene.at(20, move |control| control.pause(plane));
    scene.at(30, move |control| control.crash(victim, None));
    scene.at(30, move |_| operator.kill(SERVICE, 1));
    scene.at(120, move |control| control.resume(plane));
    scene.run(119);
    assert_eq!(scene.running().len(), 3, "a container is restarted by its node, and nobody heeds an order");
    assert_eq!(scene.known_in("b").len(), 3);
    scene.run(170);
    assert!(scene.running().iter().any(|(name, _)| name == "echo-3"), "then it does what it was told");
    assert_eq!(scene.known_in("b").len(), 3);
}

/// A service that grows with its requests from eight replicas to seventeen, nodes with room for five of them each, two machines to grow by, and
/// 170 requests a second from 30 s on for 400 s.
fn surge(parameters: Parameters) -> Scene {
    let node = NodeParameters { allocatable_millicores: 2_500, ..NodeParameters::default() };
    let autoscaling =
        Autoscaling { replicas_min: 8, replicas_max: 17, cpu_percent: 90, requests_milli_per_s: Some(10_000) };
    let mut scene = stage(Setup {
        replicas: 8,
        autoscaling: Some(autoscaling),
        spares: &["b", "c"],
        parameters: Parameters { node, ..parameters },
        ..Setup::default()
    });
    scene.run(30);
    assert_eq!(scene.running().len(), 8);
    scene.ask(170 * 400, 0, Duration::from_nanos(1_000_000_000 / 170));
    scene
}

#[test]
fn a_surge_brings_a_node_for_the_pods_that_found_no_room_and_when_it_is_over_the_node_goes() {
    let mut scene = surge(Parameters { budget: Some(1), ..Parameters::default() });
    let spare = scene.cluster.nodes[3];
    let on = |scene: &Scene| scene.running().iter().filter(|(_, host)| *host == spare).count();
    scene.run(260);
    let ordered = scene.when("node ordered");
    assert_eq!(ordered.len(), 1);
    scene.run(ordered[0] as u64 + 119);
    assert_eq!(scene.running().len(), 15, "three nodes are full, and two pods wait");
    // Two minutes until its agent speaks; then pods start, are probed twice, and are made known.
    scene.run(ordered[0] as u64 + 140);
    let joined = scene.when("node joined");
    assert!(joined.len() == 1 && (120.0..121.0).contains(&(joined[0] - ordered[0])), "{joined:?} {ordered:?}");
    assert_eq!((scene.running().len(), on(&scene)), (17, 2));
    assert_eq!(scene.known_in("a").iter().filter(|host| **host == spare).count(), 2, "callers find them");

    // The requests end at 430 s; replicas shrink when they have left the rates and are not what was wanted in five minutes.
    scene.run(900);
    assert_eq!((scene.running().len(), on(&scene)), (8, 2), "the fullest nodes lose their pods first");
    let mut fewest = usize::MAX;
    for second in 901..1_600 {
        scene.run(second);
        fewest = fewest.min(scene.known_in("a").len());
    }
    let (leaves, left) = (scene.when("node to be given back"), scene.when("node given back"));
    assert_eq!((leaves.len(), left.len()), (1, 1), "{leaves:?} {left:?}");
    // Since some moment after the first pod of another node was deleted its pods would fit there; ten minutes later it goes.
    assert!((1_200.0..1_500.0).contains(&leaves[0]), "{leaves:?}");
    assert!(left[0] > leaves[0] + 5.0, "the second of its pods waits until the first is replaced: {leaves:?} {left:?}");
    assert_eq!(fewest, 7, "as the budget says");
    assert_eq!((scene.running().len(), on(&scene), scene.known_in("a").len()), (8, 0, 8));
}

#[test]
fn a_machine_in_a_dark_zone_is_not_waited_for() {
    let mut scene = surge(Parameters::default());
    let [dark, spare] = [scene.cluster.nodes[3], scene.cluster.nodes[4]];
    scene.at(31, move |control| control.power_off(dark));
    scene.run(400);
    let (failed, joined) = (scene.when("node failed to launch"), scene.when("node joined"));
    assert!(failed.len() == 1 && joined.len() == 1, "{failed:?} {joined:?}");
    assert!(joined[0] - failed[0] < 140.0, "another zone's machine is there two minutes later");
    assert_eq!(scene.running().iter().filter(|(_, host)| *host == spare).count(), 2);
}
