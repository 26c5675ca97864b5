//! A machine's resources, each a queue with real waiting: cores, a process's CFS quota, a block volume, egress. Each can
//! be degraded for a while. And its wall clock, which need not agree with anybody's.

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
    pub(crate) clock: WallClock,
    cores: Vec<u64>,
    /// How many times as long work takes as it would undisturbed.
    slowness: f64,
    volume: Volume,
    egress_bytes_per_s: Option<u64>,
    egress_free: u64,
}

impl Host {
    pub(crate) fn new(spec: HostSpec) -> Self {
        assert!(spec.cores > 0, "host {} has no cores", spec.name);
        let cores = vec![0; usize::from(spec.cores)];
        Host {
            powered: true,
            files: BTreeMap::new(),
            clock: WallClock::default(),
            cores,
            slowness: 1.0,
            volume: Volume::new(spec.volume),
            egress_bytes_per_s: spec.egress_bytes_per_s,
            egress_free: 0,
            spec,
        }
    }

    /// Runs `work` first come, first served on the least busy core, within the process's quota; when it is done.
    pub(crate) fn work(&mut self, now: Time, work: Duration, quota: Option<&mut Quota>) -> Time {
        let work = if self.slowness > 1.0 { work.mul_f64(self.slowness) } else { work };
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

    /// Work takes `slowness` times as long as undisturbed, from the next on.
    pub(crate) fn slow_cores(&mut self, slowness: f64) {
        assert!(slowness >= 1.0 && slowness.is_finite(), "a slowness of {slowness}");
        self.slowness = slowness;
    }

    /// The volume takes `slowness` times as long for everything as undisturbed, from the next operation on.
    pub(crate) fn slow_volume(&mut self, slowness: f64) {
        assert!(slowness >= 1.0 && slowness.is_finite(), "a slowness of {slowness}");
        self.volume.slowness = slowness;
    }

    /// Egress is at most `bytes_per_s`, and never more than the host's own.
    pub(crate) fn limit_egress(&mut self, bytes_per_s: Option<u64>) {
        assert!(bytes_per_s != Some(0), "a limit through which nothing passes is a cut");
        self.egress_bytes_per_s = [self.spec.egress_bytes_per_s, bytes_per_s].into_iter().flatten().min();
    }

    /// When a frame of `bytes` has left the host.
    #[inline]
    pub(crate) fn egress(&mut self, now: u64, bytes: u32) -> u64 {
        match self.egress_bytes_per_s {
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

/// What a host's wall clock shows: the run's time, off by an offset and by a drift since some moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock {
    offset_ns: i64,
    drift_ppm: i32,
    since_ns: u64,
}

impl WallClock {
    /// A clock that is `offset_ns` ahead (behind, where negative) from `now` on, and gains `drift_ppm` millionths.
    pub(crate) fn off_by(now: Time, offset_ns: i64, drift_ppm: i32) -> Self {
        WallClock { offset_ns, drift_ppm, since_ns: now.nanos() }
    }

    /// What it shows when the run's clock shows `now`. No clock shows a time before the run's start.
    #[inline]
    pub(crate) fn shows(&self, now: Time) -> Time {
        if self.offset_ns == 0 && self.drift_ppm == 0 {
            return now;
        }
        let gained = i128::from(now.nanos() - self.since_ns) * i128::from(self.drift_ppm) / 1_000_000;
        let shown = i128::from(now.nanos()) + i128::from(self.offset_ns) + gained;
        Time(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }
}

/// CFS quota of one process: so much processor time in each period, then it is throttled until the next.
pub(crate) struct Quota {
    /// Of the process as deployed; none if only its host bounds it.
    own_ns: Option<u64>,
    per_period_ns: u64,
    period: u64,
    used_ns: u64,
}

impl Quota {
    pub(crate) fn new(millicores: u32) -> Self {
        let per_period_ns = per_period(millicores);
        Quota { own_ns: Some(per_period_ns), per_period_ns, period: 0, used_ns: 0 }
    }

    /// Puts a process under a limit, or lifts it: its own limit, if it has one, holds in any case.
    pub(crate) fn limit(quota: &mut Option<Quota>, millicores: Option<u32>) {
        let own_ns = quota.as_ref().and_then(|quota| quota.own_ns);
        let Some(per_period_ns) = [own_ns, millicores.map(per_period)].into_iter().flatten().min() else {
            *quota = None;
            return;
        };
        let quota = quota.get_or_insert(Quota { own_ns, per_period_ns, period: 0, used_ns: 0 });
        quota.per_period_ns = per_period_ns;
        quota.used_ns = quota.used_ns.min(per_period_ns);
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

fn per_period(millicores: u32) -> u64 {
    assert!(millicores > 0, "a CPU limit of nothing");
    u64::from(millicores) * CFS_PERIOD_NS / 1_000
}

/// A block volume: operations and bytes each take their share of a second, a flush adds its own latency.
struct Volume {
    spec: VolumeSpec,
    slowness: f64,
    free: u64,
}

impl Volume {
    fn new(spec: VolumeSpec) -> Self {
        assert!(spec.iops > 0 && spec.throughput_bytes_per_s > 0, "a volume that can do nothing");
        Volume { spec, slowness: 1.0, free: 0 }
    }

    /// When the operations are done. They occupy the volume for the slower of the two limits; the flush's latency is
    /// waited for but does not occupy it.
    fn queue(&mut self, now: u64, operations: u32, bytes: u64, flush: bool) -> u64 {
        let by_operations = u64::from(operations) * 1_000_000_000 / u64::from(self.spec.iops);
        let by_bytes = u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(self.spec.throughput_bytes_per_s))
            .unwrap_or(u64::MAX);
        self.free = now.max(self.free) + self.slowed(by_operations.max(by_bytes));
        if flush { self.free + self.slowed(nanos(self.spec.flush)) } else { self.free }
    }

    fn slowed(&self, span_ns: u64) -> u64 {
        if self.slowness > 1.0 { (span_ns as f64 * self.slowness) as u64 } else { span_ns }
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
    fn a_limit_on_a_process_holds_until_it_is_lifted_and_never_beyond_its_own() {
        let ms = |value: u64| value * 1_000_000;
        let mut quota = Some(Quota::new(500));
        Quota::limit(&mut quota, Some(100));
        assert_eq!(quota.as_mut().unwrap().run(0, ms(15)), (0, ms(105)), "10 ms now, 5 ms in the next period");
        Quota::limit(&mut quota, Some(8_000));
        assert_eq!(quota.as_ref().unwrap().cores(), 0.5);
        let mut free = None;
        Quota::limit(&mut free, Some(250));
        assert_eq!(free.as_ref().unwrap().cores(), 0.25);
        Quota::limit(&mut free, None);
        assert!(free.is_none());
    }

    #[test]
    fn a_wall_clock_is_off_and_drifts_from_the_moment_it_is_set() {
        let at = Time::from_secs(100);
        let behind = WallClock::off_by(at, -2_000_000_000, 500);
        assert_eq!(behind.shows(at), Time::from_secs(98));
        assert_eq!(
            behind.shows(Time::from_secs(1_100)),
            Time(1_098_500_000_000),
            "1000 s at 500 ppm gain half a second"
        );
        assert_eq!(WallClock::off_by(at, -200_000_000_000, 0).shows(at), Time::ZERO);
        assert_eq!(WallClock::default().shows(at), at);
    }

    #[test]
    fn volume_is_bound_by_the_slower_limit() {
        let spec = VolumeSpec { iops: 1_000, throughput_bytes_per_s: 1 << 20, flush: Duration::from_millis(2) };
        let mut volume = Volume::new(spec);
        assert_eq!(volume.queue(0, 10, 0, false), 10_000_000);
        assert_eq!(volume.queue(0, 1, 1 << 19, true), 10_000_000 + 500_000_000 + 2_000_000);
        assert_eq!(volume.queue(0, 1, 0, false), 511_000_000, "the flush's latency does not occupy the volume");
        volume.slowness = 3.0;
        assert_eq!(volume.queue(0, 1, 0, true), 511_000_000 + 3_000_000 + 6_000_000);
    }
}
