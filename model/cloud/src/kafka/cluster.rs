//! What the ensemble remembers of the cluster - which brokers live, which one is the controller, who leads each partition - and the only
//! ways in which that may change. Pure.

use std::collections::BTreeMap;

use ports::event_log::Partition;
use serde::{Deserialize, Serialize};

/// A broker, in the order of deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BrokerId(pub u8);

/// Who leads a partition, and who has everything that is safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// None while nobody that lives may lead.
    pub leader: Option<BrokerId>,
    /// Raised with each reign; the first is 1.
    pub epoch: u64,
    /// Never empty. When the last member dies it stays: its log is the only one that has everything.
    pub in_step: Vec<BrokerId>,
    /// Whether the leader had been in step when it was chosen.
    pub clean: bool,
    /// Raised by one with each change, so that a change that comes late does not fit by accident.
    pub revision: u64,
}

impl PartitionState {
    /// This state with other replicas in step.
    pub fn with_in_step(&self, in_step: Vec<BrokerId>) -> PartitionState {
        PartitionState { in_step, revision: self.revision + 1, ..self.clone() }
    }

    /// A new reign.
    fn led_by(&self, leader: BrokerId, in_step: Vec<BrokerId>, clean: bool) -> PartitionState {
        PartitionState { leader: Some(leader), epoch: self.epoch + 1, in_step, clean, revision: self.revision + 1 }
    }
}

/// What the ensemble remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Raised by one with each change.
    pub version: u64,
    /// The brokers that live, each with the number of its session.
    pub sessions: BTreeMap<BrokerId, u64>,
    pub controller: Option<BrokerId>,
    /// Raised by one with each controller.
    pub controller_epoch: u64,
    pub partitions: BTreeMap<Partition, PartitionState>,
}

/// A partition's state before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub partition: Partition,
    pub from: PartitionState,
    pub to: PartitionState,
}

/// What may be asked of the ensemble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A broker's process begins a session.
    Register(BrokerId),
    /// A session ends, because its broker was silent.
    Expire { broker: BrokerId, session: u64 },
    /// A broker wants to be the controller.
    TakeControl(BrokerId),
    /// The controller changes partitions; each only if it is as the controller believes.
    Update { controller_epoch: u64, transitions: Vec<Transition> },
}

/// Why a change is impossible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// An earlier life of the broker has a session that has not ended.
    SessionExists,
    NoSession,
    /// Another broker is the controller.
    NotController,
    /// None of the partitions is as the controller believes.
    Outdated,
}

impl Cluster {
    /// The cluster after this change.
    pub fn after(&self, change: &Change) -> Result<Cluster, Refusal> {
        let mut next = self.clone();
        next.version += 1;
        match change {
            Change::Register(broker) => {
                if self.sessions.contains_key(broker) {
                    return Err(Refusal::SessionExists);
                }
                next.sessions.insert(*broker, next.version);
            }
            Change::Expire { broker, session } => {
                if self.sessions.get(broker) != Some(session) {
                    return Err(Refusal::NoSession);
                }
                next.bury(*broker);
            }
            Change::TakeControl(broker) => {
                if self.controller.is_some() {
                    return Err(Refusal::NotController);
                }
                if !self.sessions.contains_key(broker) {
                    return Err(Refusal::NoSession);
                }
                next.controller = Some(*broker);
                next.controller_epoch += 1;
            }
            Change::Update { controller_epoch, transitions } => {
                if self.controller.is_none() || self.controller_epoch != *controller_epoch {
                    return Err(Refusal::NotController);
                }
                let mut changed = false;
                for Transition { partition, from, to } in transitions {
                    let alive = |broker: &BrokerId| self.sessions.contains_key(broker);
                    assert_eq!(to.revision, from.revision + 1, "a transition is one step");
                    let fits = self.partitions.get(partition) == Some(from)
                        && to.leader.as_ref().is_none_or(alive)
                        && to.in_step.iter().all(|broker| alive(broker) || from.in_step.contains(broker));
                    if fits {
                        next.partitions.insert(*partition, to.clone());
                        changed = true;
                    }
                }
                if !changed {
                    return Err(Refusal::Outdated);
                }
            }
        }
        Ok(next)
    }

