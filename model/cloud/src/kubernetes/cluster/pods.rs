//! Pods: how many there are, of which release, and where.

use ports::observe::Mark;
use runtime::Time;

use super::super::objects::{News, Pod, Rollout};
use super::super::pod_autoscaler::{Autoscaling, Metric, Reading};
use super::super::request_rate::RequestRate;
use super::super::rollout::{self, Standing, Step, Wanted};
use super::super::scheduler::{self, Candidate};
use super::Cluster;

impl Cluster {
    /// Looks how many replicas each deployment should have.
    pub(super) fn autoscale(&mut self, now: Time) {
        if self.autoscale_at.is_none_or(|at| at > now) {
            return;
        }
        self.autoscale_at = Some(now + self.parameters.scaling.interval);
        for index in 0..self.deployments.len() {
            let Some(target) = self.deployments[index].spec.autoscaling else { continue };
            let metrics = self.metrics(index, target, now);
            let deployment = &mut self.deployments[index];
            let former = deployment.replicas;
            deployment.replicas = deployment.scaler.decide(now, former, &metrics, target, &self.parameters.scaling);
            if deployment.replicas != former {
                let detail = format!("{} goes from {former} replicas to {}", deployment.spec.name, deployment.replicas);
                self.news.push(News { zone: String::new(), state: "scaled", detail, mark: None });
            }
        }
    }

    /// What a deployment's replicas are to follow.
    fn metrics(&self, deployment: usize, target: Autoscaling, now: Time) -> Vec<Metric> {
        let processor =
            Metric { target: target.cpu_percent, pods: self.of(deployment).map(|pod| self.usage(pod, now)).collect() };
        let window = self.parameters.scaling.rate_window;
        let taken = |pod: &Pod| match pod.requests.per_second_milli(now, window) {
            Some(milli) => Reading::Known(milli),
            None => Reading::Unknown,
        };
        let requests =
            target.requests_milli_per_s.map(|target| Metric { target, pods: self.of(deployment).map(taken).collect() });
        [Some(processor), requests].into_iter().flatten().collect()
    }

    fn usage(&self, pod: &Pod, now: Time) -> Reading {
        let request = self.deployments[pod.deployment].spec.cpu_request_millicores.max(1);
        // A pod that has just started is busy with itself.
        let is_young = |since: Time| now.since(since) < self.parameters.scaling.cpu_initialisation;
        match (pod.usage_millicores, pod.running_since) {
            (Some(used), Some(since)) if pod.ready || !is_young(since) => Reading::Known(used * 100 / request),
            _ => Reading::Unknown,
        }
    }

    pub(super) fn begin_rollout(&mut self, deployment: usize, now: Time) {
        self.deployments[deployment].rollout = Some(Rollout { ready: 0, progressed_at: now, told: false });
    }

    /// Takes every deployment's next step.
    pub(super) fn roll_out(&mut self, now: Time) {
        for index in 0..self.deployments.len() {
            let parameters = &self.parameters.rollout;
            let wanted =
                Wanted::new(self.deployments[index].replicas, parameters.surge_percent, parameters.unavailable_percent);
            let staying: Vec<usize> = (0..self.pods.len())
                .filter(|&pod| self.pods[pod].deployment == index && self.pods[pod].deleting.is_none())
                .collect();
            let standing: Vec<Standing> = staying.iter().map(|&pod| self.standing(&self.pods[pod])).collect();
            let Step { create, delete } = rollout::step(wanted, &standing);
            let mut deleted: Vec<usize> = delete.into_iter().map(|position| staying[position]).collect();
            deleted.sort_unstable();
            for pod in deleted.into_iter().rev() {
                self.delete(pod);
            }
            for _ in 0..create {
                self.create(index);
            }
            self.follow(index, now);
        }
    }

    fn standing(&self, pod: &Pod) -> Standing {
        let alike = |other: &&Pod| other.deployment == pod.deployment && other.node == pod.node;
        Standing {
            current: pod.release == self.deployments[pod.deployment].release,
            bound: pod.node.is_some(),
            ready: pod.ready,
            colocated: self.pods.iter().filter(alike).count() as u32,
            serial: pod.id,
        }
    }

    fn create(&mut self, index: usize) {
        let deployment = &mut self.deployments[index];
        self.pods.push(Pod {
            id: self.pods_born,
            name: format!("{}-{}", deployment.spec.name, deployment.pods_born),
            deployment: index,
            release: deployment.release,
            node: None,
            ready: false,
            running_since: None,
            deleting: None,
            used: None,
            usage_millicores: None,
            requests: RequestRate::default(),
        });
        deployment.pods_born += 1;
        self.pods_born += 1;
    }

    /// A pod without a node is gone at once, another when its node's agent says so.
    fn delete(&mut self, pod: usize) {
        if self.pods[pod].node.is_none() {
            self.pods.remove(pod);
        } else {
            self.pods[pod].deleting = Some(self.parameters.pod.grace);
        }
    }

    /// Whether a change of releases gets anywhere.
    fn follow(&mut self, index: usize, now: Time) {
        let deployment = &self.deployments[index];
        let Some(mut rollout) = deployment.rollout else { return };
        let current = |pod: &&Pod| pod.release == deployment.release && pod.ready;
        let ready = self.of(index).filter(current).count();
        let others = self.of(index).any(|pod| pod.release != deployment.release);
        let name = &deployment.spec.name;
        let mut news = None;
        let next = if !others && ready as u32 >= deployment.replicas {
            news = Some(("rolled out", format!("all {ready} pods of {name} are of the release that is wanted"), None));
            None
        } else {
            if ready > rollout.ready {
                (rollout.ready, rollout.progressed_at) = (ready, now);
            } else if !rollout.told && rollout.progressed_at + self.parameters.rollout.progress_deadline <= now {
                rollout.told = true;
                let detail = format!(
                    "{ready} of {} pods of {name} are ready and of the release that is wanted",
                    deployment.replicas
                );
                news = Some(("rollout stalled", detail, Some(Mark::Detected)));
            }
            Some(rollout)
        };
        self.deployments[index].rollout = next;
        if let Some((state, detail, mark)) = news {
            self.news.push(News { zone: String::new(), state, detail, mark });
        }
    }

    fn of(&self, deployment: usize) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.deployment == deployment && pod.deleting.is_none())
    }

    /// Puts pods on nodes as long as there is room.
    pub(super) fn schedule(&mut self) {
        for index in 0..self.pods.len() {
            if self.pods[index].node.is_none() {
                let spec = &self.deployments[self.pods[index].deployment].spec;
                let candidates = self.candidates(self.pods[index].deployment);
                let node = scheduler::place(spec.cpu_request_millicores, &spec.zones, &candidates);
                self.pods[index].node = node;
            }
        }
    }

    /// The nodes as they stand for another pod of a deployment.
    pub(super) fn candidates(&self, deployment: usize) -> Vec<Candidate<'_>> {
        let of = |index: usize| Candidate {
            zone: &self.nodes[index].spec.zone,
            schedulable: self.nodes[index].takes_pods(),
            free_millicores: self.parameters.node.allocatable_millicores.saturating_sub(self.requested(index)),
            alike: self.of(deployment).filter(|pod| pod.node == Some(index)).count() as u32,
        };
        (0..self.nodes.len()).map(of).collect()
    }

    /// What a node's pods request, those that are about to end included.
    pub(super) fn requested(&self, node: usize) -> u32 {
        let mine = self.pods.iter().filter(|pod| pod.node == Some(node));
        mine.map(|pod| self.deployments[pod.deployment].spec.cpu_request_millicores).sum()
    }
}
