//! What the small worlds of all suites have in common: three zones, somebody who remembers what was observed, and the scene of a store
//! with its clients.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use cloud::dns;
pub use engine::testing::*;
use engine::{Engine, EngineConfig};
use ports::observe::{ComponentState, Mark, Observation, Observer};
use runtime::Time;
use runtime::world::ProcessId;

pub const ZONES: [&str; 3] = ["a", "b", "c"];
pub const REGION: &str = "us-east-1";

/// An engine as [`config`] has it, that may send every frame through serde.
pub fn engine(seed: u64, wire_check: bool) -> Engine {
    Engine::new(EngineConfig { wire_check, ..config(seed) })
}

/// A store whose servers are found by their names.
pub trait Store: 'static {
    type Client;
    type Parameters: Clone + 'static;

    /// The name under which clients find whoever serves.
    fn endpoint(&self) -> &str;

    /// A client of the server, or endpoint, of this name, for the process that calls this.
    fn client_of(&self, server: &str, resolver: dns::Client, parameters: Self::Parameters) -> Self::Client;
}

/// A small world with one such store in it.
pub struct Scene<S: Store> {
    pub engine: Engine,
    pub dns: Rc<dns::Deployed>,
    pub store: Rc<S>,
    pub watcher: Rc<Watcher>,
    /// What its clients are made with.
    pub parameters: S::Parameters,
}

impl<S: Store> Scene<S> {
    pub fn run(&mut self, seconds: u64) {
        run(&mut self.engine, seconds);
    }

    /// Runs `body` with a client of whoever serves, in a process on a host of its own.
    pub fn client<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        zone: &str,
        body: impl Fn(S::Client) -> F + 'static,
    ) -> ProcessId {
        let endpoint = self.store.endpoint().to_owned();
        self.client_of(&endpoint, name, zone, body)
    }

    /// Runs `body` with a client of the server, or endpoint, of this name.
    pub fn client_of<F: Future<Output = ()> + 'static>(
        &mut self,
        server: &str,
        name: &str,
        zone: &str,
        body: impl Fn(S::Client) -> F + 'static,
    ) -> ProcessId {
        let connect = self.connecting(server, zone);
        lone_process(&mut self.engine, name, zone, move || body(connect()))
    }

    /// What makes clients of the server, or endpoint, of this name for processes in `zone`.
    pub fn connecting(&self, server: &str, zone: &str) -> impl Fn() -> S::Client + use<S> {
        let (store, parameters, server) = (self.store.clone(), self.parameters.clone(), server.to_owned());
        let servers = self.dns.servers_from(zone);
        move || {
            let resolver = dns::Client::new(servers.clone(), dns::ClientParameters::default());
            store.client_of(&server, resolver, parameters.clone())
        }
    }
}

/// What two runs that are the same have in common: hash and length of the trace, and what was observed.
pub type Trail = (u128, u64, Vec<Observation>);

pub fn trail(engine: &Engine, watcher: &Watcher) -> Trail {
    let control = engine.control();
    (control.trace_hash(), control.events(), watcher.all())
}

/// The same seed is the same run, whether frames move or go through serde; another seed is another run.
pub fn assert_reproducible(run: impl Fn(u64, bool) -> Trail) {
    let first = run(5, false);
    assert!(first == run(5, false));
    assert!(first == run(5, true), "nothing but the frames travels");
    assert_ne!(first.0, run(6, false).0);
}

/// Remembers every observation.
#[derive(Default)]
pub struct Watcher(RefCell<Vec<Observation>>);

impl Observer for Watcher {
    fn observe(&self, observation: &Observation) {
        self.0.borrow_mut().push(observation.clone());
    }
}

/// A span in which a server accepted writes.
#[derive(Clone, Debug)]
pub struct Writable {
    pub node: String,
    pub epoch: u64,
    pub from: Time,
    /// [`Time::MAX`] if it still does.
    pub to: Time,
}

impl Watcher {
    pub fn all(&self) -> Vec<Observation> {
        self.0.borrow().clone()
    }

    /// What `wanted` makes of the observations, in order.
    pub fn find<T>(&self, wanted: impl Fn(&Observation) -> Option<T>) -> Vec<T> {
        self.0.borrow().iter().filter_map(wanted).collect()
    }

    /// Changes of components.
    pub fn states(&self) -> Vec<ComponentState> {
        self.find(|observation| match observation {
            Observation::ComponentState(state) => Some(state.clone()),
            _ => None,
        })
    }

    /// Changes of components into one state.
    pub fn in_state(&self, wanted: &str) -> Vec<ComponentState> {
        self.states().into_iter().filter(|state| state.state == wanted).collect()
    }

    /// Moments at which a mark was reported.
    pub fn marks(&self, wanted: Mark) -> Vec<Time> {
        self.states().into_iter().filter(|state| state.mark == Some(wanted)).map(|state| state.at).collect()
    }

    /// The first end of each phase of a recovery after `onset`: they come in their order.
    pub fn phases_after(&self, onset: Time) -> [Time; 4] {
        let after = |mark| self.marks(mark).into_iter().find(|at| *at > onset).expect("the phase ends");
        let phases = [Mark::Detected, Mark::Decided, Mark::Promoted, Mark::Propagated].map(after);
        assert!(phases.is_sorted(), "{}", self.story());
        phases
    }

    /// Every span in which a server accepted writes, in the order in which they began.
    pub fn writable(&self) -> Vec<Writable> {
        let mut spans: Vec<Writable> = Vec::new();
        for observation in self.0.borrow().iter() {
            match observation {
                Observation::WritableSince { node, epoch, at, .. } => {
                    spans.push(Writable { node: node.to_string(), epoch: *epoch, from: *at, to: Time::MAX });
                }
                Observation::WritableEnded { node, epoch, at, .. } => {
                    let span = spans.iter_mut().find(|span| span.epoch == *epoch && *span.node == **node);
                    span.expect("what ends began").to = *at;
                }
                _ => {}
            }
        }
        spans
    }

    /// What happened beside the writes, for whoever reads a failed test.
    pub fn story(&self) -> String {
        let line = |observation: &Observation| match observation {
            Observation::ComponentState(state) => {
                let mark = state.mark.map(|mark| format!(" [{mark:?}]")).unwrap_or_default();
                Some(format!("{} {}: {} - {}{mark}", state.at, state.zone, state.state, state.detail))
            }
            Observation::Committed(_)
            | Observation::CommitAcknowledged(_)
            | Observation::CacheWriteAcknowledged(_)
            | Observation::EventAcknowledged(_) => None,
            other => Some(format!("{other:?}")),
        };
        self.find(line).join("\n")
    }
}
