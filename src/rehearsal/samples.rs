//! How full things are: gauges and processor time, sampled at equal distances.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Control;

/// Remembers what the last sample saw, to tell what was used since.
#[derive(Debug, Default)]
pub struct Samples {
    processor_time: BTreeMap<u32, Duration>,
}

impl Samples {
    /// Calls `put(component, metric, value)` for every gauge, and for the processor use of every process over the `step`
    /// since the last call, as a share of what it may use.
    pub fn take(&mut self, control: &Control, step: Duration, mut put: impl FnMut(&str, &str, f64)) {
        control.telemetry().sample(|process, metric, value| put(process, metric, value as f64));
        for (process, name, _) in control.processes() {
            let used = control.processor_time(process);
            let before = self.processor_time.insert(process.0, used).unwrap_or_default();
            if let Some(capacity) = control.processor_capacity(process) {
                let share = (used - before).as_secs_f64() / (step.as_secs_f64() * capacity);
                put(&name, "processor.utilisation", share.min(1.0));
            }
        }
    }
}
