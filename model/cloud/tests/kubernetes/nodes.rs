//! Nodes, their agents and the control plane: what goes on without each, and what does not.

use cloud::kubernetes::Parameters;

use crate::support::*;

#[test]
fn an_agent_that_crashes_leaves_its_pods_running_and_its_successor_adopts_them() {
    let mut scene = scene(3, Parameters::default());
    scene.until(20);
    let agent = scene.process("node-0");
    let before = scene.running();
    scene.at(20, move |control| control.crash(agent, None));
    scene.until(30);
    assert_eq!(scene.running(), before);
    scene.at(30, move |control| control.start(agent));
    scene.until(32);
    // A probe has to succeed first.
    scene.until(45);
    assert_eq!(scene.running(), before, "nothing was started twice");
    assert_eq!(scene.known_in("b").len(), 3);
    assert!(scene.when("node unreachable").is_empty());
}

#[test]
fn a_node_without_power_is_unreachable_after_its_grace_and_its_pods_are_replaced_after_their_patience() {
    let mut scene = scene(3, Parameters::default());
    scene.until(20);
    let dark = scene.cluster.nodes[0];
    scene.at(25, move |control| control.power_off(dark));
    scene.until(59);
    assert_eq!(scene.known_in("b").len(), 3, "nobody knows");
    scene.until(72);
    assert_eq!(scene.known_in("b").len(), 2);
    let unreachable = scene.when("node unreachable");
    assert!(unreachable.len() == 1 && (60.0..=70.0).contains(&unreachable[0]), "{unreachable:?}");
    scene.until(400);
    assert_eq!(scene.when("pods given up"), [unreachable[0] + 300.0]);
    assert_eq!(scene.known_in("b").len(), 3);
    // When it comes back, what it ran before is not started again.
    scene.at(400, move |control| control.power_on(dark));
    scene.until(520);
    assert_eq!(scene.running().len(), 3);
    assert!(scene.running().iter().all(|(_, host)| *host != dark));
}

#[test]
fn a_node_that_was_only_cut_off_goes_on_and_is_welcome_back() {
    let mut scene = scene(3, Parameters::default());
    scene.until(20);
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
    scene.until(150);
    assert_eq!(scene.known_in("b").len(), 2);
    assert_eq!(scene.known_in("a").len(), 3, "it still knows what it was told last");
    assert_eq!(scene.running().len(), 3, "its pod runs");
    scene.until(300);
    assert_eq!(scene.known_in("b").len(), 3);
    assert!(scene.when("pods given up").is_empty());
}

#[test]
fn without_its_control_plane_a_cluster_goes_on_and_replaces_nothing() {
    let mut scene = scene(3, Parameters::default());
    scene.until(20);
    let (plane, victim) = (scene.process("kubernetes-control-plane"), scene.process("echo-0"));
    let operator = scene.cluster.operator.clone();
    scene.at(20, move |control| control.pause(plane));
    scene.at(30, move |control| control.crash(victim, None));
    scene.at(30, move |_| operator.kill(SERVICE, 1));
    scene.at(120, move |control| control.resume(plane));
    scene.until(119);
    assert_eq!(scene.running().len(), 3, "a container is restarted by its node, and nobody heeds an order");
    assert_eq!(scene.known_in("b").len(), 3);
    scene.until(170);
    assert!(scene.running().iter().any(|(name, _)| name == "echo-3"), "then it does what it was told");
    assert_eq!(scene.known_in("b").len(), 3);
}
