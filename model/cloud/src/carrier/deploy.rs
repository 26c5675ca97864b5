//! Puts the provider into a world.

use std::rc::Rc;
use std::time::Duration;

use runtime::net::Address;
use runtime::world::{HostSpec, ProcessSpec, VolumeSpec, World};

use super::parameters::Parameters;
use super::protocol::PORT;
use super::server;

/// What the provider is to be.
pub struct Plan<'a> {
    /// Name of its host and process.
    pub name: &'a str,
    /// A zone and a region of its own: it is not in our cloud.
    pub zone: &'a str,
    pub region: &'a str,
    pub parameters: Parameters,
}

/// Adds the provider's host and process, and says where it answers.
pub fn deploy(world: &mut dyn World, plan: Plan<'_>) -> Address {
    let parameters = plan.parameters;
    let host = world.add_host(HostSpec {
        name: plan.name.to_owned(),
        zone: plan.zone.to_owned(),
        region: plan.region.to_owned(),
        // Its computing is not modelled: latency says all.
        cores: 1,
        egress_bytes_per_s: None,
        boot: parameters.boot,
        // It keeps nothing.
        volume: VolumeSpec { iops: 1, throughput_bytes_per_s: 1, flush: Duration::ZERO },
    });
    world.add_process(ProcessSpec {
        name: plan.name.to_owned(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || Box::pin(server::run(parameters))),
    });
    Address { host, port: PORT }
}
