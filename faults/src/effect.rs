//! What each kind of fault does to the world, and what takes it away again.
//!
//! Faults of one kind may overlap. What is cut, dark or stopped twice is mended when the last of them ends; what is merely
//! set - slow, tight, off - is worked out anew from all that is still open ([`settings`](crate::settings)).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use cloud::kubernetes;
use engine::{Control, LinkFault, LinkFaultId};
use runtime::net::HostId;
use runtime::world::ProcessId;
use scenarios::fault::{Defect, Direction, FaultKind, Skew};

use crate::places::Places;
use crate::settings::Setting;
use crate::surfaces::Surfaces;

/// The processes of a store's control plane and of DNS, by the zone they are in (the names that the cloud gives them).
const MONITOR: &str = "-control-";
const RESOLVER: &str = "dns-";

/// What a world is acted on through.
pub struct World {
    pub places: Places,
    pub surfaces: Surfaces,
}

/// What takes a fault away again.
pub enum Remedy {
    Power(Vec<HostId>),
    Links(Vec<LinkFaultId>),
    Resume(Vec<ProcessId>),
    Start(Vec<ProcessId>),
    /// It is worked out anew without this.
    Unset(Setting),
    /// It goes on by itself until the cell says no; and then this.
    Repeated(Rc<Cell<bool>>, Box<Remedy>),
    /// Its pods may come back.
    Uncordon(String),
    /// The service's last good release.
    RollBack(String),
    /// It ends by itself.
    Nothing,
}

impl Remedy {
    /// Whether this remedy, still open, keeps another fault's end from mending the same thing.
    fn holds_power(&self, host: HostId) -> bool {
        matches!(self, Remedy::Power(hosts) if hosts.contains(&host))
    }

    fn holds_process(&self, process: ProcessId) -> bool {
        matches!(self, Remedy::Resume(processes) if processes.contains(&process))
    }

    /// The setting that this remedy undoes, if it undoes one.
    pub fn setting(&self) -> Option<&Setting> {
        match self {
            Remedy::Unset(setting) => Some(setting),
            _ => None,
        }
    }
}

impl World {
    /// Works out anew what a fault that just began has set.
    pub fn settle(&self, remedy: &Remedy, open: &[(usize, Remedy)], control: &Control) {
        if let Some(setting) = remedy.setting() {
            let others: Vec<&Setting> = open.iter().filter_map(|(_, other)| other.setting()).collect();
            setting.apply(&others, &self.surfaces, control);
        }
    }

    /// Takes a fault away; `open` holds the remedies of those that last.
    pub fn heal(&self, remedy: Remedy, open: &[(usize, Remedy)], control: &Control) {
        let held = |by: &dyn Fn(&Remedy) -> bool| open.iter().any(|(_, other)| by(other));
        match remedy {
            Remedy::Power(hosts) => {
                let free = hosts.into_iter().filter(|&host| !held(&|other| other.holds_power(host)));
                free.for_each(|host| control.power_on(host));
            }
            Remedy::Resume(processes) => {
                let free = processes.into_iter().filter(|&process| !held(&|other| other.holds_process(process)));
                free.for_each(|process| control.resume(process));
            }
            Remedy::Links(faults) => faults.into_iter().for_each(|fault| control.end_link_fault(fault)),
            Remedy::Start(processes) => processes.into_iter().for_each(|process| control.start(process)),
            Remedy::Unset(_) => self.settle(&remedy, open, control),
            Remedy::Repeated(goes_on, last) => {
                goes_on.set(false);
                self.heal(*last, open, control);
            }
            Remedy::Uncordon(node) => {
                if !held(&|other| matches!(other, Remedy::Uncordon(other) if *other == node)) {
                    self.surfaces.cluster.uncordon(&node);
                }
            }
            Remedy::RollBack(service) => self.surfaces.cluster.roll_back(&service),
            Remedy::Nothing => {}
        }
    }

