//! What one member knows of its cluster and what follows from it: failure detection, elections, who serves what. Pure: it is told the
//! time and what arrived, and says what is to be done (source of all rules: Redis cluster specification, 7.0).
//!
//! Slots never move between shards here, so a shard's primary stands for its slots.

mod election;

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::Time;
use serde::{Deserialize, Serialize};

use self::election::Election;
use crate::redis::parameters::ClusterParameters;
use crate::redis::protocol::{BusRequest, Gossip, NodeId, ShardId};

/// A failure report, or a vote for a replica of the same primary, counts for this many node time-outs (source: Redis 7.0,
/// `CLUSTER_FAIL_REPORT_VALIDITY_MULT`, `CLUSTER_FAIL_UNDO_TIME_MULT` and the rule for votes: 2).
const VALID_TIMEOUTS: u32 = 2;
/// Members drawn for the regular ping, of which the one heard of longest ago gets it (source: Redis cluster specification).
const PING_CANDIDATES: usize = 5;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Send {
        to: NodeId,
        request: BusRequest,
    },
    /// This member does not reach that one.
    Suspect(NodeId),
    /// A majority of primaries does not.
    Fail(NodeId),
    /// This replica asks for votes.
    Stand {
        epoch: u64,
    },
    /// This member is its shard's primary from now on.
    Lead {
        epoch: u64,
        elected: bool,
    },
    Follow(NodeId),
    /// This primary serves its slots, or no longer does.
    Serve(bool),
}

/// What survives the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    current_epoch: u64,
    last_vote_epoch: u64,
    owners: Vec<Owner>,
}

/// Who serves a shard, and under which configuration epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    node: NodeId,
    epoch: u64,
}

/// Another member.
#[derive(Clone, Debug)]
struct Peer {
    /// Since when a ping to it is unanswered, whatever happened to the link.
    pinged_at: Option<Time>,
    /// A ping was lost with its link: the next one is due then.
    again_at: Option<Time>,
    /// When it last said anything.
    heard_at: Time,
    ponged_at: Time,
    suspected: bool,
    failed_at: Option<Time>,
    /// Members that said that they do not reach it, and when.
    reports: BTreeMap<NodeId, Time>,
    offset: u64,
}

/// One member's view.
pub(super) struct Membership {
    me: NodeId,
    parameters: ClusterParameters,
    started: Time,
    /// By node: the shard that it is primary or replica of.
    homes: Vec<ShardId>,
    peers: Vec<Peer>,
    remembered: Remembered,
    /// By shard: when this member last voted for one of its replicas.
    voted_at: Vec<Option<Time>>,
    election: Option<Election>,
    forced: bool,
    next_ping: Time,
    serving: bool,
    /// When it last reached no majority.
    cut_off_at: Option<Time>,
    offset: u64,
    unlinked_since: Option<Time>,
    /// What the server was last told to be.
    told: Option<Told>,
}

/// What a server is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Lead(u64),
    Follow(NodeId),
}

impl Membership {
    pub fn new(
        me: NodeId,
        homes: Vec<ShardId>,
        first_primaries: Vec<NodeId>,
        remembered: Option<Remembered>,
        parameters: ClusterParameters,
        now: Time,
        first_ping: Time,
    ) -> Self {
        let owners = first_primaries.iter().zip(1..).map(|(&node, epoch)| Owner { node, epoch }).collect();
        let current_epoch = first_primaries.len() as u64;
        let initial = Remembered { current_epoch, last_vote_epoch: 0, owners };
        let peer = Peer {
            pinged_at: None,
            // Everybody is pinged as soon as the member starts.
            again_at: Some(now),
            heard_at: now,
            ponged_at: now,
            suspected: false,
            failed_at: None,
            reports: BTreeMap::new(),
            offset: 0,
        };
        Membership {
            me,
            parameters,
            started: now,
            peers: vec![peer; homes.len()],
            homes,
            voted_at: vec![None; first_primaries.len()],
            remembered: remembered.unwrap_or(initial),
            election: None,
            forced: false,
            next_ping: first_ping,
            serving: false,
            cut_off_at: None,
            offset: 0,
            unlinked_since: None,
            told: None,
        }
    }

    pub fn remembered(&self) -> Remembered {
        self.remembered.clone()
    }

    pub fn owner(&self, shard: ShardId) -> NodeId {
        self.remembered.owners[usize::from(shard.0)].node
    }

    pub fn epoch(&self, shard: ShardId) -> u64 {
        self.remembered.owners[usize::from(shard.0)].epoch
    }

    pub fn is_serving(&self) -> bool {
        self.serving
    }

    /// What the server knows: how far it has come, and since when it is without its primary.
    pub fn inform(&mut self, offset: u64, unlinked_since: Option<Time>) {
        self.offset = offset;
        self.unlinked_since = unlinked_since;
    }

    fn home(&self) -> ShardId {
        self.homes[usize::from(self.me.0)]
    }

