//! What the processor's own operators set: whether it does its work, and how.

use std::cell::Cell;
use std::rc::Rc;

/// Whether the processor does its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    Serving,
    /// It answers every request with a refusal, at once.
    Refusing,
    /// It takes requests, does nothing and never answers.
    Silent,
}

/// In what the processor departs from its parameters while it serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// How many times as long a decision takes.
    pub slowness: f64,
    /// Instead of the parameter of this name; between 0 and 1.
    pub decline_probability: Option<f64>,
    /// Instead of the parameter of this name; between 0 and 1.
    pub duplicate_probability: Option<f64>,
    /// Instead of the parameter of this name, where it is less.
    pub requests_per_s_max: Option<u32>,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { slowness: 1.0, decline_probability: None, duplicate_probability: None, requests_per_s_max: None }
    }
}

#[derive(Default)]
struct Setting {
    condition: Cell<Condition>,
    tuning: Cell<Tuning>,
}

/// The processor's own operators: what they set holds for requests that arrive from now on. It outlives the processor's process.
#[derive(Clone, Default)]
pub struct Control(Rc<Setting>);

impl Control {
    pub fn set(&self, condition: Condition) {
        self.0.condition.set(condition);
    }

    #[must_use]
    pub fn condition(&self) -> Condition {
        self.0.condition.get()
    }

    pub fn tune(&self, tuning: Tuning) {
        self.0.tuning.set(tuning);
    }

    #[must_use]
    pub fn tuning(&self) -> Tuning {
        self.0.tuning.get()
    }
}
