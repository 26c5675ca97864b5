//! Puts the payment processor into a world.

use std::rc::Rc;

use ports::observe::Observer;
use runtime::net::Address;
use runtime::world::{HostSpec, ProcessSpec, World};

use super::control::Control;
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
