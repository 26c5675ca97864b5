//! A broker's side of the ensemble: its session, kept alive by heartbeats, and the latest state of the cluster that it has heard of.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::call::{CallContext, Caller};
use runtime::random::{RngExt, Stream};
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::cluster::{BrokerId, Change, Cluster};
use super::plan::Plan;
use super::protocol::{Changed, EnsembleAnswer, EnsembleRequest, Noted, WATCH_PORT};
use crate::asking::ask_once;

/// Pause before a broker tries again to begin a session. Assumption.
const REGISTER_PAUSE: Duration = Duration::from_secs(1);

/// A broker's session.
pub(super) struct Registration {
    me: BrokerId,
    plan: Rc<Plan>,
    seen: Watched<Rc<Cluster>>,
    /// The session of this life of the process.
    session: Cell<Option<u64>>,
    /// The server of the ensemble that is asked for changes: it answered last.
    asked: Cell<usize>,
    /// Has heartbeats sent at once.
    hurry: Notify,
    jitter: RefCell<Stream>,
}

impl Registration {
    /// Begins to send heartbeats and to ask for a session.
    ///
    /// # Panics
    /// If the port is taken: two brokers share a host.
    pub fn start(plan: Rc<Plan>, me: BrokerId) -> Rc<Self> {
        let registration = Rc::new(Registration {
            me,
            seen: Watched::new(Rc::new(plan.initial.clone())),
            plan,
            session: Cell::new(None),
            asked: Cell::new(0),
            hurry: Notify::new(),
            jitter: RefCell::new(runtime::random::stream("heartbeats")),
        });
        let told = registration.clone();
        let port = runtime::call::serve(WATCH_PORT, move |Changed(cluster), _| {
            told.learn(*cluster);
            std::future::ready(Noted)
        })
        .expect("a broker has its host to itself");
        for server in 0..registration.plan.ensemble.len() {
            let registration = registration.clone();
            drop(runtime::spawn(async move { registration.keep_in_touch(server).await }));
        }
        let registering = registration.clone();
        drop(runtime::spawn(async move {
            let _port = port;
            registering.keep_registered().await;
        }));
        registration
    }

    /// Three heartbeats a session, as ZooKeeper's client sends them.
    fn interval(&self) -> Duration {
        self.plan.broker.session_timeout / 3
    }

    /// Heartbeats to one server, for ever.
    async fn keep_in_touch(&self, server: usize) {
        let address = self.plan.ensemble[server].0;
        loop {
            let dialled = runtime::timeout(self.interval(), Caller::connect(address)).await;
            if let Ok(Ok(caller)) = dialled {
                loop {
                    let version = self.seen.borrow().version;
                    let heartbeat =
                        EnsembleRequest::Heartbeat { broker: self.me, session: self.session.get(), version };
                    let answer = caller.call(heartbeat, CallContext::within(self.interval(), 0)).await;
                    let Ok(EnsembleAnswer::Heard { newer }) = answer else { break };
                    if let Some(newer) = newer {
                        self.learn(*newer);
                    }
                    self.pause().await;
                }
            }
            self.pause().await;
        }
    }

    /// Up to a tenth early, so that the heartbeats of a fleet do not fall into step.
    async fn pause(&self) {
        let early = self.jitter.borrow_mut().random_range(0..100);
        runtime::select! {
            () = self.hurry.notified() => {}
            () = runtime::sleep(self.interval() * (1_000 - early) / 1_000) => {}
        }
    }

    /// Begins a session, and another whenever that one has ended.
    async fn keep_registered(&self) {
        loop {
            match self.propose(Change::Register(self.me)).await {
                Some(EnsembleAnswer::Changed(cluster)) => {
                    let session = cluster.sessions.get(&self.me).copied();
                    self.session.set(session);
                    self.hurry.notify_waiters();
                    // Whoever waits for a session looks at what is seen.
                    self.seen.wake();
                    self.until(|cluster| cluster.sessions.get(&self.me).copied() != session).await;
                    self.session.set(None);
                }
                // An earlier life's session is still there, or nobody answered.
                _ => runtime::sleep(REGISTER_PAUSE).await,
            }
        }
    }

    fn learn(&self, cluster: Cluster) {
        self.seen.update(|seen| {
            let newer = cluster.version > seen.version;
            if newer {
                *seen = Rc::new(cluster);
            }
            newer
        });
    }

    /// The latest state of the cluster that was heard of.
    pub fn seen(&self) -> Rc<Cluster> {
        self.seen.borrow().clone()
    }

    /// The session of this life of the process, if it has one.
    pub fn session(&self) -> Option<u64> {
        self.session.get()
    }

    /// Whether this life of the process is a member of the cluster as `cluster` has it.
    pub fn is_in(&self, cluster: &Cluster) -> bool {
        self.session.get().is_some_and(|session| cluster.sessions.get(&self.me) == Some(&session))
    }

    /// Returns once the latest state satisfies `wanted`.
    pub async fn until(&self, mut wanted: impl FnMut(&Cluster) -> bool) {
        self.seen.wait_until(|seen| wanted(seen)).await;
    }

    /// Asks the ensemble for a change; none if none of its servers answered.
    pub async fn propose(&self, change: Change) -> Option<EnsembleAnswer> {
        let limit = self.plan.ensemble_parameters.connect_timeout;
        for _ in 0..self.plan.ensemble.len() {
            let address = self.plan.ensemble[self.asked.get()].0;
            match ask_once(address, EnsembleRequest::Propose(change.clone()), limit).await {
                Some(answer) if !matches!(answer, EnsembleAnswer::Undecided) => {
                    if let EnsembleAnswer::Changed(cluster) | EnsembleAnswer::Refused(_, cluster) = &answer {
                        self.learn((**cluster).clone());
                    }
                    return Some(answer);
                }
                _ => self.asked.set((self.asked.get() + 1) % self.plan.ensemble.len()),
            }
        }
        None
    }
}
