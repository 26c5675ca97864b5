//! When each fault begins and heals, and what either does to the world.

use std::cell::RefCell;
use std::rc::Rc;

use cloud::processor::Condition;
use engine::{Control, LinkFault, LinkFaultId};
use runtime::Time;
use runtime::net::HostId;
use runtime::world::ProcessId;
use scenarios::fault::{Direction, Fault, FaultKind};

use crate::places::Places;

/// The control surfaces of the cloud that faults act on, as an operator's API calls would.
#[derive(Clone)]
pub struct Surfaces {
    pub database: cloud::rds::Operator,
    /// The database's read replicas by name.
    pub read_replicas: Vec<String>,
    pub processor: cloud::processor::Control,
}

/// What a fault did and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// Position in the scenario's list, from 0.
    pub index: usize,
    pub onset: Time,
    /// None while it lasts, and for what is over at once.
    pub healed: Option<Time>,
}

/// The faults that began, in order of onset.
#[derive(Clone, Debug, Default)]
pub struct FaultLog(Rc<RefCell<Vec<FaultEntry>>>);

impl FaultLog {
    #[must_use]
    pub fn entries(&self) -> Vec<FaultEntry> {
        self.0.borrow().clone()
    }
}

/// What takes a fault away again.
enum Remedy {
    Power(Vec<HostId>),
    Links(Vec<LinkFaultId>),
    Resume(Vec<ProcessId>),
    Start(Vec<ProcessId>),
    Processor,
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
}

struct World {
    places: Places,
    surfaces: Surfaces,
    log: FaultLog,
    /// Remedies of faults that last, by the fault's position.
    open: RefCell<Vec<(usize, Remedy)>>,
}

/// A scenario's faults on a world.
#[derive(Clone)]
pub struct Schedule(Rc<World>);

impl Schedule {
    /// Arms the faults: each begins at its `at` after `start`, the end of the warm-up.
    #[must_use]
    pub fn arm(faults: &[Fault], start: Time, control: &Control, places: Places, surfaces: Surfaces) -> Self {
        let log = FaultLog::default();
        let schedule = Schedule(Rc::new(World { places, surfaces, log, open: RefCell::default() }));
        for (index, fault) in faults.iter().cloned().enumerate() {
            let this = schedule.clone();
            control.at(start + fault.at, move |control| this.begin(index, &fault.kind, control));
        }
        schedule
    }

    #[must_use]
    pub fn log(&self) -> FaultLog {
        self.0.log.clone()
    }

    /// Heals whatever still lasts: what a run does at its horizon, before it demands convergence.
    pub fn heal_all(&self, control: &Control) {
        let open = self.0.open.take();
        for (index, remedy) in open {
            self.heal(index, remedy, control);
        }
    }

    fn begin(&self, index: usize, kind: &FaultKind, control: &Control) {
        self.0.log.0.borrow_mut().push(FaultEntry { index, onset: control.now(), healed: None });
        let Some(remedy) = self.inflict(kind, control) else { return };
        self.0.open.borrow_mut().push((index, remedy));
        if let Some(span) = kind.heals_after() {
            let this = self.clone();
            control.at(control.now() + span, move |control| {
                let mut open = this.0.open.borrow_mut();
                let Some(at) = open.iter().position(|(other, _)| *other == index) else { return };
                let (_, remedy) = open.remove(at);
                drop(open);
                this.heal(index, remedy, control);
            });
        }
    }

