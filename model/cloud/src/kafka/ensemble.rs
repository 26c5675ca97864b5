//! A server of the ZooKeeper ensemble, one in each zone: hears brokers' heartbeats, votes, makes the changes that brokers ask for, and
//! ends the sessions of brokers that a majority of servers has not heard.

pub(super) mod vote;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::disk::{self, Log};
use runtime::net::Address;
use tokio::sync::{Notify, mpsc};

use super::cluster::{BrokerId, Change, Cluster};
use super::plan::Plan;
use super::protocol::{Changed, ENSEMBLE_PORT, EnsembleAnswer, EnsembleRequest, Noted};
use vote::{Acceptor, Ballot, Vote};

/// What a vote takes on disk. Assumption: one block.
const VOTE_BYTES: u32 = 4 << 10;
/// How often a proposer tries again that another one outranked, before it gives up. Assumption.
const ROUNDS_MAX: u32 = 16;
/// Pause before that, times the server's number plus one, so that two proposers do not outrank each other for ever. Assumption.
const ROUND_PAUSE: Duration = Duration::from_millis(10);

struct Server {
    number: usize,
    plan: Rc<Plan>,
    acceptor: RefCell<Acceptor>,
    votes: Log<Acceptor>,
    started: Time,
    /// The last heartbeat of each session.
    heard: RefCell<BTreeMap<(BrokerId, u64), Time>>,
    learnt: Notify,
    callers: RefCell<BTreeMap<Address, Caller<EnsembleRequest, EnsembleAnswer>>>,
}

/// Runs a server of the ensemble in the current process.
///
/// # Panics
/// If the port is taken: two servers share a host.
pub(super) async fn run(plan: Rc<Plan>, number: usize) {
    let votes: Log<Acceptor> = disk::open("zookeeper/votes");
    let remembered = votes.records().last().cloned();
    let server = Rc::new(Server {
        number,
        acceptor: RefCell::new(remembered.unwrap_or_else(|| Acceptor::new(plan.initial.clone()))),
        plan,
        votes,
        started: runtime::now(),
        heard: RefCell::default(),
        learnt: Notify::new(),
        callers: RefCell::default(),
    });
    let answering = server.clone();
    let _port = runtime::call::serve(ENSEMBLE_PORT, move |request: EnsembleRequest, _| {
        let server = answering.clone();
        async move { server.answer(request).await }
    })
    .expect("a server of the ensemble has its host to itself");
    server.watch().await;
}

impl Server {
    async fn answer(self: &Rc<Self>, request: EnsembleRequest) -> EnsembleAnswer {
        match request {
            EnsembleRequest::Heartbeat { broker, session, version } => self.hear(broker, session, version),
            EnsembleRequest::Propose(change) => self.change(&change).await,
            EnsembleRequest::Silence(broker) => {
                EnsembleAnswer::Silent { for_ns: runtime::time::nanos(self.silence(broker)) }
            }
            EnsembleRequest::Prepare { base, ballot } => {
                let vote = self.acceptor.borrow_mut().prepare(&base, ballot);
                self.remember().await;
                EnsembleAnswer::Vote(vote)
            }
            EnsembleRequest::Accept { base, ballot, value } => {
                let vote = self.acceptor.borrow_mut().accept(&base, ballot, *value);
                self.remember().await;
                EnsembleAnswer::Vote(vote)
            }
            EnsembleRequest::Learn(decided) => {
                self.learn(&decided).await;
                EnsembleAnswer::Learnt
            }
        }
    }

    /// Makes the vote durable: a server that forgets could vote twice.
    async fn remember(&self) {
        let acceptor = self.acceptor.borrow().clone();
        if self.votes.records().last() != Some(&acceptor) {
            self.votes.append(acceptor, VOTE_BYTES);
            self.votes.flush().await;
            let older = self.votes.records().len().saturating_sub(2);
            self.votes.drop_oldest(older);
        } else {
            self.votes.flush().await;
        }
    }

    async fn learn(&self, decided: &Cluster) {
        if self.acceptor.borrow_mut().learn(decided) {
            self.heard.borrow_mut().retain(|(broker, session), _| decided.sessions.get(broker) == Some(session));
            self.learnt.notify_waiters();
            self.remember().await;
        }
    }

    fn decided(&self) -> Cluster {
        self.acceptor.borrow().decided().clone()
    }

