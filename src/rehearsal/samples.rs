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
