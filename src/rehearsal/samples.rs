//! How full things are: gauges and processor time, sampled every so often.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Control;
use runtime::Time;

/// Remembers what the last sample saw, to tell what was used since.
#[derive(Debug)]
pub struct Samples {
    last: Time,
    processor_time: BTreeMap<u32, Duration>,
}

impl Samples {
    /// The first sample will tell what was used since the start of the run.
    pub fn new() -> Samples {
        Samples { last: Time::ZERO, processor_time: BTreeMap::new() }
    }

    /// Calls `put(component, metric, value)` for every gauge, and for the processor use of every process since the last
    /// call, as a share of what it could have used. Nothing is told of no time at all.
    pub fn take(&mut self, control: &Control, mut put: impl FnMut(&str, &str, f64)) {
        let passed = control.now().since(std::mem::replace(&mut self.last, control.now()));
        if passed.is_zero() {
            return;
        }
        control.telemetry().sample(|process, metric, value| put(process, metric, value as f64));
        for (process, name, _) in control.processes() {
            let used = control.processor_time(process);
            let before = self.processor_time.insert(process.0, used).unwrap_or_default();
            if let Some(capacity) = control.processor_capacity(process) {
                let share = (used - before).as_secs_f64() / (passed.as_secs_f64() * capacity);
                put(&name, "processor.utilisation", share.min(1.0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use engine::{Distances, Engine, EngineConfig, LatencySpec, Stopped};
    use runtime::backend::LocalFuture;
    use runtime::world::{HostSpec, ProcessSpec, VolumeSpec, World};

    use super::*;

    /// One process that keeps half of its host's only core busy.
    fn half_busy() -> Engine {
        let near = LatencySpec {
            median: Duration::from_micros(100),
            p99: Duration::from_micros(300),
            max: Duration::from_micros(900),
        };
        let mut engine = Engine::new(EngineConfig {
            seed: 1,
            distances: Distances { same_host: near, same_zone: near, cross_zone: near, cross_region: near },
            wire_check: false,
            draw_order: false,
            trace_window: 0..0,
            fault_points: BTreeMap::new(),
        });
        let host = engine.add_host(HostSpec {
            name: "host".into(),
            zone: "zone".into(),
            region: "region".into(),
            cores: 1,
            egress_bytes_per_s: None,
            boot: Duration::ZERO,
            volume: VolumeSpec { iops: 1_000, throughput_bytes_per_s: 1 << 20, flush: Duration::from_millis(1) },
        });
        let start = Rc::new(|| -> LocalFuture {
            Box::pin(async {
                loop {
                    runtime::cpu::work(Duration::from_millis(10)).await;
                    runtime::sleep(Duration::from_millis(10)).await;
                }
            })
        });
        engine.add_process(ProcessSpec { name: "busy".into(), host, cpu_limit_millicores: None, start });
        engine
    }

    #[test]
    fn the_last_and_shorter_step_shows_the_same_use_as_the_others() {
        let mut engine = half_busy();
        let control = engine.control();
        let mut samples = Samples::new();
        let mut shares = Vec::new();
        for end_s in [10, 20, 23, 23] {
            assert!(matches!(engine.run_until(Time::from_secs(end_s)), Stopped::Reached));
            samples.take(&control, |_, metric, share| {
                assert_eq!(metric, "processor.utilisation");
                shares.push(share);
            });
        }
        assert_eq!(shares.len(), 3, "of no time at all, nothing is told");
        assert!(shares.iter().all(|share| (share - 0.5).abs() < 0.01), "{shares:?}");
    }
}
