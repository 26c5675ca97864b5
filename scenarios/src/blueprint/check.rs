//! What must hold between the parts of a blueprint once each part is well formed.

use std::time::Duration;

use super::{
    Blueprint, CACHE, CARRIER, CLUSTER, DATABASE, EVENT_LOG, Kafka, Kubernetes, Latency, NOTIFICATIONS,
    PAYMENT_PROCESSOR, PHONES, RELAY, Redis,
};
use notation::name;
use notation::report::Report;
use notation::tree::Node;

/// A machine that takes this long to launch is given up. Cluster Autoscaler documentation: `--max-node-provision-time` 15 min.
const LAUNCH_MAX: Duration = Duration::from_secs(900);

/// The services that the platform has, all of which a blueprint must deploy.
pub const SERVICES: &[&str] = &["gateway", "users", "vehicles", "geo", "matching", "pricing", "trips", "payments"];

/// Services that a blueprint may deploy where it has an event log.
const AROUND_THE_LOG: &[&str] = &[RELAY, NOTIFICATIONS];

/// Partitions of a topic at most; beyond, brokers would do little else. Assumption.
const PARTITIONS_MAX: u32 = 1_000;

/// Checkers at most: each asks each other. Route 53 documentation: more than fifteen locations.
const CHECKERS_MAX: u32 = 16;

/// Nodes of a cluster at most. Assumption: more than any document asks for.
const NODES_MAX: u32 = 100;