    fn is_primary(&self, node: NodeId) -> bool {
        self.owner(self.homes[usize::from(node.0)]) == node
    }

    fn peer(&mut self, node: NodeId) -> &mut Peer {
        &mut self.peers[usize::from(node.0)]
    }

    fn others(&self) -> impl Iterator<Item = NodeId> + use<> {
        let me = self.me;
        (0u16..).map(NodeId).take(self.peers.len()).filter(move |node| *node != me)
    }

    fn majority(&self) -> usize {
        self.remembered.owners.len() / 2 + 1
    }

    fn validity(&self) -> Duration {
        self.parameters.node_timeout * VALID_TIMEOUTS
    }

    pub fn gossip(&self) -> Gossip {
        let suspects = self.others().filter_map(|node| {
            let peer = &self.peers[usize::from(node.0)];
            (peer.suspected || peer.failed_at.is_some()).then_some((node, peer.failed_at.is_some()))
        });
        Gossip {
            from: self.me,
            current_epoch: self.remembered.current_epoch,
            is_primary: self.is_primary(self.me),
            claim_epoch: self.epoch(self.home()),
            offset: self.offset,
            suspects: suspects.collect(),
        }
    }

    fn broadcast(&self, request: &BusRequest) -> Vec<Action> {
        self.others().map(|to| Action::Send { to, request: request.clone() }).collect()
    }

    fn ping(&mut self, to: NodeId, now: Time, actions: &mut Vec<Action>) {
        let peer = self.peer(to);
        peer.pinged_at.get_or_insert(now);
        peer.again_at = None;
        actions.push(Action::Send { to, request: BusRequest::Ping(self.gossip()) });
    }

    /// Does what is due. `draw` gives an index below its argument.
    pub fn tick(&mut self, now: Time, mut draw: impl FnMut(usize) -> usize) -> Vec<Action> {
        let mut actions = Vec::new();
        if now >= self.next_ping {
            self.next_ping = now + self.parameters.ping_interval;
            let drawn: Vec<NodeId> = (0..PING_CANDIDATES).map(|_| NodeId(draw(self.peers.len()) as u16)).collect();
            let idle = |node: &&NodeId| **node != self.me && self.peers[usize::from(node.0)].pinged_at.is_none();
            let oldest = drawn.iter().filter(idle).min_by_key(|node| self.peers[usize::from(node.0)].ponged_at);
            if let Some(&node) = oldest {
                self.ping(node, now, &mut actions);
            }
        }
        for node in self.others() {
            let timeout = self.parameters.node_timeout;
            let peer = &self.peers[usize::from(node.0)];
            let due = match (peer.again_at, peer.pinged_at) {
                (Some(again_at), _) => now >= again_at,
                (None, None) => now >= peer.ponged_at + timeout / 2,
                (None, Some(_)) => false,
            };
            if due {
                self.ping(node, now, &mut actions);
            }
            let peer = self.peer(node);
            let silent_since = peer.pinged_at.map(|at| at.max(peer.heard_at));
            if !peer.suspected && silent_since.is_some_and(|since| now >= since + timeout) {
                peer.suspected = true;
                actions.push(Action::Suspect(node));
            }
            self.judge(node, now, &mut actions);
        }
        self.elect(now, &mut draw, &mut actions);
        self.review(now, &mut actions);
        actions
    }

    /// When something is due next.
    pub fn next_due(&self, now: Time) -> Time {
        let timeout = self.parameters.node_timeout;
        let mut next = self.next_ping;
        for node in self.others() {
            let peer = &self.peers[usize::from(node.0)];
            next = next.min(match (peer.again_at, peer.pinged_at) {
                (Some(again_at), _) => again_at,
                (None, None) => peer.ponged_at + timeout / 2,
                (None, Some(_)) => Time::MAX,
            });
            if let (false, Some(pinged_at)) = (peer.suspected, peer.pinged_at) {
                next = next.min(pinged_at.max(peer.heard_at) + timeout);
            }
        }
        next = next.min(self.election_due()).min(self.serving_due(now));
        next.max(now + Duration::from_millis(1))
    }

    /// A failure that enough primaries report is a fact, and everybody is told.
    fn judge(&mut self, node: NodeId, now: Time, actions: &mut Vec<Action>) {
        let validity = self.validity();
        let peer = self.peer(node);
        if !peer.suspected || peer.failed_at.is_some() {
            return;
        }
        peer.reports.retain(|_, at| now.since(*at) <= validity);
        let peer = &self.peers[usize::from(node.0)];
        let reports = peer.reports.keys().filter(|from| self.is_primary(**from)).count();
        if reports + usize::from(self.is_primary(self.me)) >= self.majority() {
            self.peer(node).failed_at = Some(now);
            actions.push(Action::Fail(node));
            actions.extend(self.broadcast(&BusRequest::Failed(node)));
        }
    }

    /// Another member says that this one has failed.
    pub fn declare_failed(&mut self, node: NodeId, now: Time) -> Vec<Action> {
        if node == self.me || self.peer(node).failed_at.is_some() {
            return Vec::new();
        }
        let peer = self.peer(node);
        peer.suspected = true;
        peer.failed_at = Some(now);
        vec![Action::Fail(node)]
    }

