//! Frames between a client and a server, a primary and its replicas, members of a cluster, and servers and the control plane.

use ports::cache::{Bytes, CacheError, Command, Key, Message, Reply};
use runtime::Time;
use runtime::net::{Address, Connection};
use serde::{Deserialize, Serialize};

use super::history::{Position, Reign};
use super::store::Contents;

/// Where a server listens for clients. Redis documentation: 6379.
pub const CLIENT_PORT: u16 = 6379;
/// Where a primary listens for its replicas: a port of its own in the model, the clients' in Redis.
pub(super) const REPLICATION_PORT: u16 = 6380;
/// Where a server listens to the control plane.
pub(super) const AGENT_PORT: u16 = 6381;
/// Where a server listens to the other members of its cluster. Redis cluster specification: the client port plus 10,000.
pub(super) const BUS_PORT: u16 = 16_379;
/// Where a monitor listens to other monitors. Redis documentation, Sentinel: 26379.
pub(super) const MONITOR_PORT: u16 = 26_379;

/// A server of the store, in the order of its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

/// A share of the keys, with its primary and its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(pub u16);

/// From a client. One at a time: the next one follows the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientFrame {
    /// Opens the session.
    Hello,
    Execute(Command),
    /// `CLUSTER SLOTS`: who serves which shard.
    Slots,
    /// From now on the connection only receives messages.
    Subscribe(Vec<Bytes>),
}

/// Where a write is in a shard's replication stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub shard: ShardId,
    pub position: Position,
}

/// From a server: one for each [`ClientFrame`], in order, and messages after a subscription.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ServerFrame {
    Ready,
    /// `place` is none if nothing was changed.
    Reply {
        reply: Reply,
        place: Option<Place>,
    },
    Failed(CacheError),
    /// The slot is served there.
    Moved {
        slot: u16,
        to: Address,
    },
    /// By shard, as far as this server knows.
    Slots(Vec<Address>),
    Subscribed,
    Message(Message),
}

/// A server's end of a client's connection.
pub(super) type ClientConnection = Connection<ServerFrame, ClientFrame>;

/// What a primary did and its replicas repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Effect {
    Run(Command),
    /// Keys that expired or were evicted.
    Remove(Vec<Key>),
}

/// One entry of the replication stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Counted from one in records, where Redis counts bytes: so many writes are ahead of it.
    pub offset: u64,
    /// When the primary did it, on its clock: what expiries count from.
    pub at: Time,
    pub effect: Effect,
}

/// From a replica to its primary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ReplicaFrame {
    /// `PSYNC`: asks for everything after a position, or for everything.
    Hello { node: NodeId, position: Option<Position> },
}

/// From a primary to a replica.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum PrimaryFrame {
    /// Partial resynchronisation: the backlog follows from the replica's position.
    Continue {
        history: Vec<Reign>,
    },
    /// Full resynchronisation: the replica is to hold this, and the stream follows from there.
    Full {
        history: Vec<Reign>,
        offset: u64,
        contents: Box<Contents>,
    },
    Records(Vec<Record>),
}

/// What a member of a cluster says of itself and of others with every ping, pong and broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gossip {
    pub from: NodeId,
    pub current_epoch: u64,
    pub is_primary: bool,
    /// The configuration epoch under which its shard is served, as it knows it.
    pub claim_epoch: u64,
    /// How far it has come in its shard's replication stream.
    pub offset: u64,
    /// Members that it does not reach, and whether they are known to have failed.
    pub suspects: Vec<(NodeId, bool)>,
}

/// A replica's request to be voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidacy {
    pub from: NodeId,
    pub epoch: u64,
    /// The configuration epoch of the primary that it is to replace.
    pub claim_epoch: u64,
    /// An operator asked for it: the primary need not have failed.
    pub forced: bool,
}

/// To a member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum BusRequest {
    Ping(Gossip),
    /// The member has failed: a majority of primaries said so.
    Failed(NodeId),
    /// The shard is served by this member since this epoch: the other side claimed it under an older one.
    Update {
        shard: ShardId,
        node: NodeId,
        epoch: u64,
    },
    Vote(Candidacy),
    Publish(Message),
}

/// From a member of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum BusAnswer {
    Pong(Gossip),
    /// The epoch in which the candidate has this vote; none if it has not.
    Voted(Option<u64>),
    Heard,
}

/// What the control plane decides for a store without cluster mode: who is primary, by an epoch that orders decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Configuration {
    pub epoch: u64,
    pub primary: NodeId,
}

/// To a server's agent: a sign of life is asked for, and the latest decision told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct AgentRequest(pub Configuration);

/// What a server says of itself to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AgentAnswer {
    /// The newest decision that it has acted on.
    pub decided: Option<Configuration>,
    /// It is to be primary and has lost its memory since it was: somebody must decide what becomes of the shard.
    pub restarted: bool,
    /// What it holds, if it holds anything.
    pub position: Option<Position>,
}

/// To a monitor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum MonitorRequest {
    /// Is this server in trouble, as seen from there?
    InTrouble(NodeId),
    /// May the asker alone decide in this epoch?
    Lead {
        epoch: u64,
    },
    Learn(Configuration),
}

/// From a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MonitorAnswer {
    Yes,
    No,
}
