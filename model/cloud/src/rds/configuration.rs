//! What the control plane decides - who is primary in which epoch, and which standby is in step - and the vote of one
//! monitor on the next decision.
//!
//! Decisions form a sequence of versions. Each is agreed on by single-decree Paxos (Lamport, "Paxos Made Simple", 2001)
//! among the monitors, so that at most one successor of a version exists: a detached standby can never be promoted, and
//! a promoted one never be detached.

use serde::{Deserialize, Serialize};

/// A server of the store, in the order of its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u8);

/// A decision of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Raised by one with each decision.
    pub version: u64,
    /// Raised by one with each reign of a primary. It fences: nobody takes part in an older one.
    pub epoch: u64,
    pub primary: NodeId,
    /// The standby that has every commit the primary acknowledged; only it may be promoted without loss.
    pub standby: Option<NodeId>,
}

impl Configuration {
    /// The store as it is deployed, before any server runs.
    #[must_use]
    pub const fn initial(primary: NodeId, standby: Option<NodeId>) -> Self {
        Configuration { version: 0, epoch: 0, primary, standby }
    }

    /// The same servers, with the primary beginning a new reign (its process starts afresh).
    #[must_use]
    pub const fn claimed(self) -> Self {
        Configuration { version: self.version + 1, epoch: self.epoch + 1, ..self }
    }

    /// `node` begins a reign; nobody is in step with it yet.
    #[must_use]
    pub const fn promoted(self, node: NodeId) -> Self {
        Configuration { version: self.version + 1, epoch: self.epoch + 1, primary: node, standby: None }
    }

    /// The same reign, with or without a standby in step.
    #[must_use]
    pub const fn with_standby(self, standby: Option<NodeId>) -> Self {
        Configuration { version: self.version + 1, standby, ..self }
    }
}

/// A proposer's attempt; later attempts outrank earlier ones. Ties are broken by the monitor's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    pub round: u64,
    pub monitor: u8,
}

/// One monitor's answer to a proposer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vote {
    /// It will vote for nothing older. Carries what it voted for last.
    Promised(Option<(Ballot, Configuration)>),
    Accepted,
    /// It promised itself to this later ballot.
    Outranked(Ballot),
    /// The version was decided already.
    Decided(Configuration),
    /// The old primary may still hold a lease: ask again later.
    LeaseHeld,
}

/// One monitor's memory of the vote: it must be durable before a vote leaves the monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptor {
    decided: Configuration,
    promised: Ballot,
    accepted: Option<(Ballot, Configuration)>,
}

impl Acceptor {
    #[must_use]
    pub fn new(initial: Configuration) -> Self {
        Acceptor { decided: initial, promised: Ballot::default(), accepted: None }
    }

    /// The latest decision that this monitor knows of.
    #[must_use]
    pub fn decided(&self) -> Configuration {
        self.decided
    }

    /// What this monitor voted for as the successor of [`decided`](Self::decided), if it has voted.
    #[must_use]
    pub fn accepted(&self) -> Option<Configuration> {
        self.accepted.map(|(_, configuration)| configuration)
    }

    /// The ballot that a proposer here must outrank.
    #[must_use]
    pub fn promised(&self) -> Ballot {
        self.promised
    }

    /// Whether a heartbeat of `node` renews its lease: not once this monitor voted to replace it.
    #[must_use]
    pub fn grants(&self, node: NodeId) -> bool {
        let primary = self.accepted.map_or(self.decided.primary, |(_, configuration)| configuration.primary);
        self.decided.primary == node && primary == node
    }

    /// Takes over a decision; older ones change nothing.
    pub fn learn(&mut self, decided: Configuration) {
        if decided.version > self.decided.version {
            *self = Acceptor { promised: Ballot::default(), accepted: None, decided };
        }
    }

    /// First phase: a proposer with `ballot` wants to decide the successor of `base`.
    pub fn prepare(&mut self, base: Configuration, ballot: Ballot) -> Vote {
        self.learn(base);
        if self.decided.version > base.version {
            return Vote::Decided(self.decided);
        }
        if ballot <= self.promised {
            return Vote::Outranked(self.promised);
        }
        self.promised = ballot;
        Vote::Promised(self.accepted)
    }

