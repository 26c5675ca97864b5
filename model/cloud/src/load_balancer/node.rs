//! A node: takes requests in its zone, passes each on to a target, and checks every target's health.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Mark, Name, Observer};
use runtime::JoinHandle;
use runtime::call::{CallContext, CallError, serve};
use runtime::net::{Closed, Frame};
use runtime::random::RngExt;
use runtime::telemetry::{Gauge, gauge};
use runtime::time::nanos;

use super::choice::choose;
use super::parameters::{HealthCheckParameters, NodeParameters, Routing};
use super::registration::{self, Register, Registration};
use super::target::Target;
use crate::caller_pool::Pool;
use crate::health::{Judge, Opinion, Thresholds, check};

/// Where a node takes requests.
pub const PORT: u16 = 443;

/// Where a node answers whether it is alive.
pub(super) const HEALTH_PORT: u16 = 8_443;

/// Why a node answers a request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProxyError {
    /// The target refused or dropped the connection. Whatever was sent before may have been carried out.
    #[error("bad gateway: the target refused or dropped the connection")]
    BadGateway,
    /// No target is registered.
    #[error("service unavailable: no target is registered")]
    NoTargets,
    /// The node holds as many requests as it can.
    #[error("service unavailable: the load balancer holds too many requests")]
    Overloaded,
    /// The target could not be reached or did not answer in time. The request may have been carried out.
    #[error("gateway time-out: no answer from the target")]
    TimedOut,
}

impl ProxyError {
    /// The HTTP status that clients see.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            ProxyError::BadGateway => 502,
            ProxyError::NoTargets | ProxyError::Overloaded => 503,
            ProxyError::TimedOut => 504,
        }
    }
}

/// What a node is started with.
pub(super) struct NodePlan<A> {
    /// The load balancer's name.
    pub(super) component: Name,
    /// The node's own zone.
    pub(super) zone: Name,
    /// Until it is told of others.
    pub(super) targets: Rc<[Target]>,
    pub(super) node: NodeParameters,
    pub(super) health_check: HealthCheckParameters,
    pub(super) error: fn(ProxyError) -> A,
    pub(super) observer: Rc<dyn Observer>,
}

impl<A> Clone for NodePlan<A> {
    fn clone(&self) -> Self {
        NodePlan {
            component: self.component.clone(),
            zone: self.zone.clone(),
            targets: self.targets.clone(),
            node: self.node.clone(),
            health_check: self.health_check.clone(),
            error: self.error,
            observer: self.observer.clone(),
        }
    }
}

/// A target as one node sees it.
struct Member<Q, A> {
    target: Target,
    healthy: Cell<bool>,
    outstanding: Cell<u32>,
    pool: Pool<Q, A>,
    /// Whoever checks it.
    watcher: RefCell<Option<JoinHandle<()>>>,
}

type Members<Q, A> = Rc<[Rc<Member<Q, A>>]>;

struct Node<Q, A> {
    plan: NodePlan<A>,
    members: RefCell<Members<Q, A>>,
    /// Where the next choice of a target begins.
    turn: Cell<usize>,
    in_flight: Cell<u32>,
    in_flight_gauge: Gauge,
}

/// Runs a node in the current process.
///
/// # Panics
/// If one of its ports is taken: two nodes share a host.
pub(super) async fn run<Q: Frame, A: Frame>(plan: NodePlan<A>) {
    let node: Rc<Node<Q, A>> = Rc::new(Node {
        members: RefCell::new(Rc::new([])),
        turn: Cell::new(0),
        in_flight: Cell::new(0),
        in_flight_gauge: gauge("requests in flight"),
        plan,
    });
    let register = Rc::new(Register::open());
    match register.last() {
        Some(told) => node.enlist(&told.targets()),
        None => node.enlist(&node.plan.targets.clone()),
    }
    let enlisting = node.clone();
    let _register = serve(registration::PORT, move |told: Registration, _| {
        let (node, register) = (enlisting.clone(), register.clone());
        async move {
            let targets = told.targets();
            if register.keep(told).await {
                node.enlist(&targets);
            }
        }
    })
    .expect("a node has its host to itself");
    let _health = serve(HEALTH_PORT, |_: ports::health::HealthCheck, _| async { ports::health::Health::Healthy })
        .expect("a node has its host to itself");
    let _port = serve(PORT, move |request: Q, context| {
        let node = node.clone();
        async move { node.handle(request, context).await }
    })
    .expect("a node has its host to itself");
    runtime::task::forever().await;
}

impl<Q: Frame, A: Frame> Node<Q, A> {
    /// These are the targets from now on. What is known of those that stay is kept; requests that others have go on.
    fn enlist(self: &Rc<Self>, targets: &[Target]) {
        let former = self.members.borrow().clone();
        let stays = |member: &&Rc<Member<Q, A>>| targets.iter().any(|target| target.address == member.target.address);
        for leaver in former.iter().filter(|member| !stays(member)) {
            if let Some(watcher) = leaver.watcher.take() {
                watcher.abort();
            }
        }
        let member = |target: &Target| {
            let known = former.iter().find(|member| member.target.address == target.address);
            known.cloned().unwrap_or_else(|| self.newcomer(target))
        };
        let members = targets.iter().map(member).collect();
        *self.members.borrow_mut() = members;
    }

