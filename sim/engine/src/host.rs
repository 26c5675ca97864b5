//! A machine's resources, each a queue with real waiting: cores, a process's CFS quota, a block volume, egress.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::disk::DurableFile;
use runtime::time::nanos;
use runtime::world::{HostSpec, VolumeSpec};

/// CFS bandwidth control's period (source: Linux kernel documentation, `cpu.cfs_period_us` default).
const CFS_PERIOD_NS: u64 = 100_000_000;

pub(crate) struct Host {
    pub(crate) spec: HostSpec,
    pub(crate) powered: bool,
    pub(crate) files: BTreeMap<String, Rc<dyn DurableFile>>,
    cores: Vec<u64>,
    volume: Volume,
    egress_free: u64,
}

impl Host {
    pub(crate) fn new(spec: HostSpec) -> Self {
        assert!(spec.cores > 0, "host {} has no cores", spec.name);
        let cores = vec![0; usize::from(spec.cores)];
        Host { powered: true, files: BTreeMap::new(), cores, volume: Volume::new(spec.volume), egress_free: 0, spec }
    }

    /// Runs `work` first come, first served on the least busy core, within the process's quota; when it is done.
    pub(crate) fn work(&mut self, now: Time, work: Duration, quota: Option<&mut Quota>) -> Time {
        let core = self.cores.iter_mut().min().expect("a host has cores");
        let start = now.nanos().max(*core);
        let (start, end) = match quota {
            Some(quota) => quota.run(start, nanos(work)),
            None => (start, start + nanos(work)),
        };
        // A throttled process leaves its core to others: the core is busy for the work alone.
        *core = start + nanos(work);
        Time(end)
    }

    pub(crate) fn disk_io(&mut self, now: Time, operations: u32, bytes: u64, flush: bool) -> Time {
        Time(self.volume.queue(now.nanos(), operations, bytes, flush))
    }

    /// Nothing on the volume finishes before `until`.
    pub(crate) fn stall_volume(&mut self, until: Time) {
        self.volume.free = self.volume.free.max(until.nanos());
    }

    /// When a frame of `bytes` has left the host.
    #[inline]
    pub(crate) fn egress(&mut self, now: u64, bytes: u32) -> u64 {
        match self.spec.egress_bytes_per_s {
            None => now,
            Some(rate) => {
                let transmission = u64::from(bytes) * 1_000_000_000 / rate;
                self.egress_free = now.max(self.egress_free) + transmission;
                self.egress_free
            }
        }
    }

    /// Power is lost: queues are empty, and files keep what was flushed.
    pub(crate) fn lose_power(&mut self) {
        self.powered = false;
        self.cores.fill(0);
        self.volume.free = 0;
        self.egress_free = 0;
        for file in self.files.values() {
            file.lose_unflushed();
        }
    }
}

/// CFS quota of one process: so much processor time in each period, then it is throttled until the next.
pub(crate) struct Quota {
    per_period_ns: u64,
    period: u64,
    used_ns: u64,
}

impl Quota {
    pub(crate) fn new(millicores: u32) -> Self {
        assert!(millicores > 0, "a CPU limit of nothing");
        Quota { per_period_ns: u64::from(millicores) * CFS_PERIOD_NS / 1_000, period: 0, used_ns: 0 }
    }

    /// The quota as a number of cores.
    pub(crate) fn cores(&self) -> f64 {
        self.per_period_ns as f64 / CFS_PERIOD_NS as f64
    }

    /// When work that could start at `start` starts and ends.
    fn run(&mut self, start: u64, mut work: u64) -> (u64, u64) {
        let mut at = start.max(self.period * CFS_PERIOD_NS);
        if at / CFS_PERIOD_NS > self.period {
            (self.period, self.used_ns) = (at / CFS_PERIOD_NS, 0);
        }
        let mut began = None;
        loop {
            let left = self.per_period_ns - self.used_ns;
            if left > 0 {
                began.get_or_insert(at);
            }
            if work <= left {
                self.used_ns += work;
                return (began.unwrap_or(at), at + work);
            }
            work -= left;
            (self.period, self.used_ns) = (self.period + 1, 0);
            at = self.period * CFS_PERIOD_NS;
        }
    }
}

/// A block volume: operations and bytes each take their share of a second, a flush adds its own latency.
struct Volume {
    spec: VolumeSpec,
    free: u64,
}

impl Volume {
    fn new(spec: VolumeSpec) -> Self {
        assert!(spec.iops > 0 && spec.throughput_bytes_per_s > 0, "a volume that can do nothing");
        Volume { spec, free: 0 }
    }

    /// When the operations are done. They occupy the volume for the slower of the two limits; the flush's latency is
    /// waited for but does not occupy it.
    fn queue(&mut self, now: u64, operations: u32, bytes: u64, flush: bool) -> u64 {
        let by_operations = u64::from(operations) * 1_000_000_000 / u64::from(self.spec.iops);
        let by_bytes = u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(self.spec.throughput_bytes_per_s))
            .unwrap_or(u64::MAX);
        self.free = now.max(self.free) + by_operations.max(by_bytes);
        if flush { self.free + nanos(self.spec.flush) } else { self.free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 500m limit is 50 ms a period; eight busy threads spend it in 6.25 ms and stall for 93.75 ms.
    /// (Arithmetic of CFS bandwidth control; here work is charged in order of arrival.)
    #[test]
    fn quota_is_spent_and_then_throttles() {
        let mut quota = Quota::new(500);
        let ms = |value: u64| value * 1_000_000;
        assert_eq!(quota.run(0, ms(30)), (0, ms(30)));
        assert_eq!(quota.run(ms(30), ms(30)), (ms(30), ms(110)), "20 ms now, 10 ms in the next period");
        assert_eq!(quota.run(ms(120), ms(45)), (ms(120), ms(205)), "40 ms were left in that period");
        assert_eq!(quota.run(ms(1_000), ms(1)), (ms(1_000), ms(1_001)), "idle periods are not saved up");
    }

    #[test]
    fn volume_is_bound_by_the_slower_limit() {
        let spec = VolumeSpec { iops: 1_000, throughput_bytes_per_s: 1 << 20, flush: Duration::from_millis(2) };
        let mut volume = Volume::new(spec);
        assert_eq!(volume.queue(0, 10, 0, false), 10_000_000);
        assert_eq!(volume.queue(0, 1, 1 << 19, true), 10_000_000 + 500_000_000 + 2_000_000);
        assert_eq!(volume.queue(0, 1, 0, false), 511_000_000, "the flush's latency does not occupy the volume");
    }
}
