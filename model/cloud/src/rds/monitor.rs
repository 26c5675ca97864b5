//! A monitor of the control plane, one in each zone: hears heartbeats, votes, and when the primary falls silent for a
//! majority of monitors, proposes what is to be done.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Mark, Name};
use runtime::Time;
use runtime::disk::{self, Log};
use runtime::net::Address;

use tokio::sync::mpsc;

use super::configuration::{Acceptor, Ballot, Configuration, NodeId, Vote, majority};
use super::operator::Command;
use super::plan::Plan;
use super::protocol::{AgentAnswer, AgentRequest, Heartbeat, MONITOR_PORT, MonitorAnswer, MonitorRequest, Wish};
use crate::asking::ask_once;

/// What a vote takes on disk. Assumption: one block.
const VOTE_BYTES: u32 = 4 << 10;
/// How often a monitor looks at the heartbeats it has. Assumption.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a proposer tries again that another one outranked, before it gives up. Assumption.
const ROUNDS_MAX: u32 = 8;
/// Pause before that, times the monitor's number plus one, so that two proposers do not outrank each other for ever. Assumption.
const ROUND_PAUSE: Duration = Duration::from_millis(20);
/// How long an orderly step-down may take before the lease is waited for instead. Assumption.
const STEP_DOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A monitor's process.
struct Monitor {
    number: usize,
    plan: Rc<Plan>,
    acceptor: RefCell<Acceptor>,
    votes: Log<Acceptor>,
    started: Time,
    /// By node: the last heartbeat.
    heard: RefCell<Vec<Option<Time>>>,
    /// By node: the last heartbeat that renewed a lease.
    granted: RefCell<Vec<Option<Time>>>,
    /// The latest epoch whose primary this monitor made known to clients.
    published: Cell<u64>,
    publisher: crate::dns::Publisher,
}

/// Runs a monitor in the current process.
///
/// # Panics
/// If the port is taken: two monitors share a host.
pub(super) async fn run(plan: Rc<Plan>, number: usize) {
    let votes: Log<Acceptor> = disk::open("votes");
    let remembered = votes.records().last().copied();
    let monitor = Rc::new(Monitor {
        number,
        acceptor: RefCell::new(remembered.unwrap_or_else(|| Acceptor::new(plan.initial))),
        votes,
        started: runtime::now(),
        heard: RefCell::new(vec![None; plan.servers.len()]),
        granted: RefCell::new(vec![None; plan.servers.len()]),
        published: Cell::new(0),
        publisher: (plan.publisher)(),
        plan,
    });
    let answering = monitor.clone();
    let _port = runtime::call::serve(MONITOR_PORT, move |request: MonitorRequest, _| {
        let monitor = answering.clone();
        async move { monitor.answer(request).await }
    })
    .expect("a monitor has its host to itself");
    runtime::select! {
        () = monitor.watch() => {}
        () = monitor.take_orders() => {}
    }
}

impl Monitor {
    async fn answer(self: &Rc<Self>, request: MonitorRequest) -> MonitorAnswer {
        match request {
            MonitorRequest::Heartbeat(heartbeat) => self.hear(heartbeat),
            MonitorRequest::Silence(node) => MonitorAnswer::Silent { for_ns: runtime::time::nanos(self.silence(node)) },
            MonitorRequest::Prepare { base, ballot } => {
                let vote = self.acceptor.borrow_mut().prepare(base, ballot);
                self.remember().await;
                MonitorAnswer::Vote(vote)
            }
            MonitorRequest::Accept { base, ballot, value, released } => {
                let lease_held = !released && self.lease_may_hold(base.primary);
                let vote = self.acceptor.borrow_mut().accept(base, ballot, value, lease_held);
                self.remember().await;
                MonitorAnswer::Vote(vote)
            }
            MonitorRequest::Learn(configuration) => {
                self.acceptor.borrow_mut().learn(configuration);
                self.remember().await;
                MonitorAnswer::Learnt
            }
            MonitorRequest::Wish { base, wish } => self.grant(base, wish).await,
        }
    }

