//! The group of nodes: it grows for pods that have none, and shrinks when their pods would fit elsewhere.

use runtime::Time;

use super::super::node_autoscaler::{self, Group, Member};
use super::super::objects::{Contact, News};
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
        let waiting: Vec<u32> = (self.pods.iter().filter(|pod| pod.node.is_none()))
            .map(|pod| self.deployments[pod.deployment].spec.cpu_request_millicores)
            .collect();
        let group = Group { members: self.members(), node_millicores: self.parameters.node.allocatable_millicores };
        for node in node_autoscaler::to_launch(&group, &waiting) {
            self.nodes[node].contact = Contact::Launching { by: now + self.parameters.growth.launch * 2 };
            self.group_orders.push((node, GroupOrder::Join));
            self.announce(node, "node ordered", "pods wait for room");
        }
        self.shrink(now);
    }

    /// A machine that was ordered and never came is as if it had not been ordered; so is one that fell silent and has no pods.
    fn expect_launches(&mut self, now: Time) {
        for node in 0..self.nodes.len() {
            let is_gone = match self.nodes[node].contact {
                Contact::Launching { by } => by <= now,
                Contact::Unreachable { .. } => !self.nodes[node].spec.joins && self.requested(node) == 0,
                Contact::Absent | Contact::Ready { .. } => false,
            };
            if is_gone {
                self.nodes[node].contact = Contact::Absent;
            }
        }
    }

    fn members(&self) -> Vec<Member<'_>> {
        let of = |index: usize| Member {
            zone: &self.nodes[index].spec.zone,
            permanent: self.nodes[index].spec.joins,
            contact: self.nodes[index].contact,
            available: self.nodes[index].takes_pods(),
            requested_millicores: self.requested(index),
        };
        (0..self.nodes.len()).map(of).collect()
    }

    /// Gives back what has not been needed for long enough, one node at a time.
    fn shrink(&mut self, now: Time) {
        let group = Group { members: self.members(), node_millicores: self.parameters.node.allocatable_millicores };
        let unneeded = node_autoscaler::unneeded(&group, self.parameters.growth.unneeded_percent);
        for node in 0..self.nodes.len() {
            let since = &mut self.nodes[node].unneeded_since;
            *since = if unneeded.contains(&node) { since.or(Some(now)) } else { None };
        }
        let is_over = |node: &&usize| {
            let since = self.nodes[**node].unneeded_since;
            since.is_some_and(|since| now.since(since) >= self.parameters.growth.unneeded_for)
        };
        if let Some(&node) = unneeded.iter().find(is_over) {
            let leaver = &mut self.nodes[node];
            (leaver.cordoned, leaver.drain_at, leaver.leaving, leaver.unneeded_since) = (true, Some(now), true, None);
            self.announce(node, "node to be given back", "its pods fit elsewhere");
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].leaving && self.requested(node) == 0 {
                let leaver = &mut self.nodes[node];
                (leaver.contact, leaver.cordoned, leaver.leaving) = (Contact::Absent, false, false);
                self.group_orders.push((node, GroupOrder::Leave));
            }
        }
    }

    fn announce(&mut self, node: usize, state: &'static str, detail: &str) {
        let spec = &self.nodes[node].spec;
        self.news.push(News { zone: spec.zone.clone(), state, detail: format!("{}: {detail}", spec.name), mark: None });
    }
}
