//! Names in fault files, as hosts and processes of the world that was built.

use std::collections::BTreeMap;
use std::rc::Rc;

use engine::Control;
use runtime::net::HostId;
use runtime::world::{HostSpec, INTERNET, ProcessId};

/// Who is where: the world's hosts and processes by every name that a fault may use.
#[derive(Clone, Debug)]
pub struct Places {
    hosts: Vec<(HostId, HostSpec)>,
    processes: Vec<(ProcessId, Rc<str>, HostId)>,
    /// Hosts of services and stores, by the name that stands for all of them.
    groups: BTreeMap<String, Vec<HostId>>,
}

impl Places {
    /// `groups` names the hosts of each service and store.
    #[must_use]
    pub fn new(control: &Control, groups: BTreeMap<String, Vec<HostId>>) -> Self {
        Places { hosts: control.hosts(), processes: control.processes(), groups }
    }

    /// The hosts that a zone's, group's or host's name stands for; empty for a name that stands for nothing.
    #[must_use]
    pub fn hosts(&self, name: &str) -> Vec<HostId> {
        if let Some(hosts) = self.groups.get(name) {
            return hosts.clone();
        }
        let named = self.hosts.iter().filter(|(_, host)| host.name == name || host.zone == name);
        named.map(|(id, _)| *id).collect()
    }

    /// Every host that `inside` does not hold.
    #[must_use]
    pub fn outside(&self, inside: &[HostId]) -> Vec<HostId> {
        self.hosts.iter().map(|(id, _)| *id).filter(|id| !inside.contains(id)).collect()
    }

    /// The processes whose name begins so, in one zone or in all.
    #[must_use]
    pub fn processes_of(&self, prefix: &str, zone: Option<&str>) -> Vec<ProcessId> {
        let is_in = |host: &HostId| zone.is_none_or(|zone| self.hosts[host.0 as usize].1.zone == zone);
        let named = self.processes.iter().filter(|(_, name, host)| name.starts_with(prefix) && is_in(host));
        // What phones ask is their carrier's, and in none of the cloud's zones.
        named.filter(|(.., host)| self.hosts[host.0 as usize].1.zone != INTERNET).map(|(id, ..)| *id).collect()
    }

    /// The processes on the hosts that a name stands for.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<ProcessId> {
        let hosts = self.hosts(name);
        self.processes.iter().filter(|(_, _, host)| hosts.contains(host)).map(|(id, ..)| *id).collect()
    }
}
