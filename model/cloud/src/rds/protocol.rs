//! Frames between a client and a server, between a primary and its copies, and between servers and monitors.

use ports::database::{Answer, DatabaseError, Isolation, Statement};
use serde::{Deserialize, Serialize};

use super::configuration::{Ballot, Configuration, NodeId, Vote};
use super::history::{Position, Reign};
use super::store::{Checkpoint, Lsn, WalRecord};

/// Where a server listens for clients. PostgreSQL documentation: 5432.
pub const CLIENT_PORT: u16 = 5432;
/// Where a primary listens for its copies.
pub(super) const REPLICATION_PORT: u16 = 5433;
/// Where a server listens to the control plane.
pub(super) const AGENT_PORT: u16 = 5434;
/// Where a monitor listens to servers and to other monitors.
pub(super) const MONITOR_PORT: u16 = 5435;

/// From a client. One at a time: the next one follows the answer, but for a rollback that nobody waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientFrame {
    /// Opens the session.
    Startup,
    /// Runs a statement, in a new transaction if `begin` says so (as PostgreSQL's JDBC driver sends `BEGIN` together
    /// with the first statement).
    Execute {
        begin: Option<Isolation>,
        statement: Statement,
    },
    Commit,
    Rollback,
    /// Asks for a sign of life.
    Ping,
}

/// From a server. One for each [`ClientFrame`], in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ServerFrame {
    Ready,
    Answer(Answer),
    /// The place in the log of what was committed; none if the transaction wrote nothing.
    Committed(Option<(u64, Lsn)>),
    RolledBack,
    Pong,
    /// The statement, the commit or the session failed.
    Failed(DatabaseError),
}

/// From a copy to the primary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum CopyFrame {
    /// Asks for everything after `position`.
    Hello { node: NodeId, epoch: u64, position: Position },
    /// Everything up to here is durable at the copy.
    Durable(Lsn),
}

/// From the primary to a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum PrimaryFrame {
    /// The copy is on the primary's timeline: the log follows from its position.
    Continue { history: Vec<Reign> },
    /// The copy is not: it is to be rebuilt from this, and the log follows from there.
    Rebuild { history: Vec<Reign>, base: Box<Checkpoint> },
    /// The next records; `sent_at` (nanoseconds on the primary's clock) is what lag is measured by.
    Records { records: Vec<WalRecord>, sent_at: u64 },
    /// The primary's checkpoint covers everything up to here.
    Checkpointed(Lsn),
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Heartbeat {
    pub node: NodeId,
    /// The epoch in which it accepts writes, if it does.
    pub serving: Option<u64>,
}

/// What a primary asks the control plane to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wish {
    /// To begin a new reign: its process started afresh, or its lease had lapsed.
    Claim,
    /// To go on without its standby.
    Detach,
    /// To have a copy that caught up counted as its standby.
    Attach(NodeId),
}

/// To a monitor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum MonitorRequest {
    Heartbeat(Heartbeat),
    /// For how long has this server been silent?
    Silence(NodeId),
    Prepare {
        base: Configuration,
        ballot: Ballot,
    },
    /// `released` says that the old primary itself confirmed that it stepped down.
    Accept {
        base: Configuration,
        ballot: Ballot,
        value: Configuration,
        released: bool,
    },
    Learn(Configuration),
    /// A primary's wish, as of the configuration that it knows.
    Wish {
        base: Configuration,
        wish: Wish,
    },
}

/// From a monitor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum MonitorAnswer {
    /// The latest decision known here, and whether the heartbeat renewed the primary's lease.
    Heard {
        configuration: Configuration,
        granted: bool,
    },
    /// Nanoseconds since the server's last heartbeat here.
    Silent {
        for_ns: u64,
    },
    Vote(Vote),
    Learnt,
    /// What became of a wish: the latest decision, whether or not it is what was wished for.
    Now(Configuration),
    /// No majority answered.
    Undecided,
}

/// To a server's agent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum AgentRequest {
    /// A decision.
    Configure(Configuration),
    /// Stop accepting writes in this epoch, now.
    StepDown { epoch: u64 },
}

/// From a server's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AgentAnswer {
    Done,
    /// It does not hold that epoch.
    NotPrimary,
}
