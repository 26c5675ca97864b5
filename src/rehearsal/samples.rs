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
    use engine::testing::{config, host_spec, process};
    use engine::{Engine, Stopped};
    use runtime::world::{HostSpec, World};

    use super::*;

    /// One process that keeps half of its host's only core busy.
    fn half_busy() -> Engine {
        let mut engine = Engine::new(config(1));
        let host = engine.add_host(HostSpec { cores: 1, ..host_spec("host", "zone") });
        process(&mut engine, "busy", host, || async {
            loop {
                runtime::cpu::work(Duration::from_millis(10)).await;
                runtime::sleep(Duration::from_millis(10)).await;
            }
        });
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
