//! What the small worlds of all stores are made of: an engine, hosts, and notes of what was observed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Distances, Engine, EngineConfig, LatencySpec};
use ports::observe::{Observation, Observer};
use runtime::net::HostId;
use runtime::world::{HostSpec, VolumeSpec, World};

pub const ZONES: [&str; 3] = ["a", "b", "c"];
pub const REGION: &str = "us-east-1";

/// Remembers every observation.
#[derive(Default)]
pub struct Notes(pub RefCell<Vec<Observation>>);

impl Observer for Notes {
    fn observe(&self, observation: &Observation) {
        self.0.borrow_mut().push(observation.clone());
    }
}

pub fn engine(seed: u64, wire_check: bool) -> Engine {
    let spread = |median_us, p99_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(p99_us),
        max: Duration::from_micros(p99_us * 5),
    };
    Engine::new(EngineConfig {
        seed,
        distances: Distances {
            same_host: spread(20, 60),
            same_zone: spread(100, 300),
            cross_zone: spread(400, 1_000),
            cross_region: spread(30_000, 38_000),
        },
        wire_check,
        draw_order: false,
        trace_window: 0..0,
        fault_points: BTreeMap::new(),
    })
}

pub fn host(engine: &mut Engine, name: &str, zone: &str) -> HostId {
    engine.add_host(HostSpec {
        name: name.to_owned(),
        zone: zone.to_owned(),
        region: REGION.to_owned(),
        cores: 4,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
    })
}
