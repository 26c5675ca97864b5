//! Who is in step with the partitions that a broker leads: what its replicas find, and what the controller makes of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::broker::Broker;
use super::cluster::{BrokerId, Cluster, Transition};
use super::controller::Controller;
use super::protocol::{BrokerAnswer, BrokerRequest};

/// Keeps the controller told.
pub(super) struct InStep {
    broker: Rc<Broker>,
    controller: Rc<Controller>,
}

impl InStep {
    /// `controller` is this broker's own part as controller.
    pub fn new(broker: Rc<Broker>, controller: Rc<Controller>) -> Rc<Self> {
        Rc::new(InStep { broker, controller })
    }

    /// Looks often enough that no lag goes unnoticed for long, for ever.
    pub async fn review_now_and_then(self: &Rc<Self>) {
        loop {
            runtime::sleep(self.broker.plan.broker.lag_max / 2).await;
            self.review();
        }
    }

    /// Has the controller told who should be in step, where that is not who is.
    pub fn review(self: &Rc<Self>) {
        let cluster = self.broker.cluster();
        let mut transitions = Vec::new();
        for (partition, replica) in &self.broker.replicas {
            let Some(wanted) = replica.review(self.broker.plan.broker.lag_max) else { continue };
            let from = &cluster.partitions[partition];
            assert_eq!(replica.leads(), Some(from.epoch), "a replica plays the part that was instructed last");
            let to = from.with_in_step(wanted);
            transitions.push(Transition { partition: *partition, from: from.clone(), to });
        }
        if !transitions.is_empty() {
            let in_step = self.clone();
            drop(runtime::spawn(async move { in_step.alter(transitions).await }));
        }
    }

    /// Asks the controller until it answers, or until what is asked for fits no more. Until then the leader counts on whoever may have
    /// been let in: an answer that is lost does not undo a decision.
    async fn alter(&self, transitions: Vec<Transition>) {
        loop {
            let answer = match self.broker.registration.seen().controller {
                Some(me) if me == self.broker.me => self.controller.alter(transitions.clone()).await,
                Some(other) => match self.broker.ask(other, BrokerRequest::Alter(transitions.clone())).await {
                    Some(BrokerAnswer::Altered(cluster)) => cluster.map(|cluster| *cluster),
                    _ => None,
                },
                None => None,
            };
            if let Some(cluster) = answer {
                let version = cluster.version;
                self.report_steps(&transitions, &cluster);
                self.broker.instructed(cluster);
                if self.broker.cluster().version >= version {
                    break;
                }
                return; // this broker is no member of that cluster: it is not for it to let anybody in or out
            }
            runtime::sleep(self.broker.plan.broker.fetch_backoff).await;
            let cluster = self.broker.cluster();
            if transitions.iter().all(|asked| cluster.partitions[&asked.partition].revision > asked.from.revision) {
                break;
            }
        }
        for Transition { partition, from, .. } in &transitions {
            self.broker.replicas[partition].answered(from.epoch);
        }
    }

    /// Tells whoever watches who fell out of step, and who is back.
    fn report_steps(&self, transitions: &[Transition], decided: &Cluster) {
        let mut left: BTreeMap<BrokerId, usize> = BTreeMap::new();
        let mut joined: BTreeMap<BrokerId, usize> = BTreeMap::new();
        let made = transitions.iter().filter(|made| decided.partitions.get(&made.partition) == Some(&made.to));
        for Transition { from, to, .. } in made {
            for broker in from.in_step.iter().filter(|broker| !to.in_step.contains(broker)) {
                *left.entry(*broker).or_default() += 1;
            }
            for broker in to.in_step.iter().filter(|broker| !from.in_step.contains(broker)) {
                *joined.entry(*broker).or_default() += 1;
            }
        }
        let (me, _) = self.broker.plan.named(self.broker.me);
        for (broker, count) in left {
            let (name, zone) = self.broker.plan.named(broker);
            let detail = format!(
                "{name} has not caught up with {me} for {:?}: out of step in {count} partitions",
                self.broker.plan.broker.lag_max
            );
            self.broker.plan.report(&zone, "replica out of step", detail, None);
        }
        for (broker, count) in joined {
            let (name, zone) = self.broker.plan.named(broker);
            self.broker.plan.report(
                &zone,
                "replica in step",
                format!("{name} has caught up with {me} in {count} partitions"),
                None,
            );
        }
    }
}
