//! Faults that set something. Where several overlap, the world is set to what all of them together come to; where none is
//! left, to what it was.

use cloud::processor::{Condition, Tuning};
use engine::{Control, FaultPointPlan};
use runtime::net::HostId;
use runtime::world::ProcessId;
use scenarios::fault::{FaultKind, FaultPoint};

use crate::surfaces::Surfaces;

/// What one fault sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Hosts whose work takes this many times as long.
    Cores(Vec<HostId>, f64),
    /// Processes that may use this many thousandths of a core.
    Quota(Vec<ProcessId>, u32),
    /// Hosts whose volume takes this many times as long.
    Volume(Vec<HostId>, f64),
    /// Hosts that may send this many bytes a second.
    Egress(Vec<HostId>, u64),
    /// Hosts whose wall clock is off by this many nanoseconds and gains this many millionths.
    Clock(Vec<HostId>, i64, i32),
    /// A place in the code at which whoever gets there crashes.
    Point(FaultPoint),
    /// A fault of the payment processor.
    Processor(FaultKind),
    /// This many times as many riders.
    Surge(f64),
    /// This share of the drivers.
    Away(f64),
}

impl Setting {
    /// Sets what this setting is about to what all that are `open` come to: with this one among them at its onset, and without it at
    /// its end.
    pub fn apply(&self, open: &[&Setting], surfaces: &Surfaces, control: &Control) {
        match self {
            Setting::Cores(hosts, _) => hosts.iter().for_each(|host| {
                let slowness = open.iter().filter_map(|other| match other {
                    Setting::Cores(hosts, slowness) if hosts.contains(host) => Some(slowness),
                    _ => None,
                });
                control.slow_processors(*host, slowness.product());
            }),
            Setting::Volume(hosts, _) => hosts.iter().for_each(|host| {
                let slowness = open.iter().filter_map(|other| match other {
                    Setting::Volume(hosts, slowness) if hosts.contains(host) => Some(slowness),
                    _ => None,
                });
                control.slow_volume(*host, slowness.product());
            }),
            Setting::Egress(hosts, _) => hosts.iter().for_each(|host| {
                let limits = open.iter().filter_map(|other| match other {
                    Setting::Egress(hosts, limit) if hosts.contains(host) => Some(*limit),
                    _ => None,
                });
                control.limit_egress(*host, limits.min());
            }),
            Setting::Quota(processes, _) => processes.iter().for_each(|process| {
                let limits = open.iter().filter_map(|other| match other {
                    Setting::Quota(processes, limit) if processes.contains(process) => Some(*limit),
                    _ => None,
                });
                control.limit_processor(*process, limits.min());
            }),
            Setting::Clock(hosts, ..) => hosts.iter().for_each(|host| {
                // A clock that is set while it is wrong is as wrong as it was set last.
                let last = open.iter().rev().find_map(|other| match other {
                    Setting::Clock(hosts, offset_ns, drift_ppm) if hosts.contains(host) => {
                        Some((*offset_ns, *drift_ppm))
                    }
                    _ => None,
                });
                let (offset_ns, drift_ppm) = last.unwrap_or_default();
                control.skew_clock(*host, offset_ns, drift_ppm);
            }),
            Setting::Point(fault) => {
                let last = open.iter().rev().find_map(|other| match other {
                    Setting::Point(other) if other.point == fault.point => Some(other),
                    _ => None,
                });
                match last {
                    Some(FaultPoint { point, probability, at_most, restart_after, .. }) => {
                        let plan = FaultPointPlan { probability: *probability, at_most: *at_most };
                        control.arm_fault_point(point, plan, Some(*restart_after));
                    }
                    None => control.disarm_fault_point(&fault.point),
                }
            }
            Setting::Processor(_) => set_processor(open, surfaces),
            Setting::Surge(_) => {
                let factors = open.iter().filter_map(|other| match other {
                    Setting::Surge(factor) => Some(factor),
                    _ => None,
                });
                surfaces.crowd.surge(factors.product());
            }
            Setting::Away(_) => {
                let staying = open.iter().filter_map(|other| match other {
                    Setting::Away(share) => Some(1.0 - share),
                    _ => None,
                });
                surfaces.crowd.send_drivers_away(1.0 - staying.product::<f64>());
            }
        }
    }
}

/// Silence outdoes refusal, which outdoes service; slowness multiplies, and of shares and rates the worst counts.
fn set_processor(open: &[&Setting], surfaces: &Surfaces) {
    let (mut silent, mut refusing, mut tuning) = (false, false, Tuning::default());
    let most = |held: Option<f64>, share: f64| Some(held.map_or(share, |held| held.max(share)));
    for setting in open {
        let Setting::Processor(kind) = setting else { continue };
        match kind {
            FaultKind::ProcessorOutage(_) => silent = true,
            FaultKind::ProcessorRefusal(_) => refusing = true,
            FaultKind::ProcessorSlow(fault) => tuning.slowness *= fault.factor,
            FaultKind::ProcessorDeclines(fault) => {
                tuning.decline_probability = most(tuning.decline_probability, fault.share);
            }
            FaultKind::ProcessorDuplicates(fault) => {
                tuning.duplicate_probability = most(tuning.duplicate_probability, fault.share);
            }
            FaultKind::ProcessorThrottle(fault) => {
                let held = tuning.requests_per_s_max.unwrap_or(u32::MAX);
                tuning.requests_per_s_max = Some(held.min(fault.requests_per_s));
            }
            other => unreachable!("{} is no fault of the processor", other.key()),
        }
    }
    surfaces.processor.set(match (silent, refusing) {
        (true, _) => Condition::Silent,
        (false, true) => Condition::Refusing,
        (false, false) => Condition::Serving,
    });
    surfaces.processor.tune(tuning);
}
