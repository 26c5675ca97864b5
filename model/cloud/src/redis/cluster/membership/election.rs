//! How a replica takes its failed primary's place: it waits its turn, asks for votes, and needs a majority of primaries.

use std::time::Duration;

use runtime::Time;

use super::{Action, Membership, Owner, Told};
use crate::redis::protocol::{BusRequest, Candidacy};

/// A candidacy lasts for two node time-outs and is followed by another after four (source: Redis 7.0, `clusterHandleSlaveFailover`).
const CANDIDACY_TIMEOUTS: u32 = 2;
const RETRY_TIMEOUTS: u32 = 4;
/// A primary is silent for this long at most while all is well: its pings to replicas (source: Redis documentation, 7.0:
/// `repl-ping-replica-period` = 10 s).
const REPLICATION_PING: Duration = Duration::from_secs(10);

/// A replica's attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Election {
    /// When it asks, or asked, for votes.
    at: Time,
    /// In which epoch it asked.
    epoch: Option<u64>,
    votes: usize,
}

impl Membership {
    /// An operator wants this replica to stand now, if of its shard's replicas it has the most.
    pub fn take_over(&mut self) {
        // Of replicas with as much data one is to stand: ranks of a forced candidacy have no ties.
        self.forced = !self.is_primary(self.me);
        self.forced &= self.rank() == 0;
    }

    /// How many live replicas of the same primary have more data; of those with as much, the earlier come first.
    fn rank(&self) -> u32 {
        let home = self.home();
        let ahead = self.others().filter(|node| {
            let peer = &self.peers[usize::from(node.0)];
            self.homes[usize::from(node.0)] == home
                && !self.is_primary(*node)
                && peer.failed_at.is_none()
                && (peer.offset > self.offset || (self.forced && peer.offset == self.offset && *node < self.me))
        });
        ahead.count() as u32
    }

    pub(super) fn elect(&mut self, now: Time, draw: &mut impl FnMut(usize) -> usize, actions: &mut Vec<Action>) {
        let home = self.home();
        let primary = self.owner(home);
        let has_failed = self.peers[usize::from(primary.0)].failed_at.is_some();
        if primary == self.me || !(has_failed || self.forced) {
            self.election = None;
            return;
        }
        let parameters = self.parameters;
        let timeout = parameters.node_timeout;
        let without_primary = self.unlinked_since.map_or(Duration::ZERO, |since| now.since(since));
        let is_stale = without_primary > timeout + timeout * parameters.validity_factor + REPLICATION_PING;
        match &mut self.election {
            None if is_stale && !self.forced => {}
            None => {
                let spread = draw(parameters.election_delay.as_micros() as usize + 1) as u64;
                let delay =
                    parameters.election_delay + Duration::from_micros(spread) + parameters.rank_delay * self.rank();
                let at = if self.forced { now } else { now + delay };
                self.election = Some(Election { at, epoch: None, votes: 0 });
                self.ask_if_due(now, actions);
            }
            Some(Election { epoch: None, .. }) => self.ask_if_due(now, actions),
            Some(Election { at, .. }) if now >= *at + timeout * RETRY_TIMEOUTS => self.election = None,
            Some(_) => {}
        }
    }

    fn ask_if_due(&mut self, now: Time, actions: &mut Vec<Action>) {
        let Some(election) = self.election.as_mut().filter(|election| now >= election.at) else { return };
        self.remembered.current_epoch += 1;
        let epoch = self.remembered.current_epoch;
        election.epoch = Some(epoch);
        actions.push(Action::Stand { epoch });
        let candidacy = Candidacy { from: self.me, epoch, claim_epoch: self.epoch(self.home()), forced: self.forced };
        actions.extend(self.broadcast(&BusRequest::Vote(candidacy)));
    }

    pub(super) fn election_due(&self) -> Time {
        match self.election {
            None => Time::MAX,
            Some(Election { at, epoch: None, .. }) => at,
            Some(Election { at, .. }) => at + self.parameters.node_timeout * RETRY_TIMEOUTS,
        }
    }

    /// Whether this member votes for a candidate: once an epoch, for a replica of a failed primary whose slots nobody has claimed since.
    pub fn vote(&mut self, candidacy: Candidacy, now: Time) -> bool {
        self.remembered.current_epoch = self.remembered.current_epoch.max(candidacy.epoch);
        let shard = self.homes[usize::from(candidacy.from.0)];
        let owner = self.remembered.owners[usize::from(shard.0)];
        let has_failed = self.peers[usize::from(owner.node.0)].failed_at.is_some();
        let voted_lately = self.voted_at[usize::from(shard.0)].is_some_and(|at| now.since(at) < self.validity());
        let grants = self.is_primary(self.me)
            && candidacy.epoch == self.remembered.current_epoch
            && candidacy.epoch > self.remembered.last_vote_epoch
            && owner.node != candidacy.from
            && (has_failed || candidacy.forced)
            && candidacy.claim_epoch >= owner.epoch
            && (!voted_lately || candidacy.forced);
        if grants {
            self.remembered.last_vote_epoch = candidacy.epoch;
            self.voted_at[usize::from(shard.0)] = Some(now);
        }
        grants
    }