    /// A dead broker leads nothing and is in step nowhere, but where it was the last one.
    fn bury(&mut self, broker: BrokerId) {
        self.sessions.remove(&broker);
        if self.controller == Some(broker) {
            self.controller = None;
        }
        for state in self.partitions.values_mut() {
            let before = state.clone();
            if state.leader == Some(broker) {
                state.leader = None;
            }
            if state.in_step != [broker] {
                state.in_step.retain(|member| *member != broker);
            }
            state.revision += u64::from(*state != before);
        }
    }

    /// Leaders for partitions without one, among `replicas` of each in their order: one in step that lives or, if `unclean`, any that lives.
    /// A partition that was never led waits for all its replicas, if that is not `overdue`: a topic is created when its brokers are up.
    pub fn elections<'a>(
        &'a self,
        replicas: impl Fn(Partition) -> &'a [BrokerId],
        unclean: bool,
        overdue: bool,
    ) -> Vec<Transition> {
        let leaderless = self.partitions.iter().filter(|(_, state)| state.leader.is_none());
        let elect = |(partition, from): (&Partition, &PartitionState)| {
            let living = || replicas(*partition).iter().copied().filter(|broker| self.sessions.contains_key(broker));
            if from.epoch == 0 && !overdue && living().count() < replicas(*partition).len() {
                return None;
            }
            let in_step = living().find(|broker| from.in_step.contains(broker));
            let leader = in_step.or_else(|| living().next().filter(|_| unclean))?;
            let to = match in_step {
                Some(_) => from.led_by(leader, from.in_step.clone(), true),
                None => from.led_by(leader, vec![leader], false),
            };
            Some(Transition { partition: *partition, from: from.clone(), to })
        };
        leaderless.filter_map(elect).collect()
    }

    /// Moves of leaders back to the first replica of their partition, where that is in step and lives.
    pub fn preferred_elections<'a>(&'a self, replicas: impl Fn(Partition) -> &'a [BrokerId]) -> Vec<Transition> {
        let mut moves = Vec::new();
        for (partition, from) in &self.partitions {
            let first = replicas(*partition)[0];
            let may_lead = self.sessions.contains_key(&first) && from.in_step.contains(&first);
            if from.leader.is_some() && from.leader != Some(first) && may_lead {
                let to = from.led_by(first, from.in_step.clone(), true);
                moves.push(Transition { partition: *partition, from: from.clone(), to });
            }
        }
        moves
    }
}

#[cfg(test)]
mod tests {
    use ports::event_log::TopicId;
    use proptest::prelude::*;

    use super::*;

    const P: Partition = Partition { topic: TopicId(1), number: 0 };
    const BROKERS: [BrokerId; 3] = [BrokerId(0), BrokerId(1), BrokerId(2)];

    fn fresh() -> Cluster {
        let state = PartitionState { leader: None, epoch: 0, in_step: BROKERS.to_vec(), clean: true, revision: 0 };
        Cluster { partitions: BTreeMap::from([(P, state)]), ..Cluster::default() }
    }

    fn elect(cluster: &Cluster, unclean: bool) -> Option<Cluster> {
        let transitions = cluster.elections(|_| &BROKERS, unclean, true);
        cluster.after(&Change::Update { controller_epoch: cluster.controller_epoch, transitions }).ok()
    }

    fn bury(cluster: &Cluster, broker: BrokerId) -> Cluster {
        let session = cluster.sessions[&broker];
        cluster.after(&Change::Expire { broker, session }).unwrap()
    }

    fn up() -> Cluster {
        let registered =
            BROKERS.iter().fold(fresh(), |cluster, broker| cluster.after(&Change::Register(*broker)).unwrap());
        elect(&registered.after(&Change::TakeControl(BROKERS[2])).unwrap(), false).unwrap()
    }