    /// Second phase: the proposer asks for a vote on `value` as the successor of `base`. `lease_held` says whether the
    /// primary of `base` may still believe in a lease that this monitor granted.
    pub fn accept(&mut self, base: Configuration, ballot: Ballot, value: Configuration, lease_held: bool) -> Vote {
        assert_eq!(value.version, base.version + 1, "a proposal is the successor of its base");
        self.learn(base);
        if self.decided.version > base.version {
            return Vote::Decided(self.decided);
        }
        if ballot < self.promised {
            return Vote::Outranked(self.promised);
        }
        if value.primary != base.primary && lease_held {
            return Vote::LeaseHeld;
        }
        self.promised = ballot;
        self.accepted = Some((ballot, value));
        Vote::Accepted
    }
}

/// How many monitors are a majority.
#[must_use]
pub fn majority(monitors: usize) -> usize {
    monitors / 2 + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: Configuration = Configuration::initial(NodeId(0), Some(NodeId(1)));

    /// A proposer's steps, taken one message at a time in any order.
    #[derive(Clone, Debug)]
    struct Proposer {
        ballot: Ballot,
        wanted: Configuration,
        promises: Vec<(usize, Option<(Ballot, Configuration)>)>,
        value: Option<Configuration>,
        votes: Vec<usize>,
    }

    proptest! {
        /// Messages of two rounds each of three proposers reach three monitors in any order, or never: whatever a
        /// majority voted for in one ballot is the only value that any majority ever votes for.
        #[test]
        fn at_most_one_successor_is_chosen(steps in prop::collection::vec((0usize..6, 0usize..3, any::<bool>()), 0..120)) {
            let mut monitors = [Acceptor::new(BASE); 3];
            let wanted = [BASE.claimed(), BASE.promoted(NodeId(1)), BASE.with_standby(None)];
            let mut proposers: Vec<Proposer> = (0u8..6).map(|number| Proposer {
                ballot: Ballot { round: 1 + u64::from(number / 3), monitor: number % 3 },
                wanted: wanted[usize::from(number % 3)],
                promises: Vec::new(), value: None, votes: Vec::new(),
            }).collect();
            let mut chosen: Vec<Configuration> = Vec::new();
            for (proposer, monitor, lease_held) in steps {
                let (proposer, acceptor) = (&mut proposers[proposer], &mut monitors[monitor]);
                if let Some(value) = proposer.value {
                    if acceptor.accept(BASE, proposer.ballot, value, lease_held) == Vote::Accepted
                        && !proposer.votes.contains(&monitor) {
                        proposer.votes.push(monitor);
                        if proposer.votes.len() == 2 {
                            chosen.push(value);
                        }
                    }
                } else if let Vote::Promised(accepted) = acceptor.prepare(BASE, proposer.ballot) {
                    proposer.promises.push((monitor, accepted));
                    if proposer.promises.len() == 2 {
                        let earlier = proposer.promises.iter().filter_map(|(_, accepted)| *accepted).max_by_key(|(ballot, _)| *ballot);
                        proposer.value = Some(earlier.map_or(proposer.wanted, |(_, value)| value));
                    }
                }
            }
            prop_assert!(chosen.windows(2).all(|pair| pair[0] == pair[1]), "{chosen:?}");
        }
    }

    #[test]
    fn a_monitor_that_voted_to_replace_the_primary_renews_its_lease_no_more() {
        let mut monitor = Acceptor::new(BASE);
        let ballot = Ballot { round: 1, monitor: 2 };
        let value = BASE.promoted(NodeId(1));
        assert_eq!(monitor.prepare(BASE, ballot), Vote::Promised(None));
        assert_eq!(monitor.accept(BASE, ballot, value, true), Vote::LeaseHeld);
        assert!(monitor.grants(NodeId(0)));
        assert_eq!(monitor.accept(BASE, ballot, value, false), Vote::Accepted);
        assert!(!monitor.grants(NodeId(0)) && !monitor.grants(NodeId(1)), "not decided yet");
        monitor.learn(value);
        assert!(monitor.grants(NodeId(1)));
        assert_eq!(monitor.prepare(BASE, Ballot { round: 9, monitor: 0 }), Vote::Decided(value));
    }

    #[test]
    fn a_monitor_that_was_away_learns_from_the_proposal() {
        let mut monitor = Acceptor::new(BASE);
        let base = BASE.claimed();
        let ballot = Ballot { round: 1, monitor: 0 };
        assert_eq!(monitor.prepare(base, ballot), Vote::Promised(None));
        assert_eq!(monitor.decided(), base);
        assert_eq!(monitor.prepare(base, ballot), Vote::Outranked(ballot), "a ballot is used once");
    }
}
