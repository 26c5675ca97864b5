//! An engine whose network takes as long for every frame as for the last one, and names for spans of time.

use std::time::Duration;

use engine::{Engine, EngineConfig};

pub use crate::world::*;

pub const MS: Duration = Duration::from_millis(1);

pub fn steady_engine(seed: u64) -> Engine {
    Engine::new(EngineConfig { distances: steady_distances(), wire_check: true, ..config(seed) })
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
