//! Cluster mode off: the control plane, a monitor in every zone. What ElastiCache's own does is not published; this one does what
//! Redis Sentinel documents: each monitor checks every server, a majority must find the primary in trouble, one monitor wins the epoch
//! by votes and decides, and nobody fences the old primary.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ports::observe::Mark;
use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::disk::{self, Log};
use runtime::random::{RngExt, Stream};
use serde::{Deserialize, Serialize};

use super::parameters::ControlParameters;
use super::plan::Plan;
use super::protocol::{
    AgentAnswer, AgentRequest, Configuration, MONITOR_PORT, MonitorAnswer, MonitorRequest, NodeId, ShardId,
};
use crate::asking::{ask_once, within};
use crate::dns::Publisher;

/// What a monitor must not forget takes this much on disk. Assumption: a block.
const BALLOT_BYTES: u32 = 4 << 10;
/// How often a monitor looks at the checks it has. Assumption.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The one shard that there is without cluster mode.
const SHARD: ShardId = ShardId(0);

/// What a monitor must not forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ballot {
    decided: Configuration,
    /// The newest epoch in which it voted for somebody.
    voted: u64,
}

/// What a monitor knows of a server.
#[derive(Clone, Copy)]
struct Seen {
    answered_at: Time,
    answer: Option<AgentAnswer>,
}

struct Monitor {
    number: usize,
    plan: Rc<Plan>,
    parameters: ControlParameters,
    ballot: Cell<Ballot>,
    ballots: Log<Ballot>,
    seen: RefCell<Vec<Seen>>,
    publisher: Publisher,
    /// The newest epoch whose primary this monitor made known to clients.
    published: Cell<u64>,
    jitter: RefCell<Stream>,
}

/// Runs a monitor in the current process.
///
/// # Panics
/// If the port is taken: two monitors share a host.
pub(super) async fn run(plan: Rc<Plan>, number: usize, parameters: ControlParameters) {
    let ballots: Log<Ballot> = disk::open("ballot");
    let initial = Ballot { decided: Configuration { epoch: 1, primary: plan.shards[0].1 }, voted: 1 };
    let remembered = ballots.records().last().copied();
    let seen = Seen { answered_at: runtime::now(), answer: None };
    let monitor = Rc::new(Monitor {
        number,
        parameters,
        ballot: Cell::new(remembered.unwrap_or(initial)),
        ballots,
        seen: RefCell::new(vec![seen; plan.servers.len()]),
        publisher: (plan.publisher)(),
        published: Cell::new(0),
        jitter: RefCell::new(runtime::random::stream("checks")),
        plan,
    });
    let answering = monitor.clone();
    let _port = runtime::call::serve(MONITOR_PORT, move |request: MonitorRequest, _| {
        let monitor = answering.clone();
        async move { monitor.answer(request).await }
    })
    .expect("a monitor has its host to itself");
    for node in monitor.plan.nodes() {
        let monitor = monitor.clone();
        drop(runtime::spawn(async move { monitor.check_often(node).await }));
    }
    runtime::select! {
        () = monitor.watch() => {}
        () = monitor.take_orders() => {}
    }
}

impl Monitor {
    fn decided(&self) -> Configuration {
        self.ballot.get().decided
    }

    async fn answer(&self, request: MonitorRequest) -> MonitorAnswer {
        let yes = match request {
            MonitorRequest::InTrouble(node) => self.in_trouble(node),
            MonitorRequest::Lead { epoch } => self.vote(epoch).await,
            MonitorRequest::Learn(decided) => {
                self.learn(decided).await;
                true
            }
        };
        if yes { MonitorAnswer::Yes } else { MonitorAnswer::No }
    }

    /// One vote an epoch.
    async fn vote(&self, epoch: u64) -> bool {
        let ballot = self.ballot.get();
        if epoch <= ballot.voted {
            return false;
        }
        self.remember(Ballot { voted: epoch, ..ballot }).await;
        true
    }

