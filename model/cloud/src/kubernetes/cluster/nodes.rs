//! Nodes: whether they are there, and what becomes of their pods when they are not, or are to be left alone.

use std::time::Duration;

use ports::observe::Mark;
use runtime::Time;
use runtime::time::nanos;

use super::super::budget;
use super::super::disruption::{self, Disruption};
use super::super::objects::{Contact, News, Pod};
use super::Cluster;

impl Cluster {
    /// A node's lease is renewed.
    pub(super) fn renew(&mut self, node: usize, now: Time) {
        let former = std::mem::replace(&mut self.nodes[node].contact, Contact::Ready { heard_at: now });
        match former {
            Contact::Unreachable { .. } => self.tell(node, "node ready", "its agent is heard again", None),
            Contact::Launching { .. } => self.tell(node, "node joined", "its agent is heard for the first time", None),
            Contact::Absent | Contact::Ready { .. } => {}
        }
    }

    /// Finds nodes whose lease has run out, and condemns one after the other as their zones allow.
    pub(super) fn watch_nodes(&mut self, now: Time) {
        for node in 0..self.nodes.len() {
            let Contact::Ready { heard_at } = self.nodes[node].contact else { continue };
            if self.expiry(heard_at) <= now {
                self.nodes[node].contact = Contact::Unreachable { condemned_at: None };
                // The node controller concludes that nothing on it serves (source: Kubernetes 1.28, `MarkPodsNotReady`).
                self.pods.iter_mut().filter(|pod| pod.node == Some(node)).for_each(|pod| pod.ready = false);
                let silent = now.since(heard_at).as_secs();
                let detail = format!("its agent has not been heard for {silent} s; its pods get no more requests");
                self.tell(node, "node unreachable", &detail, Some(Mark::Detected));
            }
        }
        let zones = self.zones();
        if disruption::is_total(&zones.iter().map(|(_, zone)| *zone).collect::<Vec<_>>()) {
            for node in &mut self.nodes {
                if let Contact::Unreachable { condemned_at } = &mut node.contact {
                    *condemned_at = None;
                }
            }
            return;
        }
        for (zone, disrupted) in zones {
            let Some(interval) = self.eviction_interval(disrupted) else { continue };
            if self.condemn_at.get(&zone).is_some_and(|at| *at > now) {
                continue;
            }
            if let Some(node) = self.next_condemned(&zone) {
                self.nodes[node].contact = Contact::Unreachable { condemned_at: Some(now) };
                self.condemn_at.insert(zone, now + interval);
            }
        }
    }

    /// When a lease runs out that was renewed last at this moment: leases are looked at every so often.
    fn expiry(&self, heard_at: Time) -> Time {
        let period_ns = nanos(self.parameters.lifecycle.monitor_period).max(1);
        let grace_over = heard_at + self.parameters.lifecycle.grace;
        Time(grace_over.nanos().div_ceil(period_ns) * period_ns)
    }

    /// Zones with nodes, by name, and how disrupted each is.
    fn zones(&self) -> Vec<(String, Disruption)> {
        let mut zones: Vec<&str> = self.nodes.iter().map(|node| node.spec.zone.as_str()).collect();
        zones.sort_unstable();
        zones.dedup();
        let of = |zone: &str| {
            let mine = || self.nodes.iter().filter(|node| node.spec.zone == zone);
            let ready = mine().filter(|node| node.is_ready()).count();
            let silent = mine().filter(|node| matches!(node.contact, Contact::Unreachable { .. })).count();
            (ready + silent > 0).then(|| {
                (zone.to_owned(), disruption::of_zone(ready, silent, self.parameters.lifecycle.partial_percent))
            })
        };
        zones.into_iter().filter_map(of).collect()
    }

    fn eviction_interval(&self, disrupted: Disruption) -> Option<Duration> {
        let members =
            self.nodes.iter().filter(|node| !matches!(node.contact, Contact::Absent | Contact::Launching { .. }));
        disruption::interval(disrupted, members.count(), &self.parameters.lifecycle)
    }

    fn next_condemned(&self, zone: &str) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.spec.zone == zone && node.contact == Contact::Unreachable { condemned_at: None })
    }

    /// Deletes the pods of nodes that were condemned long enough ago. They are on record until their node's agent says that they ended: it may
    /// be that they run (source: Kubernetes documentation, "Nodes").
    pub(super) fn give_up_pods(&mut self, now: Time) {
        let (toleration, grace) = (self.parameters.lifecycle.toleration, self.parameters.pod.grace);
        for node in 0..self.nodes.len() {
            let Contact::Unreachable { condemned_at: Some(at) } = self.nodes[node].contact else { continue };
            if at + toleration > now {
                continue;
            }
            let staying = self.pods.iter_mut().filter(|pod| pod.node == Some(node) && pod.deleting.is_none());
            let given_up = staying.map(|pod| pod.deleting = Some(grace)).count();
            if given_up > 0 {
                self.tell(
                    node,
                    "pods given up",
                    &format!("{given_up} pods are to be replaced on other nodes"),
                    Some(Mark::Decided),
                );
            }
        }
    }

    /// When silence, or patience with it, has consequences.
    pub(super) fn lifecycle_due(&self) -> impl Iterator<Item = Time> {
        let condemned = move |zone: &str| self.condemn_at.get(zone).copied();
        let of = move |node: &super::Node| match node.contact {
            Contact::Absent | Contact::Launching { .. } => None,
            Contact::Ready { heard_at } => Some(self.expiry(heard_at)),
            Contact::Unreachable { condemned_at: None } => condemned(&node.spec.zone),
            Contact::Unreachable { condemned_at: Some(at) } => Some(at + self.parameters.lifecycle.toleration),
        };
        self.nodes.iter().filter_map(of)
    }

    /// Evicts what may be evicted from nodes that are drained.
    pub(super) fn drain(&mut self, now: Time) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].drain_at.is_none_or(|at| at > now) {
                continue;
            }
            let mut refused = 0;
            for index in 0..self.pods.len() {
                if self.pods[index].node != Some(node) || self.pods[index].deleting.is_some() {
                    continue;
                }
                if self.may_evict(&self.pods[index]) {
                    self.pods[index].deleting = Some(self.parameters.pod.grace);
                } else {
                    refused += 1;
                }
            }
            self.nodes[node].drain_at = (refused > 0).then_some(now + self.parameters.eviction_retry);
            if refused == 0 {
                self.tell(node, "node drained", "every pod on it has ended or is about to", None);
            }
        }
    }

    pub(super) fn may_evict(&self, pod: &Pod) -> bool {
        let healthy = self.serving(pod.deployment).count() as u32;
        budget::permits(self.deployments[pod.deployment].replicas, healthy, self.parameters.budget, pod.ready)
    }

    fn tell(&mut self, node: usize, state: &'static str, detail: &str, mark: Option<Mark>) {
        let spec = &self.nodes[node].spec;
        self.news.push(News { zone: spec.zone.clone(), state, detail: format!("{}: {detail}", spec.name), mark });
    }
}
