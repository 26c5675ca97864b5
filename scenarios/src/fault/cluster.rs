//! What people do to a cluster, on purpose or by mistake.

use std::time::Duration;

use notation::section;
use notation::value::{Count, Maybe, PositiveLength, Text, Word, Words};

use crate::fault::kind::{Kind, Target, TargetRole, lasts, once, seconds};

section! {
    /// Parameters of `drain-node`.
    pub struct DrainNode {
        /// The node, such as `node-0`.
        node: String as Text,
        /// When it takes pods again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DrainNode { node: Node },
    acts "Asks the control plane what `kubectl drain` asks: no new pods on the node, and every pod on it is evicted, as disruption budgets permit.",
    heals "The node takes pods again after `for`; those that left do not come back by themselves.",
    example DrainNode { node: "node-0".to_owned(), duration: seconds(600) }
}

section! {
    /// Parameters of `kill-pod`.
    pub struct KillPod {
        /// The service.
        service: String as Text,
        /// How many of its pods: the oldest.
        pods: u32 as Count = 1,
    }
}

once! {
    KillPod { service: Deployment },
    acts "Asks the control plane what `kubectl delete pod --grace-period=0 --force` asks: connections are reset, and memory is gone.",
    heals "The deployment itself: other pods are created at once, and serve when they are ready.",
    example KillPod { service: "trips".to_owned(), pods: 1 }
}

/// What is wrong with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It hangs before it opens a port.
    NeverReady,
    /// It says that it is well, and fails every request.
    FailsRequests,
}

impl Words for Defect {
    const WORDS: &'static [(&'static str, Self)] =
        &[("never-ready", Defect::NeverReady), ("fails-requests", Defect::FailsRequests)];
}

section! {
    /// Parameters of `deploy`.
    pub struct Deploy {
        /// The service.
        service: String as Text,
        /// What is wrong with the release. Left out: nothing.
        defect: Option<Defect> as Maybe<Word>,
        /// When the former release is put back, from the onset. Left out: at the end of the run.
        rollback_after: Option<Duration> as Maybe<PositiveLength>,
    }
}

impl Kind for Deploy {
    const ACTS: &'static str = "Asks the control plane what `kubectl set image` asks: new pods are created, and old ones end as new ones are ready.";
    const HEALS: &'static str =
        "`rollback_after` puts the former release back, likewise pod by pod; without it, the end of the run.";

    fn heals_after(&self) -> Option<Duration> {
        self.rollback_after
    }

    fn heal_after(&mut self, span: Duration) {
        if let Some(rollback_after) = &mut self.rollback_after {
            *rollback_after = span;
        }
    }

    fn targets(&self) -> Vec<Target<'_>> {
        vec![Target { parameter: "service", role: TargetRole::Deployment, name: &self.service }]
    }

    fn example() -> Self {
        Deploy { service: "pricing".to_owned(), defect: Some(Defect::NeverReady), rollback_after: Some(seconds(600)) }
    }
}
