//! The cluster as its control plane has it: what is wanted, what is known, and what follows from both. A state machine: it is told what
//! happened and what time it is, and says what nodes and callers should know and when to look again.

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::Time;
use runtime::net::Address;

use super::objects::{Contact, Defect, Deployment, DeploymentSpec, News, Node, NodeSpec, Pod, Release};
use super::parameters::{Autoscaling, Parameters};
use super::protocol::{GroupOrder, Phase, PodCount, PodOrder, PodReport, api_port};

mod growth;
mod nodes;
mod pods;

pub(super) struct Cluster {
    parameters: Parameters,
    deployments: Vec<Deployment>,
    nodes: Vec<Node>,
    /// In order of creation.
    pods: Vec<Pod>,
    pods_born: u32,
    /// By zone, when the next of its nodes may be condemned.
    condemn_at: BTreeMap<String, Time>,
    autoscale_at: Option<Time>,
    scan_at: Option<Time>,
    /// When the group was last made larger.
    grown_at: Option<Time>,
    /// By zone, until when no machine is ordered there.
    held_back: BTreeMap<String, Time>,
    /// Orders to machines, by node.
    group_orders: Vec<(usize, GroupOrder)>,
    news: Vec<News>,
}

impl Cluster {
    /// A cluster whose pods are yet to be created. Its nodes are there, as in a cluster that is older than the run: if they were heard of one by
    /// one, the first would get all pods.
    pub fn new(parameters: Parameters, deployments: Vec<DeploymentSpec>, nodes: Vec<NodeSpec>) -> Self {
        let autoscales = deployments.iter().any(|spec| spec.autoscaling.is_some());
        let grows = nodes.iter().any(|node| !node.joins);
        let deployments = deployments.into_iter().map(|spec| Deployment {
            replicas: spec.replicas,
            release: Release::FIRST,
            good: Release::FIRST,
            releases: 0,
            pods_born: 0,
            scaler: super::pod_autoscaler::PodAutoscaler::default(),
            rollout: None,
            spec,
        });
        let nodes = nodes.into_iter().map(|spec| Node {
            contact: if spec.joins { Contact::Ready { heard_at: Time::ZERO } } else { Contact::Absent },
            cordoned: false,
            drain_at: None,
            unneeded_since: None,
            leaving_since: None,
            spec,
        });
        Cluster {
            deployments: deployments.collect(),
            nodes: nodes.collect(),
            pods: Vec::new(),
            pods_born: 0,
            condemn_at: BTreeMap::new(),
            autoscale_at: autoscales.then_some(Time::ZERO),
            scan_at: grows.then_some(Time::ZERO),
            grown_at: None,
            held_back: BTreeMap::new(),
            group_orders: Vec::new(),
            news: Vec::new(),
            parameters,
        }
    }

    /// Does everything that is due.
    pub fn reconcile(&mut self, now: Time) {
        self.watch_nodes(now);
        self.give_up_pods(now);
        self.drain(now);
        self.autoscale(now);
        self.roll_out(now);
        self.schedule();
        self.resize_group(now);
    }

    /// When to reconcile again if nothing is heard before. What is past has been done, or waits for something other than time.
    pub fn due(&self, now: Time) -> Option<Time> {
        let rollouts =
            self.deployments.iter().filter_map(|deployment| deployment.rollout).filter(|rollout| !rollout.told);
        let stalls = rollouts.map(|rollout| rollout.progressed_at + self.parameters.rollout.progress_deadline);
        let drains = self.nodes.iter().filter_map(|node| node.drain_at);
        let others = [self.autoscale_at, self.scan_at].into_iter().flatten();
        others.chain(self.lifecycle_due()).chain(stalls).chain(drains).filter(|at| *at > now).min()
    }

    /// A node's agent has spoken.
    pub fn heard(&mut self, node: usize, reports: &[PodReport], now: Time) {
        if self.nodes[node].contact == Contact::Absent {
            // It was given back, or given up, and has not been told.
            self.group_orders.push((node, GroupOrder::Leave));
            return;
        }
        self.renew(node, now);
        for report in reports {
            let mine = |pod: &Pod| pod.id == report.id && pod.node == Some(node);
            let Some(index) = self.pods.iter().position(mine) else { continue };
            let pod = &mut self.pods[index];
            match report.phase {
                Phase::Gone => {
                    // Nothing ends without having been told to, and what was told to is forgotten once it has.
                    assert!(pod.deleting.is_some(), "{} ended by itself", pod.name);
                    self.pods.remove(index);
                    continue;
                }
                Phase::Waiting => (pod.ready, pod.running_since) = (false, None),
                Phase::Running { ready } => {
                    pod.ready = ready;
                    pod.running_since.get_or_insert(now);
                }
            }
            pod.uses(report.used, now, self.parameters.lifecycle.lease_interval / 2);
        }
    }

    /// Whether replicas of any deployment follow the requests that they take.
    pub fn counts_requests(&self) -> bool {
        let follows = |target: Autoscaling| target.requests_milli_per_s.is_some();
        self.deployments.iter().any(|deployment| deployment.spec.autoscaling.is_some_and(follows))
    }

    /// Nodes with pods whose requests are to be counted.
    pub fn counted_nodes(&self) -> Vec<usize> {
        let on = |node: usize| self.pods.iter().any(|pod| pod.node == Some(node) && self.is_counted(pod));
        (0..self.nodes.len()).filter(|&node| on(node)).collect()
    }