    fn hear(&self, broker: BrokerId, session: Option<u64>, version: u64) -> EnsembleAnswer {
        let acceptor = self.acceptor.borrow();
        let decided = acceptor.decided();
        if let Some(session) = session {
            // Of a session that is not known here: this server is behind, or the broker is.
            self.heard.borrow_mut().insert((broker, session), runtime::now());
        }
        EnsembleAnswer::Heard { newer: (decided.version > version).then(|| Box::new(decided.clone())) }
    }

    /// For how long this server has not heard of the broker's current session.
    fn silence(&self, broker: BrokerId) -> Duration {
        let acceptor = self.acceptor.borrow();
        let Some(&session) = acceptor.decided().sessions.get(&broker) else { return Duration::MAX };
        let heard = self.heard.borrow().get(&(broker, session)).copied();
        runtime::now().since(heard.unwrap_or(self.started))
    }

    /// Asks another server.
    async fn ask(&self, server: Address, request: EnsembleRequest) -> Option<EnsembleAnswer> {
        let limit = self.plan.ensemble_parameters.connect_timeout;
        let known = self.callers.borrow().get(&server).filter(|caller| caller.closed().is_none()).cloned();
        let caller = match known {
            Some(caller) => caller,
            None => {
                let caller = runtime::timeout(limit, Caller::connect(server)).await.ok()?.ok()?;
                self.callers.borrow_mut().insert(server, caller.clone());
                caller
            }
        };
        let answer = caller.call(request, CallContext::within(limit, 0)).await;
        if answer.is_err() {
            self.callers.borrow_mut().remove(&server);
        }
        answer.ok()
    }

