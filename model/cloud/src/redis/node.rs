//! A server: what it holds, what it is, and whom it tells.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::cache::{Bytes, Message};
use ports::observe::{Mark, Name, Observation};
use runtime::Time;
use runtime::disk::{self, Log};
use runtime::random::Stream;
use runtime::telemetry::Gauge;
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::cluster::Cluster;
use super::data::Data;
use super::history::next_reign;
use super::link::Linked;
use super::parameters::Mode;
use super::plan::Plan;
use super::protocol::{ClientConnection, NodeId, Record, ServerFrame, ShardId};
use super::store::{Milliseconds, Store};

/// Bytes of one reign's number on disk. Assumption: a block.
const REIGN_BYTES: u32 = 4 << 10;

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nobody has told it yet.
    Unknown,
    /// It accepts writes, chosen in this epoch.
    Primary {
        epoch: u64,
    },
    Replica {
        of: NodeId,
    },
}

/// A server.
pub(super) struct Node {
    pub id: NodeId,
    pub shard: ShardId,
    pub plan: Rc<Plan>,
    pub data: RefCell<Data>,
    role: Watched<Role>,
    /// Held by whatever the server's one thread is busy with.
    pub thread: tokio::sync::Mutex<()>,
    /// It has yet to load what it is to serve.
    pub loading: Cell<bool>,
    /// The replicas that follow.
    pub links: RefCell<BTreeMap<NodeId, Linked>>,
    /// Since when this replica has had no connection to its primary.
    pub unlinked_since: Cell<Option<Time>>,
    /// By channel, connections by their number.
    pub subscribers: RefCell<BTreeMap<Bytes, BTreeMap<u64, Rc<ClientConnection>>>>,
    pub clients: Cell<u32>,
    pub gauges: Gauges,
    /// Numbers of reigns that this server began, kept on its disk.
    reigns: Log<u64>,
    writable: RefCell<Option<Writable>>,
    /// A primary that took over says so at its first write.
    pub first_write: Cell<bool>,
    /// When the task of active expiry looks again by itself: a key that expires before that makes it look at once.
    pub expiry_awaited: Cell<Milliseconds>,
    pub expiring: Notify,
    pub draws: RefCell<Stream>,
    pub cluster: Option<Cluster>,
}

/// What a server says of itself.
pub(super) struct Gauges {
    pub clients: Gauge,
    pub memory_bytes: Gauge,
    pub keys: Gauge,
}

impl Gauges {
    pub fn show(&self, store: &Store) {
        self.memory_bytes.set(store.used_bytes() as i64);
        self.keys.set(store.len() as i64);
    }
}

/// Accepting writes, from its making until it is dropped: with the process, if that crashes.
struct Writable {
    plan: Rc<Plan>,
    shard: ShardId,
    node: Name,
    epoch: u64,
}

impl Drop for Writable {
    fn drop(&mut self) {
        self.plan.observer.observe(&Observation::WritableEnded {
            store: self.plan.shard_name(self.shard).clone(),
            node: self.node.clone(),
            epoch: self.epoch,
            at: runtime::now(),
        });
    }
}

impl Node {
    /// Opens what is on this host's disk.
    pub fn open(plan: Rc<Plan>, id: NodeId) -> Rc<Self> {
        Rc::new(Node {
            id,
            shard: plan.server(id).shard,
            data: RefCell::default(),
            role: Watched::new(Role::Unknown),
            thread: tokio::sync::Mutex::new(()),
            loading: Cell::new(false),
            links: RefCell::default(),
            unlinked_since: Cell::new(None),
            subscribers: RefCell::default(),
            clients: Cell::new(0),
            gauges: Gauges {
                clients: runtime::telemetry::gauge("cache.clients"),
                memory_bytes: runtime::telemetry::gauge("cache.memory_bytes"),
                keys: runtime::telemetry::gauge("cache.keys"),
            },
            reigns: disk::open("reigns"),
            writable: RefCell::default(),
            first_write: Cell::new(false),
            expiry_awaited: Cell::new(Milliseconds::MAX),
            expiring: Notify::new(),
            draws: RefCell::new(runtime::random::stream("eviction")),
            cluster: match plan.mode {
                Mode::Cluster(parameters) => Some(Cluster::open(&plan, id, parameters)),
                Mode::Controlled(_) => None,
            },
            plan,
        })
    }