    async fn learn(&self, decided: Configuration) {
        let ballot = self.ballot.get();
        if decided.epoch > ballot.decided.epoch {
            self.remember(Ballot { decided, voted: ballot.voted.max(decided.epoch) }).await;
        }
    }

    async fn remember(&self, ballot: Ballot) {
        self.ballot.set(ballot);
        self.ballots.append(ballot, BALLOT_BYTES);
        self.ballots.flush().await;
        let older = self.ballots.records().len().saturating_sub(2);
        self.ballots.drop_oldest(older);
    }

    /// Asks a server how it is, and tells it the newest decision, for ever.
    async fn check_often(self: &Rc<Self>, node: NodeId) {
        let mut link: Option<Caller<AgentRequest, AgentAnswer>> = None;
        let interval = self.parameters.check_interval;
        loop {
            let asked = AgentRequest(self.decided());
            let answer = within(interval, async {
                let caller = match link.take().filter(|link| link.closed().is_none()) {
                    Some(caller) => caller,
                    None => Caller::connect(self.plan.agent_address(node)).await.ok()?,
                };
                let answer = caller.call(asked, CallContext::within(interval, 0)).await.ok()?;
                Some((caller, answer))
            });
            if let Some((caller, answer)) = answer.await {
                link = Some(caller);
                self.note(node, answer).await;
            }
            // Up to a tenth early, so that the checks of a fleet do not fall into step.
            let early = self.jitter.borrow_mut().random_range(0..100);
            runtime::sleep(interval * (1_000 - early) / 1_000).await;
        }
    }

    /// Remembers what a server said. A monitor that was away learns from servers what the others decided meanwhile.
    async fn note(self: &Rc<Self>, node: NodeId, answer: AgentAnswer) {
        self.seen.borrow_mut()[usize::from(node.0)] = Seen { answered_at: runtime::now(), answer: Some(answer) };
        let Some(decided) = answer.decided else { return };
        self.learn(decided).await;
        let serves = decided == self.decided() && decided.primary == node && !answer.restarted;
        if serves && self.published.get() < decided.epoch {
            self.published.set(decided.epoch);
            let monitor = self.clone();
            drop(runtime::spawn(async move { monitor.publish(decided).await }));
        }
    }

    /// Points the endpoint's name at the primary. Every monitor does; the epoch orders what they say.
    async fn publish(&self, decided: Configuration) {
        let addresses = vec![self.plan.client_address(decided.primary)];
        let ttl = self.parameters.dns_ttl;
        self.publisher.publish(&self.plan.endpoint, addresses, ttl, decided.epoch).await;
    }

    fn is_silent(&self, node: NodeId) -> bool {
        runtime::now().since(self.seen.borrow()[usize::from(node.0)].answered_at) >= self.parameters.suspicion()
    }

    /// A server that does not answer, or answers that it has lost its memory.
    fn in_trouble(&self, node: NodeId) -> bool {
        let answer = self.seen.borrow()[usize::from(node.0)].answer;
        self.is_silent(node) || answer.is_some_and(|answer| answer.restarted && answer.decided == Some(self.decided()))
    }

    /// The replica with the most data that answers.
    fn best_replica(&self, primary: NodeId) -> Option<NodeId> {
        let seen = self.seen.borrow();
        let live = self.plan.nodes().filter(|node| *node != primary && !self.is_silent(*node));
        let position = |node: &NodeId| seen[usize::from(node.0)].answer.and_then(|answer| answer.position);
        live.filter(|node| position(node).is_some()).max_by_key(|node| {
            let at = position(node).expect("only those with one were kept");
            (at.reign, at.offset, std::cmp::Reverse(*node))
        })
    }

    /// Who is to be primary now that this one is in trouble; none if nobody can be.
    fn successor(&self, primary: NodeId) -> Option<NodeId> {
        let replica = if self.parameters.automatic_failover { self.best_replica(primary) } else { None };
        replica.or_else(|| (!self.is_silent(primary)).then_some(primary))
    }