    /// An answer to this replica's candidacy.
    pub fn voted(&mut self, granted_in: Option<u64>, now: Time) -> Vec<Action> {
        let (home, needed, timeout) = (self.home(), self.majority(), self.parameters.node_timeout);
        let Some(election) = &mut self.election else { return Vec::new() };
        let Some(epoch) = election.epoch else { return Vec::new() };
        if granted_in != Some(epoch) || now > election.at + timeout * CANDIDACY_TIMEOUTS {
            return Vec::new();
        }
        election.votes += 1;
        if election.votes < needed {
            return Vec::new();
        }
        self.election = None;
        self.forced = false;
        self.remembered.owners[usize::from(home.0)] = Owner { node: self.me, epoch };
        self.told = Some(Told::Lead(epoch));
        let mut actions = vec![Action::Lead { epoch, elected: true }];
        actions.extend(self.broadcast(&BusRequest::Ping(self.gossip())));
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::redis::protocol::Candidacy;

    /// Three shards, each of a primary (0, 1, 2) and a replica (3, 4, 5).
    fn member(me: u16) -> Membership {
        let homes = [0, 1, 2, 0, 1, 2].map(ShardId).to_vec();
        let primaries = [0, 1, 2].map(NodeId).to_vec();
        Membership::new(NodeId(me), homes, primaries, None, ClusterParameters::default(), Time::ZERO, Time::ZERO)
    }

    fn candidacy(from: u16, epoch: u64) -> Candidacy {
        let claim_epoch = u64::from(from % 3) + 1;
        Candidacy { from: NodeId(from), epoch, claim_epoch, forced: false }
    }

    #[test]
    fn a_primary_votes_once_an_epoch_and_only_where_a_primary_has_failed() {
        let now = Time::from_secs(100);
        let mut primary = member(1);
        assert!(!primary.vote(candidacy(3, 4), now), "its primary is well");
        primary.declare_failed(NodeId(0), now);
        assert!(!primary.vote(candidacy(3, 3), now), "an epoch that was heard of already is over");
        assert!(primary.vote(candidacy(3, 5), now));
        assert!(!primary.vote(candidacy(3, 5), now), "it voted in this epoch");
        assert!(!primary.vote(candidacy(3, 6), now), "it voted for this shard a moment ago");
        primary.declare_failed(NodeId(2), now);
        assert!(primary.vote(candidacy(5, 7), now), "another shard is another matter");
        let mut asked_twice = member(1);
        asked_twice.declare_failed(NodeId(0), now);
        asked_twice.declare_failed(NodeId(2), now);
        assert!(asked_twice.vote(candidacy(3, 5), now));
        assert!(!asked_twice.vote(candidacy(5, 5), now), "it voted in this epoch, for another shard");
        let mut replica = member(4);
        replica.declare_failed(NodeId(0), now);
        assert!(!replica.vote(candidacy(3, 4), now), "replicas have no vote");
    }

    #[test]
    fn nobody_votes_against_a_newer_claim() {
        let now = Time::from_secs(100);
        let mut primary = member(1);
        assert_eq!(primary.claim(ShardId(0), NodeId(3), 9), Vec::new());
        primary.declare_failed(NodeId(3), now);
        assert!(!primary.vote(candidacy(3, 10), now), "it serves already");
        let late = Candidacy { from: NodeId(0), epoch: 11, claim_epoch: 1, forced: false };
        assert!(!primary.vote(late, now), "it claims under an epoch that is over");
        assert!(primary.vote(Candidacy { epoch: 12, claim_epoch: 9, ..late }, now));
    }

    #[test]
    fn a_member_is_forgiven_and_a_demoted_primary_learns_whom_to_follow() {
        let now = Time::from_secs(100);
        let mut old = member(0);
        assert_eq!(old.claim(ShardId(0), NodeId(3), 4), [Action::Follow(NodeId(3))]);
        assert_eq!(old.claim(ShardId(0), NodeId(0), 2), [], "what is older is void");
        assert_eq!(old.owner(ShardId(0)), NodeId(3));
        let mut other = member(1);
        other.declare_failed(NodeId(0), now);
        let answers = {
            other.claim(ShardId(0), NodeId(3), 4);
            other.hear(&member(0).gossip(), true, now)
        };
        let update = BusRequest::Update { shard: ShardId(0), node: NodeId(3), epoch: 4 };
        assert!(answers.contains(&Action::Send { to: NodeId(0), request: update }), "{answers:?}");
        assert_eq!(other.gossip().suspects, [], "it owns nothing and answers: it has not failed");
    }

    #[test]
    fn one_primary_alone_declares_nobody_failed() {
        let mut primary = member(1);
        let mut now = Time::ZERO;
        for _ in 0..200 {
            now = primary.next_due(now);
            assert!(!primary.tick(now, |_| 0).iter().any(|action| matches!(action, Action::Fail(_))));
        }
        assert!(now > Time::from_secs(60));
        assert!(!primary.is_serving(), "it reaches no majority");
    }
}