    /// Does the fault; what heals it, if it lasts.
    pub fn inflict(&self, kind: &FaultKind, control: &Control) -> Option<Remedy> {
        let places = &self.places;
        let set = |setting| Some(Remedy::Unset(setting));
        match kind {
            FaultKind::ZonePowerLoss(fault) => Some(cut_power(places.hosts(&fault.zone), control)),
            FaultKind::HostPowerLoss(fault) => Some(cut_power(places.hosts(&fault.host), control)),
            FaultKind::LoadBalancerNodeLoss(fault) => {
                Some(cut_power(places.hosts(&format!("load-balancer-{}", fault.zone)), control))
            }
            FaultKind::ZoneNetworkBlackhole(fault) => Some(self.isolate(&fault.zone, control)),
            FaultKind::HostNetworkBlackhole(fault) => Some(self.isolate(&fault.host, control)),
            FaultKind::NetworkPartition(fault) => {
                Some(self.between(&fault.from, &fault.to, fault.direction, LinkFault::Cut, control))
            }
            FaultKind::PacketLoss(fault) => {
                let loss = LinkFault::Loss { probability: fault.percent };
                Some(self.between(&fault.from, &fault.to, Direction::Both, loss, control))
            }
            FaultKind::NetworkDelay(fault) => {
                let delay = LinkFault::Delay { added: fault.added };
                Some(self.between(&fault.from, &fault.to, Direction::Both, delay, control))
            }
            FaultKind::NetworkFlap(fault) => {
                let (from, to) = (places.hosts(&fault.from), places.hosts(&fault.to));
                let half = fault.every / 2;
                Some(repeat(fault.every, Remedy::Nothing, control, move |control| {
                    let cut = cut_links(&from, &to, Direction::Both, LinkFault::Cut, control);
                    // Each cut ends by itself, whatever becomes of the fault.
                    control.at(control.now() + half, move |control| {
                        cut.iter().for_each(|link| control.end_link_fault(*link));
                    });
                }))
            }
            FaultKind::NetworkBandwidth(fault) => set(Setting::Egress(places.hosts(&fault.place), fault.limit)),
            FaultKind::ProcessCrash(fault) => {
                let processes = places.processes(&fault.process);
                processes.iter().for_each(|&process| control.crash(process, None));
                Some(Remedy::Start(processes))
            }
            FaultKind::ProcessPause(fault) => Some(pause(places.processes(&fault.process), control)),
            FaultKind::ProcessRestartLoop(fault) => {
                let processes = places.processes(&fault.process);
                Some(repeat(fault.every, Remedy::Start(processes.clone()), control, move |control| {
                    processes.iter().for_each(|&process| control.crash(process, Some(Duration::ZERO)));
                }))
            }
            FaultKind::FaultPoint(fault) => set(Setting::Point(fault.clone())),
            FaultKind::CpuStress(fault) => set(Setting::Cores(places.hosts(&fault.place), 1.0 / (1.0 - fault.share))),
            FaultKind::CpuThrottle(fault) => {
                let millicores = (fault.cores * 1_000.0).clamp(1.0, f64::from(u32::MAX)) as u32;
                set(Setting::Quota(places.processes(&fault.process), millicores))
            }
            FaultKind::ClockSkew(fault) => {
                let sign = if fault.direction == Skew::Ahead { 1 } else { -1 };
                let offset_ns = sign * i64::try_from(fault.by.as_nanos()).unwrap_or(i64::MAX);
                let drift_ppm = i32::try_from(fault.drift_ppm.unwrap_or(0)).unwrap_or(i32::MAX);
                set(Setting::Clock(places.hosts(&fault.place), offset_ns, sign as i32 * drift_ppm))
            }
            FaultKind::DrainNode(fault) => {
                self.surfaces.cluster.drain(&fault.node);
                Some(Remedy::Uncordon(fault.node.clone()))
            }
            FaultKind::KillPod(fault) => {
                self.surfaces.cluster.kill(&fault.service, fault.pods as usize);
                None
            }
            FaultKind::Deploy(fault) => {
                let defect = fault.defect.map(|defect| match defect {
                    Defect::NeverReady => kubernetes::Defect::NeverReady,
                    Defect::FailsRequests => kubernetes::Defect::FailsRequests,
                });
                self.surfaces.cluster.deploy(&fault.service, defect);
                // A good release stays, unless somebody wants the former one back.
                let is_taken_back = defect.is_some() || fault.rollback_after.is_some();
                is_taken_back.then(|| Remedy::RollBack(fault.service.clone()))
            }
            FaultKind::DiskStall(fault) => {
                places.hosts(&fault.host).iter().for_each(|&host| control.stall_volume(host, fault.duration));
                Some(Remedy::Nothing)
            }
            FaultKind::DiskSlow(fault) => set(Setting::Volume(places.hosts(&fault.host), fault.factor)),
            FaultKind::ReplicationStall(fault) => {
                let until = control.now() + fault.duration;
                for replica in &self.surfaces.read_replicas {
                    if fault.replica.as_ref().is_none_or(|named| named == replica) {
                        // A lag beyond the end of the stall: nothing arrives until then.
                        let held = self.surfaces.database.hold_replication(replica, fault.duration * 2, until);
                        held.expect("the loader checked the replica's name");
                    }
                }
                Some(Remedy::Nothing)
            }
            FaultKind::RdsFailover(_) => {
                self.surfaces.database.fail_over();
                None
            }
            FaultKind::PromoteReplica(fault) => {
                let promoted = self.surfaces.database.promote_replica(&fault.replica);
                promoted.expect("the loader checked the replica's name");
                None
            }
            FaultKind::RedisFailover(fault) => {
                self.surfaces.cache.fail_over(&fault.server).expect("the loader checked the server's name");
                None
            }
            FaultKind::RedisReplicationStall(fault) => {
                let until = control.now() + fault.duration;
                // A lag beyond the end of the stall: nothing arrives until then.
                let held = self.surfaces.cache.hold_replication(&fault.server, fault.duration * 2, until);
                held.expect("the loader checked the server's name");
                Some(Remedy::Nothing)
            }
            FaultKind::KafkaReplicationStall(fault) => {
                let until = control.now() + fault.duration;
                let held = self.surfaces.event_log.hold_replication(&fault.broker, until);
                held.expect("the loader checked the broker's name");
                Some(Remedy::Nothing)
            }
            FaultKind::ControlPlaneOutage(fault) => {
                let monitors = format!("{}{MONITOR}", fault.store);
                Some(pause(places.processes_of(&monitors, fault.zone.as_deref()), control))
            }
            FaultKind::DnsOutage(fault) => Some(pause(places.processes_of(RESOLVER, fault.zone.as_deref()), control)),
            FaultKind::ProcessorOutage(_)
            | FaultKind::ProcessorRefusal(_)
            | FaultKind::ProcessorSlow(_)
            | FaultKind::ProcessorDeclines(_)
            | FaultKind::ProcessorDuplicates(_)
            | FaultKind::ProcessorThrottle(_) => set(Setting::Processor(kind.clone())),
            FaultKind::ConnectionStorm(fault) => {
                self.surfaces.crowd.hang_up(fault.share);
                None
            }
            FaultKind::DemandSurge(fault) => set(Setting::Surge(fault.factor)),
            FaultKind::DriversLeave(fault) => set(Setting::Away(fault.share)),
        }
    }

