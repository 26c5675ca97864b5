//! What the small worlds of all suites have in common: three zones, and somebody who remembers what was observed.

use std::cell::RefCell;

pub use engine::testing::*;
use engine::{Engine, EngineConfig};
use ports::observe::{ComponentState, Mark, Observation, Observer};
use runtime::Time;

pub const ZONES: [&str; 3] = ["a", "b", "c"];
pub const REGION: &str = "us-east-1";

/// An engine as [`config`] has it, that may send every frame through serde.
pub fn engine(seed: u64, wire_check: bool) -> Engine {
    Engine::new(EngineConfig { wire_check, ..config(seed) })
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