    fn heal(&self, index: usize, remedy: Remedy, control: &Control) {
        let held = |by: &dyn Fn(&Remedy) -> bool| self.0.open.borrow().iter().any(|(_, other)| by(other));
        match remedy {
            Remedy::Power(hosts) => {
                let free = hosts.into_iter().filter(|&host| !held(&|other| other.holds_power(host)));
                free.for_each(|host| control.power_on(host));
            }
            Remedy::Resume(processes) => {
                let free = processes.into_iter().filter(|&process| !held(&|other| other.holds_process(process)));
                free.for_each(|process| control.resume(process));
            }
            Remedy::Processor if held(&|other| matches!(other, Remedy::Processor)) => {}
            Remedy::Processor => self.0.surfaces.processor.set(Condition::Serving),
            Remedy::Links(faults) => faults.into_iter().for_each(|fault| control.end_link_fault(fault)),
            Remedy::Start(processes) => processes.into_iter().for_each(|process| control.start(process)),
            Remedy::Nothing => {}
        }
        if let Some(entry) = self.0.log.0.borrow_mut().iter_mut().find(|entry| entry.index == index) {
            entry.healed = Some(control.now());
        }
    }

    /// Does the fault; what heals it, if it lasts.
    fn inflict(&self, kind: &FaultKind, control: &Control) -> Option<Remedy> {
        let places = &self.0.places;
        match kind {
            FaultKind::ZonePowerLoss(fault) => Some(cut_power(places.hosts(&fault.zone), control)),
            FaultKind::HostPowerLoss(fault) => Some(cut_power(places.hosts(&fault.host), control)),
            FaultKind::ZoneNetworkBlackhole(fault) => {
                let inside = places.hosts(&fault.zone);
                let outside = places.outside(&inside);
                Some(cut_links(&inside, &outside, Direction::Both, LinkFault::Cut, control))
            }
            FaultKind::HostNetworkBlackhole(fault) => {
                let inside = places.hosts(&fault.host);
                let outside = places.outside(&inside);
                Some(cut_links(&inside, &outside, Direction::Both, LinkFault::Cut, control))
            }
            FaultKind::NetworkPartition(fault) => {
                let (from, to) = (places.hosts(&fault.from), places.hosts(&fault.to));
                Some(cut_links(&from, &to, fault.direction, LinkFault::Cut, control))
            }
            FaultKind::PacketLoss(fault) => {
                let (from, to) = (places.hosts(&fault.from), places.hosts(&fault.to));
                let loss = LinkFault::Loss { probability: fault.percent };
                Some(cut_links(&from, &to, Direction::Both, loss, control))
            }
            FaultKind::ProcessCrash(fault) => {
                let processes = places.processes(&fault.process);
                processes.iter().for_each(|&process| control.crash(process, None));
                Some(Remedy::Start(processes))
            }
            FaultKind::ProcessPause(fault) => {
                let processes = places.processes(&fault.process);
                processes.iter().for_each(|&process| control.pause(process));
                Some(Remedy::Resume(processes))
            }
            FaultKind::ReplicationStall(fault) => {
                let until = control.now() + fault.duration;
                for replica in &self.0.surfaces.read_replicas {
                    if fault.replica.as_ref().is_none_or(|named| named == replica) {
                        // A lag beyond the end of the stall: nothing arrives until then.
                        let held = self.0.surfaces.database.hold_replication(replica, fault.duration * 2, until);
                        held.expect("the loader checked the replica's name");
                    }
                }
                Some(Remedy::Nothing)
            }
            FaultKind::RdsFailover(_) => {
                self.0.surfaces.database.fail_over();
                None
            }
            FaultKind::PromoteReplica(fault) => {
                let promoted = self.0.surfaces.database.promote_replica(&fault.replica);
                promoted.expect("the loader checked the replica's name");
                None
            }
            FaultKind::ProcessorOutage(_) => {
                self.0.surfaces.processor.set(Condition::Silent);
                Some(Remedy::Processor)
            }
        }
    }
}

fn cut_power(hosts: Vec<HostId>, control: &Control) -> Remedy {
    hosts.iter().for_each(|&host| control.power_off(host));
    Remedy::Power(hosts)
}

fn cut_links(from: &[HostId], to: &[HostId], direction: Direction, fault: LinkFault, control: &Control) -> Remedy {
    let there = control.begin_link_fault(from, to, fault);
    let back = (direction == Direction::Both).then(|| control.begin_link_fault(to, from, fault));
    Remedy::Links(std::iter::once(there).chain(back).collect())
}
