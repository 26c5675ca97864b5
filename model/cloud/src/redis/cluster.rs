//! Cluster mode: members tell each other how they are and agree on who serves which slots. [`membership`] decides, without waiting for
//! anything; [`bus`] carries its messages and does what it says.

pub(super) mod bus;
mod membership;

use std::cell::RefCell;

use ports::cache::{CacheError, Command, Message};
use runtime::call::Caller;
use runtime::disk::{self, Log};
use runtime::random::{RngExt, Stream};
use tokio::sync::Notify;

use super::parameters::ClusterParameters;
use super::plan::Plan;
use super::protocol::{BusAnswer, BusRequest, NodeId, ServerFrame, ShardId};
use super::slot::{shard_of, slot_of};
use membership::{Membership, Remembered};

/// Bytes of the cluster's file. Assumption: a block.
const FILE_BYTES: u32 = 4 << 10;

/// A member's link to another.
type Link = Caller<BusRequest, BusAnswer>;

/// A server as a member of its cluster.
pub(super) struct Cluster {
    parameters: ClusterParameters,
    membership: RefCell<Membership>,
    /// By node.
    links: Vec<RefCell<Option<Link>>>,
    /// What a member must not forget: `nodes.conf`.
    file: Log<Remembered>,
    /// Something happened that may change what is due next.
    changed: Notify,
    /// Messages for the members' subscribers.
    published: RefCell<Vec<Message>>,
    draws: RefCell<Stream>,
}

impl Cluster {
    /// Reads what an earlier life of this process remembered.
    pub fn open(plan: &Plan, id: NodeId, parameters: ClusterParameters) -> Self {
        let file: Log<Remembered> = disk::open("nodes.conf");
        let remembered = file.records().last().cloned();
        let homes: Vec<ShardId> = plan.servers.iter().map(|server| server.shard).collect();
        let first_primaries: Vec<NodeId> = plan.shards.iter().map(|(_, primary)| *primary).collect();
        let mut draws = runtime::random::stream("cluster");
        // Members do not ping in step.
        let now = runtime::now();
        let first_ping = now + parameters.ping_interval * draws.random_range(0..1_000) / 1_000;
        let membership = Membership::new(id, homes, first_primaries, remembered, parameters, now, first_ping);
        Cluster {
            parameters,
            membership: RefCell::new(membership),
            links: plan.nodes().map(|_| RefCell::default()).collect(),
            file,
            changed: Notify::new(),
            published: RefCell::default(),
            draws: RefCell::new(draws),
        }
    }

    /// Whether this member serves the command's slot; if not, what a client is to be told.
    pub fn admit(&self, plan: &Plan, me: NodeId, command: &Command) -> Result<(), ServerFrame> {
        let Some((first, rest)) = command.keys().split_first() else { return Ok(()) };
        let slot = slot_of(first);
        if rest.iter().any(|key| slot_of(key) != slot) {
            return Err(ServerFrame::Failed(CacheError::CrossSlot));
        }
        let membership = self.membership.borrow();
        if !membership.is_serving() {
            return Err(ServerFrame::Failed(CacheError::ClusterDown));
        }
        let shards = plan.shards.len() as u16;
        let owner = membership.owner(ShardId(shard_of(slot, shards)));
        if owner != me {
            return Err(ServerFrame::Moved { slot, to: plan.client_address(owner) });
        }
        Ok(())
    }

    /// `CLUSTER SLOTS`: the primary of each shard, as this member knows it.
    pub fn slots(&self, plan: &Plan) -> ServerFrame {
        let membership = self.membership.borrow();
        let shards = (0u16..).map(ShardId).take(plan.shards.len());
        ServerFrame::Slots(shards.map(|shard| plan.client_address(membership.owner(shard))).collect())
    }

    /// Has every member hand the message to its own subscribers.
    pub fn publish(&self, message: &Message) {
        self.published.borrow_mut().push(message.clone());
        self.changed.notify_one();
    }

    /// An operator wants this member to take its primary's place.
    pub fn take_over(&self) {
        self.membership.borrow_mut().take_over();
        self.changed.notify_one();
    }

    async fn remember(&self) {
        let now = self.membership.borrow().remembered();
        if self.file.records().last() != Some(&now) {
            self.file.append(now, FILE_BYTES);
        }
        self.file.flush().await;
        let older = self.file.records().len().saturating_sub(2);
        self.file.drop_oldest(older);
    }
}
