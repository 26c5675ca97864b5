//! The cluster's rules, on nodes that do at once what they are told.

use std::collections::BTreeSet;
use std::time::Duration;

use runtime::net::HostId;

use super::*;
use crate::kubernetes::pod_autoscaler::Autoscaling;

/// A cluster and its nodes. A node that is dark says nothing.
struct Scene {
    cluster: Cluster,
    now: Time,
    dark: BTreeSet<usize>,
    joined: BTreeSet<usize>,
    names: Vec<String>,
    news: Vec<(u64, &'static str)>,
}

fn deployment(name: &str, replicas: u32) -> DeploymentSpec {
    DeploymentSpec {
        name: name.to_owned(),
        replicas,
        zones: Vec::new(),
        cpu_request_millicores: 1_000,
        cpu_limit_millicores: 2_000,
        autoscaling: None,
    }
}

impl Scene {
    fn new(zones: &[&str], spares: &[&str], deployments: Vec<DeploymentSpec>, parameters: Parameters) -> Self {
        let machines = zones.iter().map(|zone| (zone, true)).chain(spares.iter().map(|zone| (zone, false)));
        let nodes: Vec<NodeSpec> = (0..)
            .zip(machines)
            .map(|(host, (zone, joins))| NodeSpec {
                name: format!("node-{host}"),
                zone: (*zone).to_owned(),
                host: HostId(host),
                joins,
            })
            .collect();
        let names = nodes.iter().map(|node| node.name.clone()).collect();
        Scene {
            joined: (0..zones.len()).collect(),
            cluster: Cluster::new(parameters, deployments, nodes),
            now: Time::ZERO,
            dark: BTreeSet::new(),
            names,
            news: Vec::new(),
        }
    }

    /// Seconds pass. Nodes speak every ten.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            for node in self.joined.clone() {
                if self.now.nanos().is_multiple_of(10_000_000_000) && !self.dark.contains(&node) {
                    self.speak(node, Duration::ZERO);
                }
            }
            self.settle();
            self.now += Duration::from_secs(1);
        }
    }

    fn settle(&mut self) {
        self.cluster.reconcile(self.now);
        for (node, order) in self.cluster.take_group_orders() {
            match order {
                GroupOrder::Join => self.joined.insert(node),
                GroupOrder::Leave => self.joined.remove(&node),
            };
        }
        let at = self.now.nanos() / 1_000_000_000;
        self.news.extend(self.cluster.take_news().into_iter().map(|news| (at, news.state)));
        assert!(self.cluster.due(self.now).is_none_or(|due| due > self.now));
    }

    fn speak(&mut self, node: usize, used: Duration) {
        let report = |order: PodOrder| {
            let ready = order.release.defect != Some(Defect::NeverReady);
            let phase = if order.deleting.is_some() { Phase::Gone } else { Phase::Running { ready } };
            PodReport { id: order.id, phase, used }
        };
        let reports: Vec<PodReport> = self.cluster.orders(node).into_iter().map(report).collect();
        self.cluster.heard(node, &reports, self.now);
    }

    /// How many of a service's pods serve on each node.
    fn serving(&self, service: &str) -> Vec<usize> {
        let endpoints = self.cluster.endpoints();
        let (_, addresses) = endpoints.iter().find(|(name, _)| name == service).expect("it is deployed");
        (0..self.names.len())
            .map(|node| addresses.iter().filter(|address| address.host.0 as usize == node).count())
            .collect()
    }

    fn when(&self, state: &str) -> Vec<u64> {
        self.news.iter().filter(|(_, said)| *said == state).map(|(at, _)| *at).collect()
    }
}

fn three_zones(deployments: Vec<DeploymentSpec>) -> Scene {
    Scene::new(&["a", "b", "c"], &[], deployments, Parameters::default())
}