    pub fn role(&self) -> Role {
        *self.role.borrow()
    }

    /// Returns once this server is something else.
    pub async fn role_ends(&self, role: Role) {
        self.role.wait_until(|current| *current != role).await;
    }

    pub fn name(&self) -> &Name {
        &self.plan.server(self.id).name
    }

    /// The last reign that this server began in any of its lives.
    pub fn last_reign(&self) -> Option<u64> {
        self.reigns.records().last().copied()
    }

    /// Begins to accept writes in this epoch, with what it holds.
    pub async fn reign(&self, epoch: u64, how: &str) {
        let former = self.data.borrow().position().map(|position| position.reign);
        let reign = next_reign(epoch, former.max(self.last_reign()));
        self.reigns.append(reign, REIGN_BYTES);
        self.reigns.flush().await;
        // A replica follows its former primary up to this moment.
        let base = self.data.borrow().position();
        self.data.borrow_mut().begin_reign(reign);
        // Whoever followed an earlier reign of this server learns of the new one when it comes back.
        self.unlink_replicas();
        drop(self.writable.take());
        let store = self.plan.shard_name(self.shard).clone();
        let (node, at) = (self.name().clone(), runtime::now());
        let is_first = base.is_none() && reign == next_reign(self.first_epoch(), None);
        if !is_first {
            self.plan.observer.observe(&Observation::CacheRecoveredTo {
                store: store.clone(),
                node: node.clone(),
                epoch: reign,
                base: base.map(|base| (base.reign, base.offset)),
                at,
            });
        }
        let mark = (!is_first).then_some(Mark::Promoted);
        self.plan.report(self.id, "available", format!("{node} accepts writes of {store}: {how}"), mark);
        self.plan.observer.observe(&Observation::WritableSince { store, node: node.clone(), epoch: reign, at });
        *self.writable.borrow_mut() = Some(Writable { plan: self.plan.clone(), shard: self.shard, node, epoch: reign });
        self.first_write.set(!is_first);
        self.unlinked_since.set(None);
        self.role.replace(Role::Primary { epoch });
    }

    /// The epoch in which the shard's first primary reigns.
    fn first_epoch(&self) -> u64 {
        u64::from(self.shard.0) + 1
    }

    /// Follows another server from now on.
    pub fn obey(&self, primary: NodeId) {
        if self.role() == (Role::Replica { of: primary }) {
            return;
        }
        drop(self.writable.take());
        self.unlink_replicas();
        if let Role::Primary { .. } = self.role() {
            let detail = format!("{} follows {} from now on", self.name(), self.plan.server(primary).name);
            self.plan.report(self.id, "demoted", detail, None);
        }
        self.unlinked_since.set(Some(runtime::now()));
        self.role.replace(Role::Replica { of: primary });
    }

    /// Sends a record to every replica that follows; nobody waits for them.
    pub fn replicate(&self, record: &Record) {
        for linked in self.links.borrow().values() {
            linked.send(std::slice::from_ref(record));
        }
    }

    /// Parts from every replica: each comes back for what it lacks.
    pub fn unlink_replicas(&self) {
        for linked in self.links.take().into_values() {
            linked.listening.abort();
        }
    }

    /// Hands a message to this server's subscribers; how many there are.
    pub fn deliver(&self, message: &Message) -> usize {
        let subscribers = self.subscribers.borrow();
        let Some(connections) = subscribers.get(&message.channel) else { return 0 };
        for connection in connections.values() {
            connection.send(ServerFrame::Message(message.clone()));
        }
        connections.len()
    }
}