/// Replicas of a service at most, so that with a release's surge callers can tell them apart.
const REPLICAS_MAX: u32 = 48;

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
    check.around_the_log();
    check.database();
    if let Some(redis) = &blueprint.redis {
        check.cache(redis);
    }
    if let Some(kafka) = &blueprint.kafka {
        check.event_log(kafka);
    }
    match &blueprint.kubernetes {
        Some(kubernetes) => check.cluster(kubernetes),
        None => check.without_cluster(),
    }
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
            let known: Vec<&str> = SERVICES.iter().chain(AROUND_THE_LOG).copied().collect();
            if !known.contains(&service.name.as_str()) {
                let message = format!("the platform has no service `{}`", service.name);
                self.problem(&["service", &index, "name"], message, name::suggest(&service.name, &known));
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

    /// What reads or writes the event log needs one, and nobody can tell what nobody wrote.
    fn around_the_log(&mut self) {
        let blueprint = self.blueprint;
        for (index, service) in blueprint.services.iter().enumerate() {
            let path = ["service", &index.to_string(), "name"];
            if !AROUND_THE_LOG.contains(&service.name.as_str()) {
                continue;
            }
            if blueprint.kafka.is_none() {
                let message = format!("the service `{}` needs an event log, and there is none", service.name);
                self.problem(&path, message, Some("add a table [kafka]".to_owned()));
            } else if service.name == NOTIFICATIONS && blueprint.service(RELAY).is_none() {
                let message = "nothing is written for `notifications` to tell: there is no `relay`".to_owned();
                self.problem(&path, message, Some(format!("add a [[service]] with name = \"{RELAY}\"")));
            }
        }
    }

    fn cache(&mut self, redis: &Redis) {
        let refused = |shards: &[Vec<String>]| match shards {
            [] => Some("a cache has at least one shard".to_owned()),
            [_, _, ..] if !redis.cluster_mode => Some("without cluster mode there is one shard".to_owned()),
            _ => None,
        };
        if let Some(message) = refused(&redis.shards) {
            let suggestion = self.blueprint.zones().next().map(|zone| format!("such as [[\"{zone}\"]]"));
            self.problem(&["redis", "shards"], message, suggestion);
        }
        for (shard, zones) in redis.shards.iter().enumerate() {
            let shard = shard.to_string();
            if zones.is_empty() {
                self.problem(&["redis", "shards", &shard], "a shard has at least its primary".to_owned(), None);
            }
            for (server, zone) in zones.iter().enumerate() {
                self.zone(&["redis", "shards", &shard, &server.to_string()], zone);
            }
        }
        if redis.reserved_memory_percent > 99 {
            let message = "nothing is left of the memory for data".to_owned();
            self.problem(&["redis", "reserved_memory_percent"], message, Some("such as 25".to_owned()));
        }
    }

    fn event_log(&mut self, kafka: &Kafka) {
        for (index, zone) in kafka.zones.iter().enumerate() {
            self.zone(&["kafka", "zones", &index.to_string()], zone);
        }
        let zones = self.blueprint.spread(&kafka.zones).len();
        let brokers = u32::try_from(zones).unwrap_or(u32::MAX).saturating_mul(kafka.brokers_per_zone);
        // A broker's number fits a byte.
        if brokers > u32::from(u8::MAX) {
            let message = format!("{brokers} brokers are more than a cluster has");
            self.problem(&["kafka", "brokers_per_zone"], message, None);
        }
        if kafka.replicas > brokers {
            let message = format!("{} replicas need as many brokers, and there are {brokers}", kafka.replicas);
            self.problem(&["kafka", "replicas"], message, Some(format!("at most {brokers}")));
        }
        if kafka.min_in_sync > kafka.replicas {
            let message = format!("{} replicas can never be in step: there are {}", kafka.min_in_sync, kafka.replicas);
            self.problem(&["kafka", "min_in_sync"], message, Some(format!("at most {}", kafka.replicas)));
        }
        if kafka.partitions > PARTITIONS_MAX {
            let message = format!("a topic has at most {PARTITIONS_MAX} partitions, found {}", kafka.partitions);
            self.problem(&["kafka", "partitions"], message, None);
        }
    }

    fn cluster(&mut self, kubernetes: &Kubernetes) {
        for (index, zone) in kubernetes.zones.iter().enumerate() {
            self.zone(&["kubernetes", "zones", &index.to_string()], zone);
        }
        if let Some(most) = kubernetes.nodes_max.filter(|most| *most < kubernetes.nodes) {
            let message = format!("the group begins with {} nodes, and {most} are its most", kubernetes.nodes);
            self.problem(&["kubernetes", "nodes_max"], message, Some(format!("at least {}", kubernetes.nodes)));
        }
        if kubernetes.nodes.max(kubernetes.nodes_max.unwrap_or(0)) > NODES_MAX {
            let key = if kubernetes.nodes > NODES_MAX { "nodes" } else { "nodes_max" };
            self.problem(&["kubernetes", key], format!("a cluster has at most {NODES_MAX} nodes here"), None);
        }
        if kubernetes.allocatable > f64::from(kubernetes.cores) {
            let message = format!("pods cannot request {} of {} cores", kubernetes.allocatable, kubernetes.cores);
            self.problem(&["kubernetes", "allocatable"], message, Some(format!("at most {}", kubernetes.cores)));
        }
        if kubernetes.probe.timeout > kubernetes.probe.period {
            let message = "a probe would begin before the one before it is over".to_owned();
            self.problem(&["kubernetes", "probe", "timeout"], message, Some("at most `period`".to_owned()));
        }
        if kubernetes.launch >= LAUNCH_MAX {
            let message = "the autoscaler gives up a machine that takes 15m or longer".to_owned();
            self.problem(&["kubernetes", "launch"], message, Some("less than \"15m\"".to_owned()));
        }
        let spread = self.blueprint.spread(&kubernetes.zones);
        for (index, service) in self.blueprint.services.iter().enumerate() {
            let path = |key| ["service".to_owned(), index.to_string(), key];
            let mut refuse = |key: &str, message: String, suggestion: Option<String>| {
                let path = path(key.to_owned());
                self.problem(&path.each_ref().map(String::as_str), message, suggestion);
            };
            if service.cpu_request > kubernetes.allocatable || service.cpu_request < 0.001 {
                let message = format!("no node has room for a pod that requests {} cores", service.cpu_request);
                refuse("cpu_request", message, Some(format!("from 0.001 to {}", kubernetes.allocatable)));
            }
            if let Some(zone) = service.zones.iter().find(|zone| !spread.contains(&zone.as_str())) {
                let message = format!("the cluster has no nodes in `{zone}`");
                refuse("zones", message, Some(format!("of: {}", spread.join(", "))));
            }
            let most = service.autoscale.as_ref().map_or(0, |scale| scale.max).max(service.replicas);
            if most > REPLICAS_MAX {
                refuse("replicas", format!("callers tell at most {REPLICAS_MAX} replicas apart, found {most}"), None);
            }
            if let Some(scale) = &service.autoscale {
                if !(scale.min..=scale.max).contains(&service.replicas) {
                    let message =
                        format!("{} replicas are not between {} and {}", service.replicas, scale.min, scale.max);
                    refuse("autoscale", message, Some("min, then replicas, then max".to_owned()));
                }
                if scale.cpu < 0.01 {
                    refuse(
                        "autoscale",
                        "a target is at least a hundredth".to_owned(),
                        Some("such as \"70%\"".to_owned()),
                    );
                }
                if scale.requests.is_some() && [RELAY, NOTIFICATIONS].contains(&service.name.as_str()) {
                    let message = format!("nobody calls `{}`: it takes no requests to be counted", service.name);
                    refuse("autoscale", message, Some("leave `requests` out; `cpu` is enough".to_owned()));
                }
                if scale.requests.is_some_and(|rate| !(0.001..=1e6).contains(&rate)) {
                    let message = "a replica's requests are between 0.001/s and 1000000/s".to_owned();
                    refuse("autoscale", message, Some("such as \"50/s\"".to_owned()));
                }
            }
        }
    }

    /// What only a cluster heeds must not be said to nobody.
    fn without_cluster(&mut self) {
        for (index, service) in self.blueprint.services.iter().enumerate() {
            if service.autoscale.is_some() {
                let message = "nobody scales this: there is no cluster".to_owned();
                self.problem(
                    &["service", &index.to_string(), "autoscale"],
                    message,
                    Some("add a table [kubernetes]".to_owned()),
                );
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
        let mut seen: Vec<&str> =
            vec![DATABASE, CACHE, EVENT_LOG, CARRIER, CLUSTER, PAYMENT_PROCESSOR, PHONES, "load-balancer"];
        let blueprint = self.blueprint;
        let mut hosts = blueprint.hosts();
        if blueprint.kubernetes.is_some() {
            hosts.extend(blueprint.replicas());
            hosts.extend(blueprint.machines());
        }
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
        if let Some(stated) = self.blueprint.route53.as_ref().filter(|stated| stated.checkers > CHECKERS_MAX) {
            let message = format!("{} checkers are more than Route 53 has places for", stated.checkers);
            self.problem(&["route53", "checkers"], message, Some(format!("at most {CHECKERS_MAX}")));
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
        self.latency(&["carrier", "latency"], &self.blueprint.carrier.latency);
    }

    fn latency(&mut self, path: &[&str], latency: &Latency) {
        if latency.median > latency.p99 || latency.p99 > latency.maximum() {
            let message = "a latency must rise: median, then p99, then max".to_owned();
            self.problem(path, message, None);
        }
    }
}
