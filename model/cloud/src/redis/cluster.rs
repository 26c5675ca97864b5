//! Cluster mode: members tell each other how they are and agree on who serves which slots. [`membership`] decides, without waiting for
//! anything; this module carries its messages and does what it says.

mod membership;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ports::cache::{CacheError, Command, Message};
use ports::observe::Mark;
use runtime::call::{CallContext, Caller};
use runtime::disk::{self, Log};
use runtime::random::{RngExt, Stream};
use tokio::sync::Notify;

use super::node::Node;
use super::parameters::ClusterParameters;
use super::plan::Plan;
use super::protocol::{BUS_PORT, BusAnswer, BusRequest, NodeId, ServerFrame, ShardId};
use super::slot::{shard_of, slot_of};
use membership::{Action, Membership, Remembered};

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
    pub fn admit(&self, node: &Node, command: &Command) -> Result<(), ServerFrame> {
        let Some((first, rest)) = command.keys().split_first() else { return Ok(()) };
        let slot = slot_of(first);
        if rest.iter().any(|key| slot_of(key) != slot) {
            return Err(ServerFrame::Failed(CacheError::CrossSlot));
        }
        let membership = self.membership.borrow();
        if !membership.is_serving() {
            return Err(ServerFrame::Failed(CacheError::ClusterDown));
        }
        let shards = node.plan.shards.len() as u16;
        let owner = membership.owner(ShardId(shard_of(slot, shards)));
        if owner != node.id {
            return Err(ServerFrame::Moved { slot, to: node.plan.client_address(owner) });
        }
        Ok(())
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

impl Node {
    /// `CLUSTER SLOTS`: the primary of each shard, as this member knows it; without cluster mode there is no such command.
    pub fn slots(&self) -> ServerFrame {
        let Some(cluster) = &self.cluster else { return ServerFrame::Failed(CacheError::Protocol) };
        let membership = cluster.membership.borrow();
        let shards = (0u16..).map(ShardId).take(self.plan.shards.len());
        ServerFrame::Slots(shards.map(|shard| self.plan.client_address(membership.owner(shard))).collect())
    }
}

/// A member's life: answers the others, and does what is due when it is.
pub(super) async fn run(node: &Rc<Node>) {
    let answering = node.clone();
    let _port = runtime::call::serve(BUS_PORT, move |request: BusRequest, _| {
        let node = answering.clone();
        async move { answer(&node, request).await }
    })
    .expect("a server has its host to itself");
    let cluster = node.cluster.as_ref().expect("cluster mode is on");
    loop {
        let actions = {
            let mut membership = cluster.membership.borrow_mut();
            inform(node, &mut membership);
            let draw = |below| cluster.draws.borrow_mut().random_range(0..below);
            membership.tick(runtime::now(), draw)
        };
        perform(node, actions).await;
        for message in cluster.published.take() {
            for to in node.plan.nodes().filter(|to| *to != node.id) {
                send(node, to, BusRequest::Publish(message.clone()));
            }
        }
        let next = cluster.membership.borrow().next_due(runtime::now());
        runtime::select! {
            () = runtime::sleep_until(next) => {}
            () = cluster.changed.notified() => {}
        }
    }
}

/// What membership cannot see for itself.
fn inform(node: &Node, membership: &mut Membership) {
    let offset = node.data.borrow().offset;
    membership.inform(offset, node.unlinked_since.get());
}

/// Another member's message: heard when the thread comes to it, as everything is.
async fn answer(node: &Rc<Node>, request: BusRequest) -> BusAnswer {
    drop(node.thread.lock().await);
    let cluster = node.cluster.as_ref().expect("cluster mode is on");
    let now = runtime::now();
    let (answer, actions) = {
        let mut membership = cluster.membership.borrow_mut();
        inform(node, &mut membership);
        match request {
            BusRequest::Ping(gossip) => {
                let actions = membership.hear(&gossip, false, now);
                (BusAnswer::Pong(membership.gossip()), actions)
            }
            BusRequest::Failed(failed) => (BusAnswer::Heard, membership.declare_failed(failed, now)),
            BusRequest::Update { shard, node, epoch } => (BusAnswer::Heard, membership.claim(shard, node, epoch)),
            BusRequest::Vote(candidacy) => {
                let granted = membership.vote(candidacy, now);
                (BusAnswer::Voted(granted.then_some(candidacy.epoch)), Vec::new())
            }
            BusRequest::Publish(message) => {
                node.deliver(&message);
                return BusAnswer::Heard;
            }
        }
    };
    if let BusAnswer::Voted(Some(_)) = answer {
        cluster.remember().await; // a member that forgets could vote twice
    }
    perform(node, actions).await;
    cluster.changed.notify_one();
    answer
}

async fn perform(node: &Rc<Node>, actions: Vec<Action>) {
    let cluster = node.cluster.as_ref().expect("cluster mode is on");
    for action in actions {
        match action {
            Action::Send { to, request } => send(node, to, request),
            Action::Suspect(suspect) => report_silence(node, suspect),
            Action::Fail(failed) => report_failure(node, failed),
            Action::Stand { epoch } => {
                let detail = format!("{} asks for votes in epoch {epoch}", node.name());
                node.plan.report(node.id, "standing for election", detail, None);
            }
            Action::Lead { epoch, elected } => {
                cluster.remember().await;
                if elected {
                    let detail = format!("{} was voted for by a majority of primaries in epoch {epoch}", node.name());
                    node.plan.report(node.id, "elected", detail, Some(Mark::Decided));
                }
                node.reign(epoch, if elected { "elected" } else { "it serves its slots" }).await;
                // While it made its reign durable, a newer claim may have been heard.
                let owner = cluster.membership.borrow().owner(node.shard);
                if owner != node.id {
                    node.obey(owner);
                }
            }
            Action::Follow(primary) => {
                cluster.remember().await;
                node.obey(primary);
            }
            Action::Serve(serves) => {
                let (state, detail) = if serves {
                    ("serving", format!("{} serves its slots", node.name()))
                } else {
                    ("cluster down", format!("{} reaches no majority, or slots are uncovered", node.name()))
                };
                node.plan.report(node.id, state, detail, None);
            }
        }
    }
}

fn report_silence(node: &Node, suspect: NodeId) {
    let detail = format!("{} does not reach {}", node.name(), node.plan.server(suspect).name);
    node.plan.report(node.id, "member suspected", detail, None);
}

fn report_failure(node: &Node, failed: NodeId) {
    let (shard, epoch) = {
        let membership = node.cluster.as_ref().expect("cluster mode is on").membership.borrow();
        let shard = node.plan.server(failed).shard;
        if membership.owner(shard) != failed {
            return;
        }
        (shard, membership.epoch(shard))
    };
    if node.plan.first_detection(shard, epoch) {
        let detail = format!("a majority of primaries does not reach {}", node.plan.server(failed).name);
        node.plan.report(failed, "primary failed", detail, Some(Mark::Detected));
    }
}

/// Sends a request and hands its answer, or that there was none, to the membership; nobody waits.
fn send(node: &Rc<Node>, to: NodeId, request: BusRequest) {
    let node = node.clone();
    drop(runtime::spawn(async move {
        let cluster = node.cluster.as_ref().expect("cluster mode is on");
        let limit = cluster.parameters.node_timeout / 2;
        let answer = runtime::timeout(limit, call(&node, to, request, limit)).await.ok().flatten();
        let now = runtime::now();
        let actions = {
            let mut membership = cluster.membership.borrow_mut();
            inform(&node, &mut membership);
            match answer {
                Some(BusAnswer::Pong(gossip)) => membership.hear(&gossip, true, now),
                Some(BusAnswer::Voted(granted_in)) => membership.voted(granted_in, now),
                Some(BusAnswer::Heard) => Vec::new(),
                None => {
                    cluster.links[usize::from(to.0)].take();
                    membership.unanswered(to, now);
                    Vec::new()
                }
            }
        };
        perform(&node, actions).await;
        cluster.changed.notify_one();
    }));
}

async fn call(node: &Node, to: NodeId, request: BusRequest, limit: Duration) -> Option<BusAnswer> {
    let slot = &node.cluster.as_ref()?.links[usize::from(to.0)];
    let kept = slot.borrow().as_ref().filter(|link| link.closed().is_none()).cloned();
    let link = match kept {
        Some(link) => link,
        None => {
            let link = Caller::connect(node.plan.bus_address(to)).await.ok()?;
            *slot.borrow_mut() = Some(link.clone());
            link
        }
    };
    link.call(request, CallContext::within(limit, 0)).await.ok()
}
