//! A zone's controller: probes the nodes of all zones, compares opinions with the other controllers, and names in DNS the nodes
//! that are alive.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Mark, Name, Observer};
use runtime::call::serve;
use runtime::net::Address;
use runtime::random::RngExt;
use runtime::time::nanos;
use serde::{Deserialize, Serialize};

use super::parameters::ControllerParameters;
use super::vote;
use crate::asking::ask_once;
use crate::dns::{Current, Newest, Publisher, PublisherParameters};
use crate::health::{Judge, Opinion, Thresholds, check};

/// Where controllers tell each other what they think.
pub(super) const PORT: u16 = 9_443;

/// What does the other think of each node, in the order of zones?
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ask;

/// A node as controllers see it.
#[derive(Clone, Debug)]
pub(super) struct WatchedNode {
    pub(super) zone: Name,
    /// What DNS names.
    pub(super) address: Address,
    pub(super) health: Address,
}

/// What a controller is started with.
#[derive(Clone)]
pub(super) struct ControllerPlan {
    /// The load balancer's name, and what DNS knows it by.
    pub(super) component: Name,
    /// The controller's own zone.
    pub(super) zone: Name,
    pub(super) nodes: Rc<[WatchedNode]>,
    /// The controllers of the other zones.
    pub(super) others: Vec<Address>,
    /// The own zone's first.
    pub(super) name_servers: Vec<Address>,
    pub(super) parameters: ControllerParameters,
    pub(super) observer: Rc<dyn Observer>,
}

struct Controller {
    plan: ControllerPlan,
    opinions: RefCell<Vec<Opinion>>,
    /// Which nodes DNS named when this controller last found it as it should be or made it so; none at first.
    settled: RefCell<Option<Vec<bool>>>,
    publisher: Publisher,
}

/// Runs a controller in the current process.
///
/// # Panics
/// If its port is taken: two controllers share a host.
pub(super) async fn run(plan: ControllerPlan) {
    let controller = Rc::new(Controller {
        opinions: RefCell::new(vec![Opinion::None; plan.nodes.len()]),
        settled: RefCell::default(),
        publisher: Publisher::new(plan.name_servers.clone(), PublisherParameters::default()),
        plan,
    });
    for node in 0..controller.plan.nodes.len() {
        let controller = controller.clone();
        runtime::spawn(async move { controller.watch(node).await });
    }
    let asked = controller.clone();
    let _port = serve(PORT, move |_: Ask, _| {
        let opinions = asked.opinions.borrow().clone();
        async move { opinions }
    })
    .expect("a controller has its host to itself");
    // Controllers are not coordinated: one of them is the first to see what is to be done, and does it.
    let interval = controller.plan.parameters.interval;
    runtime::sleep(phase("comparison", interval)).await;
    loop {
        runtime::sleep(interval).await;
        controller.compare().await;
    }
}

impl Controller {
    /// Probes one node for as long as the controller lives.
    async fn watch(&self, node: usize) {
        let ControllerParameters { interval, connect_timeout, response_timeout, threshold, .. } = self.plan.parameters;
        let watched = &self.plan.nodes[node];
        let mut judge = Judge::new(Thresholds { first: threshold, healthy: threshold, unhealthy: threshold });
        let mut next = runtime::now() + phase(&watched.zone, interval);
        loop {
            runtime::sleep_until(next).await;
            next = (next + interval).max(runtime::now());
            if let Some(former) = judge.hear(check(watched.health, connect_timeout, response_timeout).await) {
                self.opinions.borrow_mut()[node] = judge.opinion();
                if judge.opinion() == Opinion::Unhealthy {
                    let detail = format!("{threshold} probes from {} in a row failed", self.plan.zone);
                    self.report(watched, "node unreachable", detail, Some(Mark::Detected));
                } else if former == Opinion::Unhealthy {
                    let detail = format!("{threshold} probes from {} in a row passed", self.plan.zone);
                    self.report(watched, "node reachable", detail, None);
                }
            }
        }
    }

    /// Hears the other controllers and changes DNS if it names other nodes than it should.
    async fn compare(&self) {
        let asked: Vec<_> = (self.plan.others.iter())
            .map(|&other| runtime::spawn(ask_once(other, Ask, self.plan.parameters.response_timeout)))
            .collect();
        let mut opinions = vec![self.opinions.borrow().clone()];
        for other in asked {
            opinions.extend(other.await);
        }
        if !vote::may_decide(opinions.len(), self.plan.others.len() + 1) {
            return;
        }
        let name = &*self.plan.component;
        let Some(Current { server, addresses }) = self.publisher.current(name).await else { return };
        let found = self.among(&addresses);
        if self.wanted(&found, &opinions) == found {
            self.settled.replace(Some(found));
            return;
        }
        // The server that answered may have been away when this was put right: only the newest record is acted on.
        let Some(Newest { record, by_majority }) = self.publisher.newest(name, server).await else { return };
        let found = self.among(&record.addresses);
        let wanted = self.wanted(&found, &opinions);
        if wanted == found {
            // That is news to nobody but the server that was away, and whoever told the others may be gone.
            self.publisher.publish(name, record.addresses, record.ttl, record.version).await;
            self.settled.replace(Some(found));
        } else {
            self.publish(&found, wanted, by_majority).await;
        }
    }

    /// Of each node, whether it is among these addresses.
    fn among(&self, addresses: &[Address]) -> Vec<bool> {
        self.plan.nodes.iter().map(|node| addresses.contains(&node.address)).collect()
    }

    /// Of each node, whether DNS should name it, which names those that were `found`.
    fn wanted(&self, found: &[bool], opinions: &[Vec<Opinion>]) -> Vec<bool> {
        vote::named(opinions, found, self.plan.parameters.alive_above_percent)
    }

    /// Names the nodes that are wanted. One name server that takes it is enough, so that DNS can change when no more are left, and what fewer
    /// than a majority say may therefore be old: then only what this controller has not seen in DNS already is told as news.
    async fn publish(&self, found: &[bool], wanted: Vec<bool>, by_majority: bool) {
        let nodes = &self.plan.nodes;
        let addresses =
            nodes.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(node, _)| node.address).collect();
        let (version, ttl) = (runtime::now().nanos(), self.plan.parameters.ttl);
        let propagation = self.publisher.publish(&self.plan.component, addresses, ttl, version).await;
        if propagation.accepted == 0 {
            return; // nobody took it; the next comparison finds DNS as it was
        }
        let settled = self.settled.replace(Some(wanted.clone())).filter(|_| !by_majority);
        let is_known = |number: usize| settled.as_ref().is_some_and(|settled| settled[number] == wanted[number]);
        for (number, node) in nodes.iter().enumerate().filter(|(number, _)| !is_known(*number)) {
            let detail = |what| format!("{what}; clients learn of it within the TTL of {} s", ttl.as_secs());
            match (found[number], wanted[number]) {
                (true, false) => {
                    let detail = detail("the controllers agree that its node is unreachable");
                    self.report(node, "address withdrawn", detail, Some(Mark::Propagated));
                }
                (false, true) => self.report(node, "address restored", detail("its node is back"), None),
                _ => {}
            }
        }
    }

    fn report(&self, node: &WatchedNode, state: &'static str, detail: String, mark: Option<Mark>) {
        self.plan.observer.changed(&self.plan.component, &node.zone, state, detail, mark);
    }
}

/// Where in an interval something begins: different in every controller.
fn phase(what: &str, interval: Duration) -> Duration {
    Duration::from_nanos(runtime::random::stream(what).random_range(0..nanos(interval).max(1)))
}