    /// Asks every server, this one included, at once, until `enough` of them, a majority, say what it takes.
    async fn ask_all(
        self: &Rc<Self>,
        request: EnsembleRequest,
        enough: impl Fn(&EnsembleAnswer) -> bool,
    ) -> Vec<EnsembleAnswer> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for (number, (address, _)) in self.plan.ensemble.iter().enumerate() {
            let (server, sender, address, request) = (self.clone(), sender.clone(), *address, request.clone());
            drop(runtime::spawn(async move {
                let answer = if number == server.number {
                    Some(Box::pin(server.answer(request)).await)
                } else {
                    server.ask(address, request).await
                };
                if let Some(answer) = answer {
                    // Nobody listens any more once there were enough.
                    let _ = sender.send(answer);
                }
            }));
        }
        drop(sender);
        let mut answers = Vec::new();
        while let Some(answer) = receiver.recv().await {
            answers.push(answer);
            if answers.iter().filter(|answer| enough(answer)).count() >= self.majority() {
                break;
            }
        }
        answers
    }

    fn majority(&self) -> usize {
        self.plan.ensemble.len() / 2 + 1
    }

    /// Makes a change, unless it does not fit the latest state.
    async fn change(self: &Rc<Self>, change: &Change) -> EnsembleAnswer {
        for _ in 0..ROUNDS_MAX {
            let base = self.decided();
            let wanted = match base.after(change) {
                Ok(wanted) => wanted,
                Err(refusal) => return EnsembleAnswer::Refused(refusal, Box::new(base)),
            };
            match self.decide(&base, &wanted).await {
                Some(decided) if decided == wanted => return EnsembleAnswer::Changed(Box::new(decided)),
                Some(_) => {} // something else came first
                None => return EnsembleAnswer::Undecided,
            }
        }
        EnsembleAnswer::Undecided
    }

    /// Has a majority agree on the successor of `base`: `wanted`, unless something else came first. None if no majority answered.
    async fn decide(self: &Rc<Self>, base: &Cluster, wanted: &Cluster) -> Option<Cluster> {
        let number = u8::try_from(self.number).expect("servers are few");
        let pause = ROUND_PAUSE * (u32::from(number) + 1);
        for _ in 0..ROUNDS_MAX {
            if self.acceptor.borrow().decided().version > base.version {
                return Some(self.decided());
            }
            let ballot = Ballot { round: self.acceptor.borrow().promised().round + 1, server: number };
            let mut promises = Vec::new();
            let request = EnsembleRequest::Prepare { base: Box::new(base.clone()), ballot };
            for vote in self.votes_on(request, |vote| matches!(vote, Vote::Promised(_))).await {
                match vote {
                    Vote::Promised(accepted) => promises.push(accepted),
                    Vote::Decided(decided) => return Some(self.proclaim(*decided).await),
                    Vote::Outranked(_) | Vote::Accepted => {}
                }
            }
            if promises.len() < self.majority() {
                runtime::sleep(pause).await;
                continue;
            }
            let earlier = promises.into_iter().flatten().max_by_key(|(ballot, _)| *ballot);
            let value = earlier.map_or_else(|| wanted.clone(), |(_, value)| *value);
            let request =
                EnsembleRequest::Accept { base: Box::new(base.clone()), ballot, value: Box::new(value.clone()) };
            let mut accepted = 0;
            for vote in self.votes_on(request, |vote| *vote == Vote::Accepted).await {
                match vote {
                    Vote::Accepted => accepted += 1,
                    Vote::Decided(decided) => return Some(self.proclaim(*decided).await),
                    Vote::Outranked(_) | Vote::Promised(_) => {}
                }
            }
            if accepted >= self.majority() {
                return Some(self.proclaim(value).await);
            }
            runtime::sleep(pause).await;
        }
        None
    }

    async fn votes_on(self: &Rc<Self>, request: EnsembleRequest, enough: impl Fn(&Vote) -> bool) -> Vec<Vote> {
        let is_enough = |answer: &EnsembleAnswer| matches!(answer, EnsembleAnswer::Vote(vote) if enough(vote));
        let answers = self.ask_all(request, is_enough).await;
        let vote = |answer| match answer {
            EnsembleAnswer::Vote(vote) => Some(vote),
            _ => None,
        };
        answers.into_iter().filter_map(vote).collect()
    }

    /// Remembers a decision, and tells every server and broker that can be reached; nobody waits for them.
    async fn proclaim(self: &Rc<Self>, decided: Cluster) -> Cluster {
        self.learn(&decided).await;
        for (number, (address, _)) in self.plan.ensemble.iter().enumerate() {
            if number != self.number {
                let (server, address) = (self.clone(), *address);
                let request = EnsembleRequest::Learn(Box::new(decided.clone()));
                drop(runtime::spawn(async move { server.ask(address, request).await }));
            }
        }
        for broker in self.plan.brokers() {
            let (address, changed) = (self.plan.watch_address(broker), Changed(Box::new(decided.clone())));
            let limit = self.plan.ensemble_parameters.connect_timeout;
            drop(runtime::spawn(async move {
                runtime::timeout(limit, async {
                    let caller = Caller::<Changed, Noted>::connect(address).await.ok()?;
                    caller.call(changed, CallContext::within(limit, 0)).await.ok()
                })
                .await
            }));
        }
        decided
    }

    /// Ends sessions of silent brokers, for ever. It sleeps until one may have to end.
    async fn watch(self: &Rc<Self>) {
        let (tick, timeout) = (self.plan.ensemble_parameters.tick, self.plan.broker.session_timeout);
        loop {
            let learnt = self.learnt.notified();
            let sessions = self.decided().sessions;
            let silences = sessions.keys().map(|broker| self.silence(*broker));
            let Some(longest) = silences.max() else {
                learnt.await;
                continue;
            };
            let due = runtime::now() + timeout.saturating_sub(longest);
            let ticks = due.0 / runtime::time::nanos(tick) + 1;
            runtime::sleep_until(Time(ticks * runtime::time::nanos(tick))).await;
            for (broker, session) in sessions {
                if self.silence(broker) >= timeout && self.decided().sessions.get(&broker) == Some(&session) {
                    self.suspect(broker, session).await;
                }
            }
        }
    }

    /// A broker is silent here: if it is for a majority, its session ends.
    async fn suspect(self: &Rc<Self>, broker: BrokerId, session: u64) {
        let timeout = runtime::time::nanos(self.plan.broker.session_timeout);
        let is_silent =
            |answer: &EnsembleAnswer| matches!(answer, EnsembleAnswer::Silent { for_ns } if *for_ns >= timeout);
        let answers = self.ask_all(EnsembleRequest::Silence(broker), is_silent).await;
        if answers.iter().filter(|answer| is_silent(answer)).count() < self.majority() {
            return;
        }
        let changed = self.change(&Change::Expire { broker, session }).await;
        // Several servers may have proposed the same.
        if matches!(changed, EnsembleAnswer::Changed(_)) && self.plan.buried.borrow_mut().insert(session) {
            let (name, zone) = self.plan.named(broker);
            let detail = format!(
                "{name} was silent for its session of {:?}: the ensemble takes it for dead",
                self.plan.broker.session_timeout
            );
            self.plan.report(&zone, "broker dead", detail, Some(ports::observe::Mark::Detected));
        }
    }
}
