//! Puts the payment processor into a world, and lets an operator take it out of service.

use std::cell::Cell;
use std::rc::Rc;

use ports::observe::Observer;
use runtime::net::Address;
use runtime::world::{HostSpec, ProcessSpec, World};

use super::parameters::Parameters;
use super::protocol::PORT;
use super::server::{self, Reported, ServerPlan};

/// What the processor is to be.
pub struct Plan<'a> {
    /// Name of its host and process.
    pub name: &'a str,
    /// A zone and a region of its own: it is not in our cloud.
    pub zone: &'a str,
    pub region: &'a str,
    pub parameters: Parameters,
}

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

/// The processor of a world.
#[derive(Clone)]
pub struct Deployed {
    pub address: Address,
    pub control: Control,
}

/// Adds the processor's host and process. Each decision is told to `observer` once it is durable.
pub fn deploy(world: &mut dyn World, plan: Plan<'_>, observer: Rc<dyn Observer>) -> Deployed {
    let host = world.add_host(HostSpec {
        name: plan.name.to_owned(),
        zone: plan.zone.to_owned(),
        region: plan.region.to_owned(),
        // Its computing is not modelled: the rate that it grants us is far below what it can do.
        cores: 1,
        egress_bytes_per_s: None,
        boot: plan.parameters.boot,
        volume: plan.parameters.volume,
    });
    let control = Control::default();
    let server =
        ServerPlan { parameters: plan.parameters, control: control.clone(), observer, reported: Reported::default() };
    world.add_process(ProcessSpec {
        name: plan.name.to_owned(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || Box::pin(server::run(server.clone()))),
    });
    Deployed { address: Address { host, port: PORT }, control }
}
