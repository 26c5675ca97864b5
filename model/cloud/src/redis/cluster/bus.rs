//! The cluster bus: carries messages between members, and does what the membership says.

use std::rc::Rc;
use std::time::Duration;

use ports::observe::Mark;
use runtime::call::{CallContext, Caller};
use runtime::random::RngExt;

use super::membership::{Action, Membership};
use crate::redis::node::Node;
use crate::redis::protocol::{BUS_PORT, BusAnswer, BusRequest, NodeId};

/// A member's life: answers the others, and does what is due when it is.
pub(in crate::redis) async fn run(node: &Rc<Node>) {
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