    /// Makes the vote durable: a monitor that forgets could vote twice.
    async fn remember(&self) {
        let acceptor = *self.acceptor.borrow();
        if self.votes.records().last() != Some(&acceptor) {
            self.votes.append(acceptor, VOTE_BYTES);
        }
        self.votes.flush().await;
        let older = self.votes.records().len().saturating_sub(2);
        self.votes.drop_oldest(older);
    }

    fn decided(&self) -> Configuration {
        self.acceptor.borrow().decided()
    }

    fn hear(self: &Rc<Self>, heartbeat: Heartbeat) -> MonitorAnswer {
        let (node, now) = (usize::from(heartbeat.node.0), runtime::now());
        self.heard.borrow_mut()[node] = Some(now);
        let granted = self.acceptor.borrow().grants(heartbeat.node);
        if granted {
            self.granted.borrow_mut()[node] = Some(now);
        }
        let configuration = self.decided();
        if heartbeat.serving == Some(configuration.epoch) && self.published.get() < configuration.epoch {
            self.published.set(configuration.epoch);
            let monitor = self.clone();
            drop(runtime::spawn(async move { monitor.publish(configuration).await }));
        }
        MonitorAnswer::Heard { configuration, granted }
    }

    /// Points the endpoint's name at the primary. Every monitor does; the epoch orders what they say.
    async fn publish(&self, configuration: Configuration) {
        let addresses = vec![self.plan.client_address(configuration.primary)];
        let ttl = self.plan.failover.dns_ttl;
        self.publisher.publish(&self.plan.endpoint, addresses, ttl, configuration.epoch).await;
    }

    /// For how long this monitor has not heard of a server.
    fn silence(&self, node: NodeId) -> Duration {
        runtime::now().since(self.heard.borrow()[usize::from(node.0)].unwrap_or(self.started))
    }

    /// Whether a server may still believe in a lease that this monitor, or an earlier life of it, granted.
    fn lease_may_hold(&self, node: NodeId) -> bool {
        let granted = self.granted.borrow()[usize::from(node.0)].unwrap_or(Time::ZERO).max(self.started);
        runtime::now() < granted + self.plan.failover.lease()
    }

    /// Asks another monitor.
    async fn ask(&self, monitor: Address, request: MonitorRequest) -> Option<MonitorAnswer> {
        ask_once(monitor, request, self.plan.failover.heartbeat_interval).await
    }