    fn isolate(&self, name: &str, control: &Control) -> Remedy {
        let inside = self.places.hosts(name);
        let outside = self.places.outside(&inside);
        Remedy::Links(cut_links(&inside, &outside, Direction::Both, LinkFault::Cut, control))
    }

    fn between(&self, from: &str, to: &str, direction: Direction, fault: LinkFault, control: &Control) -> Remedy {
        let (from, to) = (self.places.hosts(from), self.places.hosts(to));
        Remedy::Links(cut_links(&from, &to, direction, fault, control))
    }
}

fn cut_power(hosts: Vec<HostId>, control: &Control) -> Remedy {
    hosts.iter().for_each(|&host| control.power_off(host));
    Remedy::Power(hosts)
}

fn pause(processes: Vec<ProcessId>, control: &Control) -> Remedy {
    processes.iter().for_each(|&process| control.pause(process));
    Remedy::Resume(processes)
}

fn cut_links(
    from: &[HostId],
    to: &[HostId],
    direction: Direction,
    fault: LinkFault,
    control: &Control,
) -> Vec<LinkFaultId> {
    let there = control.begin_link_fault(from, to, fault);
    let back = (direction == Direction::Both).then(|| control.begin_link_fault(to, from, fault));
    std::iter::once(there).chain(back).collect()
}

/// Acts now and `every` so often from now on, until it is healed.
fn repeat(every: Duration, last: Remedy, control: &Control, act: impl Fn(&Control) + 'static) -> Remedy {
    let goes_on = Rc::new(Cell::new(true));
    again(every, goes_on.clone(), Rc::new(act), control);
    Remedy::Repeated(goes_on, Box::new(last))
}

fn again(every: Duration, goes_on: Rc<Cell<bool>>, act: Rc<dyn Fn(&Control)>, control: &Control) {
    if !goes_on.get() {
        return;
    }
    act(control);
    control.at(control.now() + every, move |control| again(every, goes_on, act, control));
}