    /// A ping, or the answer to one.
    pub fn hear(&mut self, gossip: &Gossip, is_pong: bool, now: Time) -> Vec<Action> {
        let from = gossip.from;
        let mut actions = Vec::new();
        self.remembered.current_epoch = self.remembered.current_epoch.max(gossip.current_epoch);
        let validity = self.validity();
        let owns_slots = self.is_primary(from);
        let peer = self.peer(from);
        peer.heard_at = now;
        peer.offset = gossip.offset;
        if is_pong {
            peer.ponged_at = now;
            peer.pinged_at = None;
            peer.again_at = None;
            peer.suspected = false;
            // A primary whose slots nobody took over is forgiven after a while.
            if peer.failed_at.is_some_and(|at| !owns_slots || now.since(at) > validity) {
                peer.failed_at = None;
            }
        }
        let sender_is_primary = self.is_primary(from);
        for node in self.others() {
            let reported = gossip.suspects.iter().any(|(suspect, _)| *suspect == node);
            let peer = self.peer(node);
            if reported && sender_is_primary {
                peer.reports.insert(from, now);
            } else {
                peer.reports.remove(&from);
            }
            self.judge(node, now, &mut actions);
        }
        let shard = self.homes[usize::from(from.0)];
        let known = self.remembered.owners[usize::from(shard.0)];
        if gossip.is_primary && gossip.claim_epoch > known.epoch {
            actions.extend(self.claim(shard, from, gossip.claim_epoch));
        } else if gossip.is_primary && gossip.claim_epoch < known.epoch {
            let request = BusRequest::Update { shard, node: known.node, epoch: known.epoch };
            actions.push(Action::Send { to: from, request });
        }
        self.review(now, &mut actions);
        actions
    }

    /// A shard is served by this member under this epoch: the newest claim wins.
    pub fn claim(&mut self, shard: ShardId, node: NodeId, epoch: u64) -> Vec<Action> {
        let home = self.home();
        self.remembered.current_epoch = self.remembered.current_epoch.max(epoch);
        let owner = &mut self.remembered.owners[usize::from(shard.0)];
        if epoch <= owner.epoch {
            return Vec::new();
        }
        *owner = Owner { node, epoch };
        if shard != home || node == self.me {
            return Vec::new();
        }
        self.election = None;
        self.forced = false;
        let mut actions = Vec::new();
        self.settle(&mut actions);
        actions
    }

    /// A ping, or whatever else was sent, was not answered.
    pub fn unanswered(&mut self, to: NodeId, now: Time) {
        let again_at = now + self.parameters.relink_pause;
        let peer = self.peer(to);
        if peer.pinged_at.is_some() {
            peer.again_at = Some(again_at);
        }
    }

    /// Whether this member may serve, and as what it starts.
    fn review(&mut self, now: Time, actions: &mut Vec<Action>) {
        let is_up = |owner: &Owner| {
            let peer = &self.peers[usize::from(owner.node.0)];
            owner.node == self.me || (!peer.suspected && peer.failed_at.is_none())
        };
        let reached = self.remembered.owners.iter().filter(|owner| is_up(owner)).count();
        let in_majority = reached >= self.majority();
        if !in_majority {
            self.cut_off_at = Some(now);
        }
        let failed = |owner: &Owner| self.peers[usize::from(owner.node.0)].failed_at.is_some();
        let covered = !self.parameters.require_full_coverage || !self.remembered.owners.iter().any(failed);
        let serves = in_majority && covered && now >= self.serving_not_before();
        if serves != self.serving {
            self.serving = serves;
            if matches!(self.told, Some(Told::Lead(_))) {
                actions.push(Action::Serve(serves));
            }
        }
        self.settle(actions);
    }

    /// Tells the server what it is to be, if that is something else than before.
    fn settle(&mut self, actions: &mut Vec<Action>) {
        let (owner, epoch) = (self.owner(self.home()), self.epoch(self.home()));
        let (wanted, action) = if owner == self.me {
            (Told::Lead(epoch), Action::Lead { epoch, elected: false })
        } else {
            (Told::Follow(owner), Action::Follow(owner))
        };
        let may_begin = owner != self.me || self.serving;
        if may_begin && self.told != Some(wanted) {
            self.told = Some(wanted);
            actions.push(action);
        }
    }

    /// A primary that starts, or was cut off, lets others tell it first what it missed.
    fn serving_not_before(&self) -> Time {
        if !self.is_primary(self.me) {
            return Time::ZERO;
        }
        let writable = self.started + self.parameters.writable_delay;
        self.cut_off_at.map_or(writable, |at| writable.max(at + self.parameters.rejoin_delay))
    }

    fn serving_due(&self, now: Time) -> Time {
        let not_before = self.serving_not_before();
        if self.serving || not_before <= now { Time::MAX } else { not_before }
    }
}
