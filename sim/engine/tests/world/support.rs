//! A small world to try things in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use engine::{Distances, Engine, EngineConfig, LatencySpec, Stopped};
use runtime::Time;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World};

pub const PORT: u16 = 80;

pub fn config(seed: u64) -> EngineConfig {
    let spread = |median_us, p99_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(p99_us),
        max: Duration::from_micros(p99_us * 5),
    };
    EngineConfig {
        seed,
        distances: Distances {
            same_host: spread(20, 60),
            same_zone: spread(100, 300),
            cross_zone: spread(400, 1_000),
            cross_region: spread(30_000, 38_000),
        },
        wire_check: false,
        draw_order: false,
        trace_window: 0..0,
        fault_points: BTreeMap::new(),
    }
}

pub fn host(engine: &mut Engine, name: &str, zone: &str) -> HostId {
    engine.add_host(HostSpec {
        name: name.into(),
        zone: zone.into(),
        region: "us-east-1".into(),
        cores: 2,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 1_000, throughput_bytes_per_s: 100 << 20, flush: Duration::from_millis(1) },
    })
}

pub fn process<F: Future<Output = ()> + 'static>(
    engine: &mut Engine,
    name: &str,
    host: HostId,
    start: impl Fn() -> F + 'static,
) -> ProcessId {
    let start = Rc::new(move || -> runtime::backend::LocalFuture { Box::pin(start()) });
    engine.add_process(ProcessSpec { name: name.into(), host, cpu_limit_millicores: None, start })
}

/// Serves calls that are answered with the request plus one, after `work` on the processor.
pub async fn add_one(work: Duration) {
    let port = runtime::call::serve(PORT, move |request: u64, _| async move {
        runtime::cpu::work(work).await;
        request + 1
    });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

pub fn at(host: HostId) -> Address {
    Address { host, port: PORT }
}

pub fn run(engine: &mut Engine, seconds: u64) {
    assert_eq!(engine.run_until(Time::from_secs(seconds)), Stopped::Reached);
}

/// Notes of what happened and when, for a test to read.
#[derive(Clone)]
pub struct Notes<T>(Rc<RefCell<Vec<(Time, T)>>>);

impl<T: Clone> Notes<T> {
    pub fn new() -> Self {
        Notes(Rc::default())
    }

    pub fn add(&self, note: T) {
        self.0.borrow_mut().push((runtime::now(), note));
    }

    pub fn all(&self) -> Vec<(Time, T)> {
        self.0.borrow().clone()
    }

    pub fn values(&self) -> Vec<T> {
        self.all().into_iter().map(|(_, value)| value).collect()
    }
}