    /// What pods of a node have counted was read.
    pub fn counted(&mut self, node: usize, counts: &[PodCount], now: Time) {
        let window = self.parameters.scaling.rate_window;
        for &PodCount { id, requests } in counts {
            let found = self.pods.iter().position(|pod| pod.id == id && pod.node == Some(node));
            if let Some(index) = found.filter(|&index| self.is_counted(&self.pods[index])) {
                self.pods[index].requests.read(now, requests, window);
            }
        }
    }

    fn is_counted(&self, pod: &Pod) -> bool {
        let autoscaling = self.deployments[pod.deployment].spec.autoscaling;
        autoscaling.is_some_and(|target| target.requests_milli_per_s.is_some())
    }

    /// The pods that a node is to run.
    pub fn orders(&self, node: usize) -> Vec<PodOrder> {
        let mine = self.pods.iter().filter(|pod| pod.node == Some(node));
        mine.map(|pod| {
            let DeploymentSpec { name, cpu_limit_millicores, .. } = &self.deployments[pod.deployment].spec;
            PodOrder {
                id: pod.id,
                name: pod.name.clone(),
                service: name.clone(),
                release: pod.release,
                cpu_limit_millicores: *cpu_limit_millicores,
                deleting: pod.deleting,
            }
        })
        .collect()
    }

    /// Where each service answers: its pods that are ready and are to stay, in order of creation.
    pub fn endpoints(&self) -> Vec<(String, Vec<Address>)> {
        let of = |(index, deployment): (usize, &Deployment)| {
            let pods = self.serving(index).filter_map(|pod| Some(self.address(pod.node?, pod.id)));
            (deployment.spec.name.clone(), pods.collect())
        };
        self.deployments.iter().enumerate().map(of).collect()
    }

    /// Names, zones and addresses of a service's pods that serve.
    pub fn targets(&self, service: &str) -> Vec<(String, String, Address)> {
        let Some(index) = self.deployment(service) else { return Vec::new() };
        let of = |pod: &Pod| {
            let node = pod.node?;
            Some((pod.name.clone(), self.nodes[node].spec.zone.clone(), self.address(node, pod.id)))
        };
        self.serving(index).filter_map(of).collect()
    }

    fn address(&self, node: usize, pod: u32) -> Address {
        Address { host: self.nodes[node].spec.host, port: api_port(pod) }
    }

    fn serving(&self, deployment: usize) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.deployment == deployment && pod.ready && pod.deleting.is_none())
    }

    /// Takes what people may want to know.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Takes what machines are to be told.
    pub fn take_group_orders(&mut self) -> Vec<(usize, GroupOrder)> {
        std::mem::take(&mut self.group_orders)
    }

    /// Puts another release in the place of a service's, pod by pod.
    pub fn deploy(&mut self, service: &str, defect: Option<Defect>, now: Time) {
        let Some(index) = self.deployment(service) else { return };
        let deployment = &mut self.deployments[index];
        deployment.releases += 1;
        let release = Release { number: deployment.releases, defect };
        deployment.release = release;
        if defect.is_none() {
            deployment.good = release;
        }
        self.begin_rollout(index, now);
    }

    /// Puts the last release of a service that had no defect back.
    pub fn roll_back(&mut self, service: &str, now: Time) {
        let Some(index) = self.deployment(service) else { return };
        let deployment = &mut self.deployments[index];
        deployment.release = deployment.good;
        self.begin_rollout(index, now);
    }

    /// Deletes so many of a service's pods at once, without a word to them: the oldest.
    pub fn kill(&mut self, service: &str, count: usize) {
        let Some(index) = self.deployment(service) else { return };
        let mut left = count;
        self.pods.retain(|pod| {
            let goes = left > 0 && pod.deployment == index && pod.deleting.is_none();
            left -= usize::from(goes);
            !goes
        });
    }

    /// A node takes no new pods, and its pods are evicted as budgets permit.
    pub fn begin_drain(&mut self, node: &str, now: Time) {
        if let Some(node) = self.nodes.iter_mut().find(|other| other.spec.name == node) {
            (node.cordoned, node.drain_at) = (true, Some(now));
        }
    }

    /// A node takes pods again.
    pub fn uncordon(&mut self, node: &str) {
        if let Some(node) = self.nodes.iter_mut().find(|other| other.spec.name == node) {
            (node.cordoned, node.drain_at) = (false, None);
        }
    }

    fn deployment(&self, service: &str) -> Option<usize> {
        self.deployments.iter().position(|deployment| deployment.spec.name == service)
    }
}

impl Pod {
    /// Takes in how much processor time it has used; what it uses is told by reports that are far enough apart.
    fn uses(&mut self, used: Duration, now: Time, apart: Duration) {
        match self.used {
            Some((at, before)) if now.since(at) >= apart => {
                // A container that was started anew on another node counts from zero.
                let since = used.saturating_sub(before).as_micros() * 1_000 / now.since(at).as_micros().max(1);
                self.usage_millicores = u32::try_from(since).ok();
                self.used = Some((now, used));
            }
            Some(_) => {}
            None => self.used = Some((now, used)),
        }
    }
}

#[cfg(test)]
mod tests;