    /// Asks every monitor, this one included, at once. The answers with the monitors' numbers, in the order of these; no more
    /// are waited for once `enough` of them say that they are what it takes: a dead monitor answers late or never.
    async fn ask_all(
        self: &Rc<Self>,
        request: MonitorRequest,
        enough: impl Fn(&MonitorAnswer) -> bool,
    ) -> Vec<(usize, MonitorAnswer)> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for number in 0..self.plan.monitors.len() {
            let (monitor, sender) = (self.clone(), sender.clone());
            drop(runtime::spawn(async move {
                let answer = if number == monitor.number {
                    Some(Box::pin(monitor.answer(request)).await)
                } else {
                    monitor.ask(monitor.plan.monitors[number].0, request).await
                };
                if let Some(answer) = answer {
                    // Nobody listens any more once there were enough.
                    let _ = sender.send((number, answer));
                }
            }));
        }
        drop(sender);
        let mut answers = Vec::new();
        while let Some(answer) = receiver.recv().await {
            answers.push(answer);
            if answers.iter().filter(|(_, answer)| enough(answer)).count() >= majority(self.plan.monitors.len()) {
                break;
            }
        }
        answers.sort_by_key(|(number, _)| *number);
        answers
    }

    /// Has a majority agree on the successor of `base`: `wanted`, unless something else came first. None if no majority
    /// answered, or the old primary's lease still stands in the way.
    async fn decide(
        self: &Rc<Self>,
        base: Configuration,
        wanted: Configuration,
        released: bool,
    ) -> Option<Configuration> {
        let needed = majority(self.plan.monitors.len());
        let number = u8::try_from(self.number).expect("monitors are few");
        for _ in 0..ROUNDS_MAX {
            if self.decided().version > base.version {
                return Some(self.decided());
            }
            let ballot = Ballot { round: self.acceptor.borrow().promised().round + 1, monitor: number };
            let mut promises = Vec::new();
            let is_promise = |vote: &Vote| matches!(vote, Vote::Promised(_));
            for vote in self.votes_on(MonitorRequest::Prepare { base, ballot }, is_promise).await {
                match vote {
                    Vote::Promised(accepted) => promises.push(accepted),
                    Vote::Decided(configuration) => return Some(self.proclaim(configuration).await),
                    Vote::Outranked(_) | Vote::Accepted | Vote::LeaseHeld => {}
                }
            }
            if promises.len() < needed {
                runtime::sleep(ROUND_PAUSE * (u32::from(number) + 1)).await;
                continue;
            }
            let earlier = promises.into_iter().flatten().max_by_key(|(ballot, _)| *ballot);
            let value = earlier.map_or(wanted, |(_, value)| value);
            let (mut accepted, mut lease_held) = (0, false);
            let request = MonitorRequest::Accept { base, ballot, value, released };
            for vote in self.votes_on(request, |vote| *vote == Vote::Accepted).await {
                match vote {
                    Vote::Accepted => accepted += 1,
                    Vote::Decided(configuration) => return Some(self.proclaim(configuration).await),
                    Vote::LeaseHeld => lease_held = true,
                    Vote::Outranked(_) | Vote::Promised(_) => {}
                }
            }
            if accepted >= needed {
                self.report_decision(base, value, released);
                return Some(self.proclaim(value).await);
            }
            if lease_held {
                return None;
            }
            runtime::sleep(ROUND_PAUSE * (u32::from(number) + 1)).await;
        }
        None
    }

    async fn votes_on(self: &Rc<Self>, request: MonitorRequest, enough: impl Fn(&Vote) -> bool) -> Vec<Vote> {
        let vote = |answer: &MonitorAnswer| match answer {
            MonitorAnswer::Vote(vote) => Some(*vote),
            _ => None,
        };
        let answers = self.ask_all(request, |answer| vote(answer).is_some_and(|vote| enough(&vote))).await;
        answers.iter().filter_map(|(_, answer)| vote(answer)).collect()
    }

    /// Remembers a decision, and tells every monitor and server that can be reached; nobody waits for them.
    async fn proclaim(self: &Rc<Self>, decided: Configuration) -> Configuration {
        self.acceptor.borrow_mut().learn(decided);
        self.remember().await;
        let others = (0..self.plan.monitors.len()).filter(|number| *number != self.number);
        for number in others {
            let (monitor, address) = (self.clone(), self.plan.monitors[number].0);
            drop(runtime::spawn(async move { monitor.ask(address, MonitorRequest::Learn(decided)).await }));
        }
        for node in self.plan.nodes() {
            let (monitor, request) = (self.clone(), AgentRequest::Configure(decided));
            let limit = self.plan.failover.heartbeat_interval;
            drop(runtime::spawn(async move { monitor.tell(node, request, limit).await }));
        }
        decided
    }

    async fn tell(&self, node: NodeId, request: AgentRequest, limit: Duration) -> Option<AgentAnswer> {
        ask_once(self.plan.agent_address(node), request, limit).await
    }

    /// Has a primary's wish decided.
    async fn grant(self: &Rc<Self>, base: Configuration, wish: Wish) -> MonitorAnswer {
        self.acceptor.borrow_mut().learn(base);
        if self.decided() != base {
            return MonitorAnswer::Now(self.decided());
        }
        let wanted = match wish {
            Wish::Claim => base.claimed(),
            Wish::Detach => base.with_standby(None),
            Wish::Attach(node) => base.with_standby(Some(node)),
        };
        let Some(decided) = self.decide(base, wanted, false).await else { return MonitorAnswer::Undecided };
        MonitorAnswer::Now(decided)
    }

    /// Tells whoever watches what was decided, if it is about who reigns.
    fn report_decision(&self, base: Configuration, decided: Configuration, released: bool) {
        if decided.epoch == base.epoch || base.epoch == 0 {
            return;
        }
        let ((old, _), (new, zone)) = (self.named(base.primary), self.named(decided.primary));
        let (state, detail) = if decided.primary == base.primary {
            ("restarting", format!("{new} is back and begins epoch {}", decided.epoch))
        } else {
            let how = if released { "stepped down" } else { "is fenced: its lease is over" };
            ("failing over", format!("{old} {how}; {new} is to begin epoch {}", decided.epoch))
        };
        if self.plan.first_detection(base) {
            self.plan.report(&zone, state, detail.clone(), Some(Mark::Detected));
        }
        self.plan.report(&zone, state, detail, Some(Mark::Decided));
    }

    fn named(&self, node: NodeId) -> (Name, Name) {
        let server = self.plan.server(node);
        (server.name.clone(), server.zone.clone())
    }

    /// Looks at the primary's heartbeats, for ever.
    async fn watch(self: &Rc<Self>) {
        loop {
            runtime::sleep(LOOK_EVERY).await;
            let base = self.decided();
            let undecided = self.acceptor.borrow().accepted();
            if let Some(value) = undecided {
                // Whoever proposed it may be gone: what this monitor voted for is brought to an end.
                runtime::sleep(ROUND_PAUSE * (u32::try_from(self.number).unwrap_or(0) + 1)).await;
                self.decide(base, value, false).await;
            } else if self.silence(base.primary) >= self.plan.failover.suspicion() {
                self.suspect(base).await;
            }
        }
    }

    /// The primary is silent here: asks whether it is for a majority, and if this monitor is the first of those that think
    /// so, acts.
    async fn suspect(self: &Rc<Self>, base: Configuration) {
        let suspicion = runtime::time::nanos(self.plan.failover.suspicion());
        let is_silent =
            |answer: &MonitorAnswer| matches!(answer, MonitorAnswer::Silent { for_ns } if *for_ns >= suspicion);
        let answers = self.ask_all(MonitorRequest::Silence(base.primary), is_silent).await;
        let silent: Vec<usize> =
            answers.iter().filter(|(_, answer)| is_silent(answer)).map(|(number, _)| *number).collect();
        let coordinates = silent.first() == Some(&self.number);
        if silent.len() < majority(self.plan.monitors.len()) || !coordinates || self.decided() != base {
            return;
        }
        let is_heard = |node: &NodeId| self.silence(*node) < self.plan.failover.suspicion();
        let is_member = |node: &NodeId| *node != base.primary && !self.plan.server(*node).is_read_replica;
        let successor = match base.standby {
            None if runtime::planted::is("detached-standby-promoted") => self.plan.nodes().find(is_member),
            standby => standby,
        }
        .filter(is_heard);
        if self.plan.first_detection(base) {
            let (name, zone) = self.named(base.primary);
            let consequence = match (successor, base.standby) {
                (Some(standby), _) => format!("{} is to take over", self.plan.server(standby).name),
                (None, Some(_)) => "its standby is silent too".to_owned(),
                (None, None) => "there is no standby in step: it has to come back itself".to_owned(),
            };
            let detail = format!(
                "{} of {} monitors missed {name}'s heartbeats; {consequence}",
                silent.len(),
                self.plan.monitors.len()
            );
            self.plan.report(&zone, "primary unreachable", detail, Some(Mark::Detected));
        }
        if let Some(successor) = successor {
            // While the lease may hold, monitors refuse: the next look asks them again.
            self.decide(base, base.promoted(successor), false).await;
        }
    }

    async fn take_orders(self: &Rc<Self>) {
        loop {
            let command = self.plan.operator.next().await;
            let base = self.decided();
            let successor = match command {
                Command::FailOver => base.standby,
                Command::Promote(node) => Some(node),
            };
            let (name, zone) = self.named(base.primary);
            let Some(successor) = successor else {
                let detail = format!("{name} has no standby in step: the failover that was asked for is refused");
                self.plan.report(&zone, "failover refused", detail, None);
                continue;
            };
            if successor == base.primary {
                continue; // it reigns already
            }
            let detail = format!("an operator has {} take over from {name}", self.plan.server(successor).name);
            let mark = self.plan.first_detection(base).then_some(Mark::Detected);
            self.plan.report(&zone, "failover ordered", detail, mark);
            let request = AgentRequest::StepDown { epoch: base.epoch };
            let released = self.tell(base.primary, request, STEP_DOWN_TIMEOUT).await == Some(AgentAnswer::Done);
            // Without its word, the lease has to run out first.
            while self.decided() == base && self.decide(base, base.promoted(successor), released).await.is_none() {
                runtime::sleep(LOOK_EVERY).await;
            }
        }
    }
}