    #[test]
    fn a_dead_leader_is_followed_by_one_in_step_and_the_last_in_step_by_nobody() {
        let up = up();
        assert_eq!(up.after(&Change::Register(BROKERS[0])), Err(Refusal::SessionExists));
        assert_eq!((up.partitions[&P].leader, up.partitions[&P].epoch), (Some(BROKERS[0]), 1));
        let one_left = elect(&bury(&up, BROKERS[0]), false).unwrap();
        assert_eq!((one_left.partitions[&P].leader, one_left.partitions[&P].epoch), (Some(BROKERS[1]), 2));
        assert_eq!(one_left.partitions[&P].in_step, BROKERS[1..]);
        let mut alone = one_left.clone();
        alone.partitions.get_mut(&P).unwrap().in_step = vec![BROKERS[1]];
        let orphaned = bury(&alone, BROKERS[1]);
        assert_eq!(elect(&orphaned, false), None, "its log alone has everything");
        let unclean = elect(&orphaned, true).unwrap();
        let state = &unclean.partitions[&P];
        assert_eq!((state.leader, state.clean, &state.in_step[..]), (Some(BROKERS[2]), false, &BROKERS[2..]));
    }

    #[test]
    fn a_new_partition_waits_for_its_replicas_unless_that_takes_too_long() {
        let register = |cluster: Cluster, broker: &BrokerId| cluster.after(&Change::Register(*broker)).unwrap();
        let two = BROKERS[1..].iter().fold(fresh(), register);
        assert_eq!(two.elections(|_| &BROKERS, false, false), []);
        assert_eq!(two.elections(|_| &BROKERS, false, true)[0].to.leader, Some(BROKERS[1]));
        let three = register(two, &BROKERS[0]);
        assert_eq!(three.elections(|_| &BROKERS, false, false)[0].to.leader, Some(BROKERS[0]));
    }

    #[test]
    fn a_controller_that_was_replaced_changes_nothing() {
        let up = up();
        let elected = up.controller_epoch;
        let buried = bury(&up, BROKERS[2]);
        let renewed = buried.after(&Change::TakeControl(BROKERS[1])).unwrap();
        assert_eq!(renewed.after(&Change::TakeControl(BROKERS[0])), Err(Refusal::NotController));
        let late = Change::Update { controller_epoch: elected, transitions: Vec::new() };
        assert_eq!(renewed.after(&late), Err(Refusal::NotController));
    }

    #[test]
    fn leaders_move_back_to_the_first_replica() {
        let moved = elect(&bury(&up(), BROKERS[0]), false).unwrap();
        assert_eq!(moved.preferred_elections(|_| &BROKERS), []);
        let mut back = moved.after(&Change::Register(BROKERS[0])).unwrap();
        assert_eq!(back.preferred_elections(|_| &BROKERS), [], "it is not in step");
        back.partitions.get_mut(&P).unwrap().in_step.push(BROKERS[0]);
        let moves = back.preferred_elections(|_| &BROKERS);
        assert_eq!(moves[0].to.leader, Some(BROKERS[0]));
    }

    proptest! {
        /// Whatever is registered, buried and elected: a leader lives and is in step, epochs never fall, somebody is in step.
        #[test]
        fn leaders_live_and_are_in_step(steps in prop::collection::vec((0u8..3, 0u8..4), 0..60), unclean in any::<bool>()) {
            let mut cluster = up();
            for (broker, step) in steps {
                let broker = BrokerId(broker);
                let change = match step {
                    0 => Some(Change::Register(broker)),
                    1 => cluster.sessions.get(&broker).map(|session| Change::Expire { broker, session: *session }),
                    2 => Some(Change::TakeControl(broker)),
                    _ => {
                        let transitions = cluster.elections(|_| &BROKERS, unclean, true);
                        Some(Change::Update { controller_epoch: cluster.controller_epoch, transitions })
                    }
                };
                let Some(Ok(next)) = change.map(|change| cluster.after(&change)) else { continue };
                let (before, after) = (&cluster.partitions[&P], &next.partitions[&P]);
                prop_assert!(after.epoch >= before.epoch && !after.in_step.is_empty());
                if let Some(leader) = after.leader {
                    prop_assert!(next.sessions.contains_key(&leader) && after.in_step.contains(&leader));
                    prop_assert!(before.leader == Some(leader) || after.epoch > before.epoch);
                    prop_assert!(unclean || before.in_step.contains(&leader));
                }
                cluster = next;
            }
        }
    }
}
