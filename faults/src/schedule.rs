//! When each fault begins and heals. What either does to the world is the matter of [`effect`](crate::effect).

use std::cell::RefCell;
use std::rc::Rc;

use engine::Control;
use runtime::Time;
use scenarios::fault::{Fault, FaultKind};

use crate::effect::{Remedy, World};
use crate::places::Places;
use crate::surfaces::Surfaces;

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

struct Inner {
    world: World,
    log: FaultLog,
    /// Remedies of faults that last, by the fault's position.
    open: RefCell<Vec<(usize, Remedy)>>,
}

/// A scenario's faults on a world.
#[derive(Clone)]
pub struct Schedule(Rc<Inner>);

impl Schedule {
    /// Arms the faults: each begins at its `at` after `start`, the end of the warm-up.
    #[must_use]
    pub fn arm(faults: &[Fault], start: Time, control: &Control, places: Places, surfaces: Surfaces) -> Self {
        let world = World { places, surfaces };
        let schedule = Schedule(Rc::new(Inner { world, log: FaultLog::default(), open: RefCell::default() }));
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
        let Some(remedy) = self.0.world.inflict(kind, control) else { return };
        let mut open = self.0.open.borrow_mut();
        open.push((index, remedy));
        self.0.world.settle(&open[open.len() - 1].1, &open, control);
        drop(open);
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
        self.0.world.heal(remedy, &self.0.open.borrow(), control);
        if let Some(entry) = self.0.log.0.borrow_mut().iter_mut().find(|entry| entry.index == index) {
            entry.healed = Some(control.now());
        }
    }
}
