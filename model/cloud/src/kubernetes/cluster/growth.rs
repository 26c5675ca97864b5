//! The group of nodes: it grows for pods that have none, and shrinks when their pods would fit elsewhere.

use runtime::Time;

use super::super::node_autoscaler::{self, Group, Load, Member};
use super::super::objects::{Contact, News, Pod};
use super::super::protocol::GroupOrder;
use super::Cluster;

impl Cluster {
    /// Looks whether the group has the right size.
    pub(super) fn resize_group(&mut self, now: Time) {
        if self.scan_at.is_none_or(|at| at > now) {
            return;
        }
        self.scan_at = Some(now + self.parameters.growth.scan_interval);
        self.expect_launches(now);
        self.grow(now);
        self.find_unneeded(now);
        self.shrink(now);
        self.give_back(now);
    }

    /// A machine was ordered, and nobody took the order.
    pub fn launch_failed(&mut self, node: usize, now: Time) {
        if let Contact::Launching { .. } = self.nodes[node].contact {
            self.nodes[node].contact = Contact::Absent;
            let zone = self.nodes[node].spec.zone.clone();
            self.held_back.insert(zone, now + self.parameters.growth.backoff);
            self.announce(node, "node failed to launch", "its zone is passed over for now");
        }
    }

    /// A machine that was ordered and never came failed; one that fell silent and has no pods is as if it had not been ordered.
    fn expect_launches(&mut self, now: Time) {
        for node in 0..self.nodes.len() {
            match self.nodes[node].contact {
                Contact::Launching { by } if by <= now => self.launch_failed(node, now),
                Contact::Unreachable { .. } if !self.nodes[node].spec.joins && self.requested(node) == 0 => {
                    self.nodes[node].contact = Contact::Absent;
                }
                _ => {}
            }
        }
    }

    fn grow(&mut self, now: Time) {
        let waiting: Vec<Load<'_>> =
            self.pods.iter().filter(|pod| pod.node.is_none()).map(|pod| self.load(pod)).collect();
        let ordered = node_autoscaler::to_launch(&self.group(now), &waiting);
        for node in ordered {
            self.nodes[node].contact = Contact::Launching { by: now + self.parameters.growth.launch_timeout };
            self.grown_at = Some(now);
            self.group_orders.push((node, GroupOrder::Join));
            self.announce(node, "node ordered", "pods wait for room");
        }
    }

    fn group(&self, now: Time) -> Group<'_> {
        let of = |index: usize| {
            let node = &self.nodes[index];
            let staying = self.pods.iter().filter(|pod| pod.node == Some(index) && pod.deleting.is_none());
            Member {
                zone: &node.spec.zone,
                permanent: node.spec.joins,
                contact: node.contact,
                available: node.takes_pods(),
                held_back: self.held_back.get(&node.spec.zone).is_some_and(|until| *until > now),
                requested_millicores: self.requested(index),
                pods: staying.map(|pod| self.load(pod)).collect(),
            }
        };
        Group {
            members: (0..self.nodes.len()).map(of).collect(),
            node_millicores: self.parameters.node.allocatable_millicores,
        }
    }

    fn load(&self, pod: &Pod) -> Load<'_> {
        let spec = &self.deployments[pod.deployment].spec;
        Load { millicores: spec.cpu_request_millicores, zones: &spec.zones, evictable: self.may_evict(pod) }
    }

    fn find_unneeded(&mut self, now: Time) {
        let unneeded = node_autoscaler::unneeded(&self.group(now), self.parameters.growth.unneeded_percent);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.unneeded_since = if unneeded.contains(&index) { node.unneeded_since.or(Some(now)) } else { None };
        }
    }

    /// Lets go of what has not been needed for long enough, one node at a time, unless the group has just grown.
    fn shrink(&mut self, now: Time) {
        let growth = &self.parameters.growth;
        if self.grown_at.is_some_and(|at| now.since(at) < growth.delay_after_growth) {
            return;
        }
        let is_over = |since: Time| now.since(since) >= growth.unneeded_for;
        let over = self.nodes.iter().position(|node| node.unneeded_since.is_some_and(is_over));
        if let Some(node) = over {
            let leaver = &mut self.nodes[node];
            (leaver.cordoned, leaver.drain_at, leaver.leaving_since, leaver.unneeded_since) =
                (true, Some(now), Some(now), None);
            self.announce(node, "node to be given back", "its pods fit elsewhere");
        }
    }

    /// Gives back nodes that are empty by now. One whose pods may not go after all is kept.
    fn give_back(&mut self, now: Time) {
        for node in 0..self.nodes.len() {
            let Some(since) = self.nodes[node].leaving_since else { continue };
            let is_empty = self.requested(node) == 0;
            let is_refused =
                self.nodes[node].drain_at.is_some() && now.since(since) >= self.parameters.growth.eviction_timeout;
            if !is_empty && !is_refused {
                continue;
            }
            let leaver = &mut self.nodes[node];
            (leaver.cordoned, leaver.drain_at, leaver.leaving_since) = (false, None, None);
            if is_empty {
                leaver.contact = Contact::Absent;
                self.group_orders.push((node, GroupOrder::Leave));
                self.announce(node, "node given back", "nothing runs on it");
            } else {
                self.announce(node, "node kept", "a disruption budget does not let its pods go");
            }
        }
    }

    fn announce(&mut self, node: usize, state: &'static str, detail: &str) {
        let spec = &self.nodes[node].spec;
        self.news.push(News { zone: spec.zone.clone(), state, detail: format!("{}: {detail}", spec.name), mark: None });
    }
}
