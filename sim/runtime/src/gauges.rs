//! The gauges of a run, as whoever runs the world samples them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A current value. Cheap to set: nothing is recorded until somebody samples.
#[derive(Clone, Debug)]
pub struct Gauge(Rc<Cell<i64>>);

impl Gauge {
    pub fn set(&self, value: i64) {
        self.0.set(value);
    }

    pub fn add(&self, change: i64) {
        self.0.set(self.0.get() + change);
    }
}

type GaugeName = (Rc<str>, &'static str);

/// The gauges of a run, by (process, metric).
#[derive(Debug, Default)]
pub struct Telemetry {
    gauges: RefCell<BTreeMap<GaugeName, Rc<Cell<i64>>>>,
}

impl Telemetry {
    /// A process's gauge of this name, starting at zero.
    pub(crate) fn gauge(&self, process: Rc<str>, metric: &'static str) -> Gauge {
        let value = Rc::new(Cell::new(0));
        self.gauges.borrow_mut().insert((process, metric), value.clone());
        Gauge(value)
    }

    /// Calls `visit(process, metric, value)` for each gauge in order of names.
    pub fn sample(&self, mut visit: impl FnMut(&str, &'static str, i64)) {
        for ((process, metric), value) in self.gauges.borrow().iter() {
            visit(process, metric, value.get());
        }
    }

    /// What a process says now of one metric; none if it says nothing of it.
    #[must_use]
    pub fn value(&self, process: &Rc<str>, metric: &'static str) -> Option<i64> {
        self.gauges.borrow().get(&(process.clone(), metric)).map(|value| value.get())
    }

    /// Forgets a process that ended: it says nothing any more.
    pub fn forget(&self, process: &str) {
        self.gauges.borrow_mut().retain(|(owner, _), _| &**owner != process);
    }
}