    /// Looks at the primary, for ever.
    async fn watch(self: &Rc<Self>) {
        loop {
            runtime::sleep(LOOK_EVERY).await;
            let base = self.decided();
            if !self.in_trouble(base.primary) || !self.is_coordinator(base).await {
                continue;
            }
            if self.plan.first_detection(SHARD, base.epoch) {
                let detail = format!(
                    "a majority of monitors finds {} silent or empty-handed",
                    self.plan.server(base.primary).name
                );
                self.plan.report(base.primary, "primary failed", detail, Some(Mark::Detected));
            }
            if let Some(successor) = self.successor(base.primary) {
                self.decide(base, successor).await;
            }
        }
    }

    /// Whether a majority of monitors finds the primary in trouble, and this is the first of them.
    async fn is_coordinator(&self, base: Configuration) -> bool {
        let mut agreeing = Vec::new();
        for number in 0..self.plan.monitors.len() {
            if self.asked(number, MonitorRequest::InTrouble(base.primary)).await {
                agreeing.push(number);
            }
        }
        agreeing.first() == Some(&self.number) && agreeing.len() >= self.majority() && self.decided() == base
    }

    fn majority(&self) -> usize {
        self.plan.monitors.len() / 2 + 1
    }

    /// What a monitor, this one included, answers.
    async fn asked(&self, number: usize, request: MonitorRequest) -> bool {
        let limit = self.parameters.check_interval / 3;
        let answer = if number == self.number {
            Some(self.answer(request).await)
        } else {
            ask_once(self.plan.monitors[number].0, request, limit).await
        };
        answer == Some(MonitorAnswer::Yes)
    }

    /// Wins an epoch and has the successor begin its reign; gives up if it cannot.
    async fn decide(self: &Rc<Self>, base: Configuration, successor: NodeId) {
        let epoch = self.ballot.get().voted.max(base.epoch) + 1;
        let mut votes = 0;
        for number in 0..self.plan.monitors.len() {
            votes += usize::from(self.asked(number, MonitorRequest::Lead { epoch }).await);
        }
        if votes < self.majority() || self.decided() != base {
            return;
        }
        let (name, old) = (&self.plan.server(successor).name, &self.plan.server(base.primary).name);
        let detail = format!("{votes} monitors have {name} take the place of {old} in epoch {epoch}");
        self.plan.report(successor, "failing over", detail, Some(Mark::Decided));
        runtime::sleep(self.parameters.promote).await;
        let decided = Configuration { epoch, primary: successor };
        let limit = self.parameters.check_interval;
        let told: Option<AgentAnswer> =
            ask_once(self.plan.agent_address(successor), AgentRequest(decided), limit).await;
        if told.is_none() {
            return; // it is gone too, or it says so at the next check
        }
        self.learn(decided).await;
        for number in 0..self.plan.monitors.len() {
            self.asked(number, MonitorRequest::Learn(decided)).await;
        }
        for node in self.plan.nodes() {
            let _: Option<AgentAnswer> = ask_once(self.plan.agent_address(node), AgentRequest(decided), limit).await;
        }
    }

    async fn take_orders(self: &Rc<Self>) {
        loop {
            self.plan.operator.next_failover().await;
            let base = self.decided();
            let Some(successor) = self.best_replica(base.primary) else {
                let detail = "there is no replica: the failover that was asked for is refused".to_owned();
                self.plan.report(base.primary, "failover refused", detail, None);
                continue;
            };
            let mark = self.plan.first_detection(SHARD, base.epoch).then_some(Mark::Detected);
            let detail = format!("an operator has {} take over", self.plan.server(successor).name);
            self.plan.report(base.primary, "failover ordered", detail, mark);
            self.decide(base, successor).await;
            if self.decided() == base {
                // This monitor may be the one that is cut off: another is to try, before this one looks again.
                self.plan.operator.order_failover();
                runtime::sleep(LOOK_EVERY).await;
            }
        }
    }
}