#[test]
fn replicas_are_spread_over_zones_and_nodes() {
    let mut scene =
        Scene::new(&["a", "a", "b", "b", "c", "c"], &[], vec![deployment("trips", 6)], Parameters::default());
    scene.pass(20);
    assert_eq!(scene.serving("trips"), [1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_lost_zone_is_replaced_after_its_grace_and_its_toleration() {
    let mut scene = three_zones(vec![deployment("trips", 3)]);
    scene.pass(100);
    scene.dark.insert(0);
    // The last word was at 90 s: 40 s of grace, seen at the next look of every 5 s, and 300 s of toleration.
    scene.pass(30);
    assert_eq!(scene.serving("trips"), [1, 1, 1]);
    scene.pass(10);
    assert_eq!(scene.serving("trips"), [0, 1, 1]);
    assert_eq!(scene.when("node unreachable"), [130]);
    scene.pass(290);
    assert_eq!(scene.serving("trips"), [0, 1, 1]);
    scene.pass(20);
    assert_eq!(scene.when("pods given up"), [430]);
    assert_eq!(scene.serving("trips").iter().sum::<usize>(), 3);
    assert_eq!(scene.serving("trips")[0], 0);
    // The node comes back, and forgets what it was told to end.
    scene.dark.clear();
    scene.pass(30);
    assert_eq!(scene.cluster.pods.len(), 3);
}

#[test]
fn nothing_is_given_up_while_every_zone_is_silent() {
    let mut scene = three_zones(vec![deployment("trips", 3)]);
    scene.pass(100);
    scene.dark.extend([0, 1, 2]);
    scene.pass(3_600);
    assert_eq!(scene.when("node unreachable"), [130, 130, 130]);
    assert_eq!(scene.when("pods given up"), [] as [u64; 0]);
    scene.dark.clear();
    scene.pass(20);
    assert_eq!(scene.serving("trips"), [1, 1, 1]);
}

#[test]
fn in_a_zone_that_is_mostly_gone_nothing_is_given_up_and_nodes_that_fail_one_by_one_are_condemned_one_by_one() {
    let zones = ["a", "a", "a", "a", "a", "b"];
    let mut scene = Scene::new(&zones, &[], vec![deployment("trips", 6)], Parameters::default());
    scene.pass(100);
    scene.dark.extend([0, 1, 2]);
    scene.pass(1_000);
    assert_eq!(scene.when("pods given up"), [] as [u64; 0]);
    scene.dark.remove(&2);
    scene.pass(400);
    let given_up = scene.when("pods given up");
    assert_eq!(given_up.len(), 2);
    assert_eq!(given_up[1] - given_up[0], 10, "a node every ten seconds");
}

#[test]
fn a_drain_waits_for_its_budget_and_without_one_for_nothing() {
    let fewest = |budget| {
        // Both pods of each of three services are on the node that is drained or on the other.
        let parameters = Parameters { budget, ..Parameters::default() };
        let mut scene = Scene::new(&["a", "a"], &[], vec![deployment("trips", 4)], parameters);
        scene.pass(50);
        assert_eq!(scene.serving("trips"), [2, 2]);
        let now = scene.now;
        scene.cluster.begin_drain("node-0", now);
        let mut fewest = usize::MAX;
        for _ in 0..120 {
            scene.pass(1);
            fewest = fewest.min(scene.serving("trips").iter().sum());
        }
        assert_eq!(scene.serving("trips"), [0, 4]);
        assert_eq!(scene.when("node drained").len(), 1);
        scene.cluster.uncordon("node-0");
        fewest
    };
    assert_eq!(fewest(Some(1)), 3);
    assert_eq!(fewest(None), 2);
}

#[test]
fn a_release_replaces_another_and_a_bad_one_stalls_and_is_rolled_back() {
    let mut scene = three_zones(vec![deployment("trips", 3)]);
    scene.pass(50);
    let now = scene.now;
    scene.cluster.deploy("trips", None, now);
    let mut fewest = usize::MAX;
    for _ in 0..200 {
        scene.pass(1);
        fewest = fewest.min(scene.serving("trips").iter().sum());
    }
    assert_eq!(fewest, 3);
    assert_eq!(scene.when("rolled out").len(), 1);
    let now = scene.now;
    scene.cluster.deploy("trips", Some(Defect::NeverReady), now);
    scene.pass(700);
    assert_eq!(scene.serving("trips").iter().sum::<usize>(), 3);
    assert_eq!(scene.when("rollout stalled"), [850], "600 s after it began");
    let now = scene.now;
    scene.cluster.roll_back("trips", now);
    scene.pass(30);
    assert_eq!(scene.when("rolled out").len(), 2);
    assert_eq!(scene.cluster.pods.len(), 3);
}

#[test]
fn pods_that_are_killed_are_replaced_at_once() {
    let mut scene = three_zones(vec![deployment("trips", 3)]);
    scene.pass(50);
    scene.cluster.kill("trips", 2);
    assert_eq!(scene.serving("trips"), [0, 0, 1]);
    scene.pass(11);
    assert_eq!(scene.serving("trips"), [1, 1, 1]);
}

#[test]
fn pods_without_room_get_a_machine_and_it_is_given_back_when_nobody_needs_it() {
    let mut scene = Scene::new(&["a"], &["a", "b"], vec![deployment("trips", 7)], Parameters::default());
    scene.pass(30);
    assert_eq!(scene.joined.len(), 1, "seven of 1,000 fit into 7,910");
    scene.cluster.deployments[0].replicas = 9;
    scene.pass(60);
    assert_eq!(scene.serving("trips"), [7, 0, 2], "the emptiest zone");
    assert_eq!(scene.when("node ordered").len(), 1);
    scene.cluster.deployments[0].replicas = 5;
    scene.pass(500);
    assert_eq!(scene.joined.len(), 2);
    scene.pass(200);
    assert_eq!(scene.joined.len(), 1);
    assert_eq!(scene.serving("trips").iter().sum::<usize>(), 5);
}

/// A node with seven pods, and one of a group with two; then four of those on the first are gone.
fn shrunk(budget: Option<u32>) -> Scene {
    let parameters = Parameters { budget, ..Parameters::default() };
    let mut scene = Scene::new(&["a"], &["b"], vec![deployment("trips", 9)], parameters);
    scene.pass(60);
    assert_eq!(scene.serving("trips"), [7, 2]);
    scene.cluster.deployments[0].replicas = 5;
    scene.pass(30);
    assert_eq!(scene.serving("trips"), [3, 2]);
    scene
}

#[test]
fn a_node_is_given_back_as_fast_as_a_budget_lets_its_pods_go_and_not_at_all_if_it_does_not() {
    let fewest = |budget| {
        let mut scene = shrunk(budget);
        let mut fewest = usize::MAX;
        for _ in 0..800 {
            scene.pass(1);
            fewest = fewest.min(scene.serving("trips").iter().sum());
        }
        (fewest, scene.serving("trips"), scene.when("node given back").len())
    };
    assert_eq!(fewest(None), (3, vec![5, 0], 1));
    assert_eq!(fewest(Some(1)), (4, vec![5, 0], 1));
    assert_eq!(fewest(Some(0)), (5, vec![3, 2], 0));
}

#[test]
fn a_node_whose_pods_a_budget_keeps_after_all_is_kept() {
    let mut scene = shrunk(Some(1));
    for _ in 0..800 {
        if scene.when("node to be given back").is_empty() {
            scene.pass(1);
        }
    }
    // Now nothing gets ready on the other node: one pod goes, and the second has to stay.
    scene.dark.insert(0);
    scene.pass(130);
    assert_eq!(scene.when("node kept"), [scene.when("node to be given back")[0] + 120]);
    assert!(scene.cluster.nodes[1].takes_pods() && scene.when("node given back").is_empty());
}

#[test]
fn a_machine_that_cannot_be_had_is_ordered_elsewhere_and_there_again_later() {
    let mut scene = Scene::new(&["a"], &["b", "c"], vec![deployment("trips", 9)], Parameters::default());
    let mut ordered = Vec::new();
    for second in 0..700u64 {
        scene.cluster.reconcile(scene.now);
        for (node, order) in scene.cluster.take_group_orders() {
            assert_eq!(order, GroupOrder::Join);
            ordered.push((second, node));
            scene.cluster.launch_failed(node, scene.now);
        }
        if second.is_multiple_of(10) {
            scene.speak(0, Duration::ZERO);
        }
        scene.now += Duration::from_secs(1);
    }
    assert_eq!(ordered, [(0, 1), (10, 2), (300, 1), (310, 2), (600, 1), (610, 2)]);
}

#[test]
fn a_machine_that_does_not_know_that_it_was_given_back_is_told_again() {
    let mut scene = Scene::new(&["a"], &["b"], vec![deployment("trips", 3)], Parameters::default());
    scene.pass(30);
    scene.speak(1, Duration::ZERO);
    assert_eq!(scene.cluster.take_group_orders(), [(1, GroupOrder::Leave)]);
    assert!(!scene.cluster.nodes[1].takes_pods(), "and no pod is put on it");
}

#[test]
fn replicas_follow_what_pods_use() {
    let autoscaling =
        Some(Autoscaling { replicas_min: 2, replicas_max: 6, cpu_percent: 50, requests_milli_per_s: None });
    let mut scene = three_zones(vec![DeploymentSpec { autoscaling, ..deployment("trips", 2) }]);
    scene.pass(50);
    assert_eq!(scene.serving("trips").iter().sum::<usize>(), 2, "idle pods stay as few as there may be");
    for round in 1..20u32 {
        for node in 0..3 {
            // Every pod uses 800 of the 1,000 that it requests.
            scene.speak(node, Duration::from_millis(8_000) * round);
        }
        scene.settle();
        scene.now += Duration::from_secs(10);
    }
    assert_eq!(scene.serving("trips").iter().sum::<usize>(), 6);
    assert!(!scene.when("scaled").is_empty());
}
