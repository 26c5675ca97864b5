//! Puts name servers into a world: one a zone, each on a host of its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use runtime::net::Address;
use runtime::world::{HostSpec, ProcessSpec, World};

use super::parameters::ServerParameters;
use super::protocol::{PORT, Record, Update};
use super::server;

/// The name servers of a world.
pub struct Deployed {
    servers: Vec<(String, Address)>,
    zone_file: Rc<RefCell<Vec<Update>>>,
}

/// Adds a host and a server `dns-<zone>` for each zone of a region.
pub fn deploy(world: &mut dyn World, region: &str, zones: &[&str], parameters: &ServerParameters) -> Deployed {
    let zone_file = Rc::new(RefCell::new(Vec::new()));
    let servers = zones.iter().map(|&zone| {
        let name = format!("dns-{zone}");
        let host = world.add_host(HostSpec {
            name: name.clone(),
            zone: zone.to_owned(),
            region: region.to_owned(),
            cores: parameters.cores,
            egress_bytes_per_s: None,
            boot: parameters.boot,
            volume: parameters.volume,
        });
        let (declared, parameters) = (zone_file.clone(), parameters.clone());
        world.add_process(ProcessSpec {
            name,
            host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(server::run(declared.borrow().clone(), parameters.clone()))),
        });
        (zone.to_owned(), Address { host, port: PORT })
    });
    let servers = servers.collect();
    Deployed { servers, zone_file }
}

impl Deployed {
    /// Puts `addresses` behind `name` before the run begins, on every server, as version zero: any update that is published wins.
    pub fn declare(&self, name: &str, addresses: Vec<Address>, ttl: Duration) {
        let record = Record { version: 0, ttl, addresses };
        self.zone_file.borrow_mut().push(Update { name: name.to_owned(), record });
    }

    /// All servers, for a [`Publisher`](super::Publisher).
    #[must_use]
    pub fn servers(&self) -> Vec<Address> {
        self.servers.iter().map(|(_, address)| *address).collect()
    }

    /// All servers in the order in which a [`Client`](super::Client) of `zone` asks them: its own zone's first.
    #[must_use]
    pub fn servers_from(&self, zone: &str) -> Vec<Address> {
        let mut servers: Vec<_> = self.servers.iter().collect();
        servers.sort_by_key(|(of, _)| of != zone);
        servers.into_iter().map(|(_, address)| *address).collect()
    }
}
