//! Names in fault files, as hosts and processes of the world that was built.

use std::collections::BTreeMap;

use engine::Control;
use runtime::net::HostId;
use runtime::world::{HostSpec, INTERNET, ProcessId};

/// Who is where: the world's hosts and processes by every name that a fault may use. Pods come and go, so a name is looked up when it is used.
#[derive(Clone)]
pub struct Places {
    control: Control,
    hosts: Vec<(HostId, HostSpec)>,
    /// Hosts of services and stores, by the name that stands for all of them.
    groups: BTreeMap<String, Vec<HostId>>,
    /// Services whose replicas are pods of a cluster.
    pods_of: Vec<String>,
}

impl Places {
    /// `groups` names the hosts of each service and store, `pods_of` the services that have no hosts of their own.
    #[must_use]
    pub fn new(control: &Control, groups: BTreeMap<String, Vec<HostId>>, pods_of: Vec<String>) -> Self {
        Places { control: control.clone(), hosts: control.hosts(), groups, pods_of }
    }

    /// The hosts that a zone's, group's or host's name stands for; those on which a service's pods, or a pod, run; empty for a name that
    /// stands for nothing.
    #[must_use]
    pub fn hosts(&self, name: &str) -> Vec<HostId> {
        if let Some(hosts) = self.groups.get(name) {
            return hosts.clone();
        }
        let named = self.hosts.iter().filter(|(_, host)| host.name == name || host.zone == name);
        let mut hosts: Vec<HostId> = named.map(|(id, _)| *id).collect();
        hosts.extend(self.pods(name).map(|(_, host)| host));
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The pods that run now of a service, or the one of this name.
    fn pods(&self, name: &str) -> impl Iterator<Item = (ProcessId, HostId)> {
        let service_of = |process: &str| {
            let (service, number) = process.rsplit_once('-')?;
            let is_pod = number.parse::<u32>().is_ok() && self.pods_of.iter().any(|other| other == service);
            is_pod.then(|| service.to_owned())
        };
        let is_named =
            move |process: &str| service_of(process).is_some_and(|service| service == name || process == name);
        let processes = self.control.processes().into_iter();
        processes
            .filter(move |(id, process, _)| is_named(process) && self.control.is_running(*id))
            .map(|(id, _, host)| (id, host))
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
        let named =
            self.control.processes().into_iter().filter(|(_, name, host)| name.starts_with(prefix) && is_in(host));
        // What phones ask is their carrier's, and in none of the cloud's zones.
        named.filter(|(.., host)| self.hosts[host.0 as usize].1.zone != INTERNET).map(|(id, ..)| id).collect()
    }

    /// The pods that a name stands for, or else the processes on the hosts that it stands for.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<ProcessId> {
        let pods: Vec<ProcessId> = self.pods(name).map(|(id, _)| id).collect();
        if !pods.is_empty() {
            return pods;
        }
        let hosts = self.hosts(name);
        self.control.processes().into_iter().filter(|(_, _, host)| hosts.contains(host)).map(|(id, ..)| id).collect()
    }
}
