//! The vote of one server of the ensemble on the cluster's next state.
//!
//! States form a sequence of versions. Each is agreed on by single-decree Paxos (Lamport, "Paxos Made Simple", 2001), so that at most
//! one successor of a version exists. ZooKeeper's own protocol has a leader and orders changes in a stream; what its clients see is the
//! same: a change is made once, by a majority, on a state that it fits.

use serde::{Deserialize, Serialize};

use crate::kafka::cluster::Cluster;

/// A proposer's attempt; later ones outrank earlier ones. Ties are broken by the server's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ballot {
    pub round: u64,
    pub server: u8,
}

/// One server's answer to a proposer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vote {
    /// It will vote for nothing older. Carries what it voted for last.
    Promised(Option<(Ballot, Box<Cluster>)>),
    Accepted,
    /// It promised itself to this later ballot.
    Outranked(Ballot),
    /// The version was decided already.
    Decided(Box<Cluster>),
}

/// One server's memory of the vote: durable before a vote leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptor {
    decided: Cluster,
    promised: Ballot,
    accepted: Option<(Ballot, Cluster)>,
}

impl Acceptor {
    pub fn new(initial: Cluster) -> Self {
        Acceptor { decided: initial, promised: Ballot::default(), accepted: None }
    }

    /// The latest state that this server knows to be decided.
    pub fn decided(&self) -> &Cluster {
        &self.decided
    }

    /// The ballot that a proposer here must outrank.
    pub fn promised(&self) -> Ballot {
        self.promised
    }

    /// Takes over a decision; older ones change nothing. Returns whether it was news.
    pub fn learn(&mut self, decided: &Cluster) -> bool {
        let news = decided.version > self.decided.version;
        if news {
            *self = Acceptor::new(decided.clone());
        }
        news
    }

    /// First phase: a proposer with `ballot` wants to decide the successor of `base`.
    pub fn prepare(&mut self, base: &Cluster, ballot: Ballot) -> Vote {
        self.learn(base);
        if self.decided.version > base.version {
            return Vote::Decided(Box::new(self.decided.clone()));
        }
        if ballot <= self.promised {
            return Vote::Outranked(self.promised);
        }
        self.promised = ballot;
        Vote::Promised(self.accepted.clone().map(|(ballot, cluster)| (ballot, Box::new(cluster))))
    }

    /// Second phase: the proposer asks for a vote on `value` as the successor of `base`.
    pub fn accept(&mut self, base: &Cluster, ballot: Ballot, value: Cluster) -> Vote {
        assert_eq!(value.version, base.version + 1, "a proposal is the successor of its base");
        self.learn(base);
        if self.decided.version > base.version {
            return Vote::Decided(Box::new(self.decided.clone()));
        }
        if ballot < self.promised {
            return Vote::Outranked(self.promised);
        }
        self.promised = ballot;
        self.accepted = Some((ballot, value));
        Vote::Accepted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kafka::cluster::{BrokerId, Change};

    /// What servers that promised had voted for before.
    type Promises = Vec<Option<(Ballot, Box<Cluster>)>>;

    proptest! {
        /// Messages of two rounds each of three proposers reach three servers in any order, or never: what a majority voted for in
        /// one ballot is all that any majority ever votes for.
        #[test]
        fn at_most_one_successor_is_chosen(steps in prop::collection::vec((0usize..6, 0usize..3), 0..120)) {
            let base = Cluster::default();
            let mut servers = [(); 3].map(|()| Acceptor::new(base.clone()));
            let wanted = [0u8, 1, 2].map(|broker| base.after(&Change::Register(BrokerId(broker))).unwrap());
            let ballot = |proposer: usize| Ballot { round: 1 + proposer as u64 / 3, server: proposer as u8 % 3 };
            let mut promises: [Promises; 6] = Default::default();
            let mut proposed: [Option<Cluster>; 6] = Default::default();
            let mut voters: [Vec<usize>; 6] = Default::default();
            let mut chosen: Vec<Cluster> = Vec::new();
            for (proposer, server) in steps {
                if let Some(value) = &proposed[proposer] {
                    let vote = servers[server].accept(&base, ballot(proposer), value.clone());
                    if vote == Vote::Accepted && !voters[proposer].contains(&server) {
                        voters[proposer].push(server);
                        if voters[proposer].len() == 2 {
                            chosen.push(value.clone());
                        }
                    }
                } else if let Vote::Promised(accepted) = servers[server].prepare(&base, ballot(proposer)) {
                    promises[proposer].push(accepted);
                    if promises[proposer].len() == 2 {
                        let earlier = promises[proposer].iter().flatten().max_by_key(|(ballot, _)| *ballot);
                        let value = earlier.map_or(&wanted[proposer % 3], |(_, value)| value);
                        proposed[proposer] = Some(value.clone());
                    }
                }
            }
            prop_assert!(chosen.windows(2).all(|pair| pair[0] == pair[1]), "{chosen:?}");
        }
    }

    #[test]
    fn a_server_that_was_away_learns_from_the_proposal() {
        let base = Cluster::default().after(&Change::Register(BrokerId(0))).unwrap();
        let dead = base.after(&Change::Expire { broker: BrokerId(0), session: 1 }).unwrap();
        let mut server = Acceptor::new(Cluster::default());
        let ballot = Ballot { round: 1, server: 0 };
        assert_eq!(server.prepare(&base, ballot), Vote::Promised(None));
        assert_eq!(server.decided(), &base);
        assert_eq!(server.prepare(&base, ballot), Vote::Outranked(ballot), "a ballot is used once");
        assert_eq!(server.accept(&base, ballot, dead.clone()), Vote::Accepted);
        assert!(server.learn(&dead) && !server.learn(&base));
        assert_eq!(server.accept(&base, ballot, dead.clone()), Vote::Decided(Box::new(dead)));
    }
}