    fn newcomer(self: &Rc<Self>, target: &Target) -> Rc<Member<Q, A>> {
        let member = Rc::new(Member {
            target: target.clone(),
            healthy: Cell::new(false),
            outstanding: Cell::new(0),
            pool: Pool::new(target.address, self.plan.node.connections_per_target),
            watcher: RefCell::default(),
        });
        let (node, watched) = (self.clone(), member.clone());
        let watcher = runtime::spawn(async move { node.watch(&watched).await });
        member.watcher.replace(Some(watcher));
        member
    }

    fn healthy_members(&self) -> usize {
        self.members.borrow().iter().filter(|member| member.healthy.get()).count()
    }

    async fn handle(&self, request: Q, context: CallContext) -> A {
        let in_flight = self.in_flight.get();
        if in_flight >= self.plan.node.requests_in_flight_max {
            return (self.plan.error)(ProxyError::Overloaded);
        }
        self.hold(in_flight + 1);
        runtime::cpu::work(self.plan.node.request_work).await;
        let answer = self.forward(request, context).await;
        self.hold(self.in_flight.get() - 1);
        answer.unwrap_or_else(self.plan.error)
    }

    fn hold(&self, in_flight: u32) {
        self.in_flight.set(in_flight);
        self.in_flight_gauge.set(i64::from(in_flight));
    }

    async fn forward(&self, request: Q, context: CallContext) -> Result<A, ProxyError> {
        let member = self.next_member().ok_or(ProxyError::NoTargets)?;
        member.outstanding.set(member.outstanding.get() + 1);
        let answer = self.forward_to(&member, request, context).await;
        member.outstanding.set(member.outstanding.get() - 1);
        answer
    }

    fn next_member(&self) -> Option<Rc<Member<Q, A>>> {
        let members = self.members.borrow();
        // With nobody healthy everybody is tried (source: Elastic Load Balancing documentation: "fail open").
        let fail_open = !members.iter().any(|member| member.healthy.get());
        let eligible = |member: usize| fail_open || members[member].healthy.get();
        let load = |member: usize| match self.plan.node.routing {
            Routing::RoundRobin => 0,
            Routing::LeastOutstanding => members[member].outstanding.get(),
        };
        let chosen = choose(members.len(), self.turn.get(), eligible, load)?;
        self.turn.set(chosen + 1);
        Some(members[chosen].clone())
    }

    async fn forward_to(&self, member: &Member<Q, A>, request: Q, context: CallContext) -> Result<A, ProxyError> {
        let dial_limit = self.plan.node.connect_timeout.min(context.remaining());
        let connection = member.pool.borrow(dial_limit).await.map_err(closed)?;
        let answer = connection.caller.call(request, context.at_most(self.plan.node.idle_timeout)).await;
        answer.map_err(|error| match error {
            CallError::DeadlineExceeded => {
                member.pool.give_up(&connection);
                ProxyError::TimedOut
            }
            CallError::Connection(reason) => closed(reason),
        })
    }

    /// Checks one target for as long as it is one.
    async fn watch(&self, member: &Member<Q, A>) {
        let interval = self.plan.health_check.interval;
        let mut judge = Judge::new(Thresholds {
            first: self.plan.health_check.new_target_threshold,
            healthy: self.plan.health_check.healthy_threshold,
            unhealthy: self.plan.health_check.unhealthy_threshold,
        });
        // A new target is checked at once; after that, nodes check at moments of their own.
        self.judge(member, &mut judge).await;
        let phase = runtime::random::stream(&member.target.name).random_range(0..nanos(interval).max(1));
        let mut next = runtime::now() + Duration::from_nanos(phase);
        loop {
            runtime::sleep_until(next).await;
            next = (next + interval).max(runtime::now());
            self.judge(member, &mut judge).await;
        }
    }

    async fn judge(&self, member: &Member<Q, A>, judge: &mut Judge) {
        let limit = self.plan.health_check.timeout;
        let checked = runtime::timeout(limit, check(member.target.health, limit, limit));
        let success = checked.await.unwrap_or(false);
        let Some(former) = judge.hear(success) else { return };
        let healthy = judge.opinion() == Opinion::Healthy;
        member.healthy.set(healthy);
        // That a new target works is no news.
        if former != Opinion::None || !healthy {
            self.report(&member.target, healthy);
        }
    }

    fn report(&self, target: &Target, healthy: bool) {
        let NodePlan { zone, health_check, .. } = &self.plan;
        let (state, count, result, mark) = if healthy {
            ("target healthy", health_check.healthy_threshold, "passed", None)
        } else {
            ("target unhealthy", health_check.unhealthy_threshold, "failed", Some(Mark::Detected))
        };
        let left = self.healthy_members();
        let consequence =
            if left == 0 { "none is left, so all are used".to_owned() } else { format!("{left} are healthy") };
        let detail = format!("{} {result} {count} health checks of the node in {zone}; {consequence}", target.name);
        self.plan.observer.changed(&self.plan.component, &target.zone, state, detail, mark);
    }
}

fn closed(reason: Closed) -> ProxyError {
    match reason {
        Closed::TimedOut => ProxyError::TimedOut,
        Closed::Finished | Closed::Reset | Closed::Refused | Closed::WrongProtocol => ProxyError::BadGateway,
    }
}
