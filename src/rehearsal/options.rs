//! How one run is made: what its caller chooses beside the scenario.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use platform::services::following::Follower;
use ports::observe::Observer;

/// How one run is made.
pub struct Options<'a> {
    pub seed: u64,
    /// Where records go, if they are kept.
    pub out: Option<&'a Path>,
    pub wire_check: bool,
    /// Positions of the events to keep whole.
    pub window: Range<u64>,
    /// Stop there, counted from the end of the warm-up; before the scenario's end.
    pub until: Option<Duration>,
    /// Raised to stop the run early.
    pub interrupt: Arc<AtomicBool>,
    /// Told how much of the run's simulated time has passed, 0 to 1.
    pub progress: &'a dyn Fn(f64),
    /// Whoever else watches the run.
    pub observer: Option<Rc<dyn Observer>>,
    /// Whoever follows one trip through the calls between services.
    pub follower: Option<Rc<dyn Follower>>,
    /// Told by the caller, who knows a wall clock: real seconds since the run began.
    pub wall_clock: &'a dyn Fn() -> f64,
}

impl Options<'_> {
    /// A run to the scenario's end that keeps nothing and that nobody watches, stops or times.
    pub fn unwatched(seed: u64) -> Self {
        Options {
            seed,
            out: None,
            wire_check: false,
            window: 0..0,
            until: None,
            interrupt: Arc::default(),
            progress: &|_| {},
            observer: None,
            follower: None,
            wall_clock: &|| 0.0,
        }
    }
}
