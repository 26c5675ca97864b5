//! What must hold between the parts of a blueprint once each part is well formed.

use super::{Blueprint, DATABASE, Latency, PAYMENT_PROCESSOR, PHONES};
use crate::format::name;
use crate::format::report::Report;
use crate::format::tree::Node;

/// The services that the platform has, all of which a blueprint must deploy.
pub const SERVICES: &[&str] = &["gateway", "users", "geo", "matching", "pricing", "trips", "payments"];

/// A blueprint, the tree it was read from, and where to complain.
struct Check<'a> {
    blueprint: &'a Blueprint,
    root: &'a Node,
    report: &'a mut Report,
}

/// Reports every contradiction within a blueprint.
pub(crate) fn check(blueprint: &Blueprint, root: &Node, report: &mut Report) {
    let mut check = Check { blueprint, root, report };
    check.regions();
    check.services();
    check.database();
    check.names_are_unique();
    check.balancer();
    check.latencies();
}

impl Check<'_> {
    fn problem(&mut self, path: &[&str], message: String, suggestion: Option<String>) {
        self.report.problem(self.root.place_of(path), message, suggestion);
    }

    fn zone(&mut self, path: &[&str], zone: &str) {
        let zones: Vec<&str> = self.blueprint.zones().collect();
        if !zones.contains(&zone) {
            let suggestion = name::suggest(zone, &zones);
            self.problem(path, format!("no region of the blueprint has a zone `{zone}`"), suggestion);
        }
    }

    fn regions(&mut self) {
        if self.blueprint.regions.is_empty() {
            self.problem(&["region"], "a blueprint needs at least one region".to_owned(), None);
        }
        let blueprint = self.blueprint;
        for (index, region) in blueprint.regions.iter().enumerate() {
            if region.zones.is_empty() {
                let message = format!("the region `{}` has no zones", region.name);
                self.problem(
                    &["region", &index.to_string(), "zones"],
                    message,
                    Some("such as [\"us-east-1a\"]".to_owned()),
                );
            }
        }
    }

    fn services(&mut self) {
        let blueprint = self.blueprint;
        for (index, service) in blueprint.services.iter().enumerate() {
            let index = index.to_string();
            if !SERVICES.contains(&service.name.as_str()) {
                let message = format!("the platform has no service `{}`", service.name);
                self.problem(&["service", &index, "name"], message, name::suggest(&service.name, SERVICES));
            }
            for (position, zone) in service.zones.iter().enumerate() {
                self.zone(&["service", &index, "zones", &position.to_string()], zone);
            }
        }
        for needed in SERVICES {
            if blueprint.service(needed).is_none() {
                let message = format!("the service `{needed}` is not deployed, and the platform needs it");
                self.problem(&["service"], message, Some(format!("add a [[service]] with name = \"{needed}\"")));
            }
        }
    }

    fn database(&mut self) {
        let rds = &self.blueprint.rds;
        self.zone(&["rds", "primary_zone"], &rds.primary_zone);
        for (index, replica) in rds.read_replicas.iter().enumerate() {
            self.zone(&["rds", "read_replicas", &index.to_string(), "zone"], &replica.zone);
        }
        match &rds.standby_zone {
            Some(zone) => self.zone(&["rds", "standby_zone"], zone),
            None if rds.multi_az => {
                let message = "`multi_az` is true, but `standby_zone` is missing".to_owned();
                self.problem(&["rds"], message, Some("name the standby's zone, or set multi_az = false".to_owned()));
            }
            None => {}
        }
        if rds.multi_az && rds.standby_zone.as_ref() == Some(&rds.primary_zone) {
            let message = format!("primary and standby are both in `{}`", rds.primary_zone);
            let other = self.blueprint.zones().find(|zone| *zone != rds.primary_zone);
            let suggestion = other.map(|zone| format!("move the standby too: rds.standby_zone = \"{zone}\""));
            self.problem(&["rds", "primary_zone"], message, suggestion);
        }
    }

    /// A name must stand for one thing, since faults and partitions name zones, services, stores and hosts alike.
    fn names_are_unique(&mut self) {
        let mut seen: Vec<&str> = vec![DATABASE, PAYMENT_PROCESSOR, PHONES, "load-balancer"];
        let blueprint = self.blueprint;
        let hosts = blueprint.hosts();
        let regions = blueprint.regions.iter().enumerate().flat_map(|(region, described)| {
            let path =
                move |zone: usize| vec!["region".to_owned(), region.to_string(), "zones".to_owned(), zone.to_string()];
            described.zones.iter().enumerate().map(move |(zone, name)| (name.as_str(), path(zone)))
        });
        let services = blueprint.services.iter().enumerate().map(|(index, service)| {
            (service.name.as_str(), vec!["service".to_owned(), index.to_string(), "name".to_owned()])
        });
        for (name, path) in regions.chain(services) {
            self.claim(&mut seen, name, &path);
        }
        // Hosts of replicated things are numbered by this crate; only read replicas are named by people.
        let is_replica = |name: &str| blueprint.rds.read_replicas.iter().any(|replica| replica.name == name);
        seen.extend(hosts.iter().map(|host| host.name.as_str()).filter(|name| !is_replica(name)));
        for (index, replica) in blueprint.rds.read_replicas.iter().enumerate() {
            let path = ["rds", "read_replicas", &index.to_string(), "name"].map(str::to_owned);
            self.claim(&mut seen, &replica.name, &path);
        }
    }

    fn claim<'n>(&mut self, seen: &mut Vec<&'n str>, name: &'n str, path: &[String]) {
        if seen.contains(&name) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            self.problem(&path, format!("the name `{name}` is taken already"), None);
        }
        seen.push(name);
    }

    fn balancer(&mut self) {
        let balancer = &self.blueprint.load_balancer;
        for (index, zone) in balancer.zones.iter().enumerate() {
            self.zone(&["load_balancer", "zones", &index.to_string()], zone);
        }
        if balancer.timeout >= balancer.interval {
            let message =
                "a health check must time out before the next one: `timeout` is not below `interval`".to_owned();
            self.problem(&["load_balancer", "timeout"], message, None);
        }
    }

    fn latencies(&mut self) {
        let network = &self.blueprint.network;
        self.latency(&["network", "same_host"], &network.same_host);
        self.latency(&["network", "same_zone"], &network.same_zone);
        self.latency(&["network", "cross_zone"], &network.cross_zone);
        self.latency(&["network", "cross_region"], &network.cross_region);
        self.latency(&["network", "internet"], &network.internet);
        self.latency(&["payment_processor", "latency"], &self.blueprint.payment_processor.latency);
    }

    fn latency(&mut self, path: &[&str], latency: &Latency) {
        if latency.median > latency.p99 || latency.p99 > latency.maximum() {
            let message = "a latency must rise: median, then p99, then max".to_owned();
            self.problem(path, message, None);
        }
    }
}
