//! Where everything stands when the measured time begins, or as soon after it as every pod runs: the servers of the blueprint, the pods where
//! the cluster has put them, and whoever watches over both.

use engine::Control;
use reports::run::Placement;
use runtime::net::HostId;
use scenarios::blueprint::{self, Blueprint, Host, Role};

use crate::prepare::Prepared;
use crate::world::{self, Assembled};

/// Where everything stood when the most pods ran that were seen so far, up to as many as the services have replicas.
pub struct Placed<'a> {
    prepared: &'a Prepared,
    /// The replicas that are pods.
    replicas: usize,
    /// How many pods were seen to run, and everything beside them; none before the first look.
    seen: Option<(usize, Vec<Placement>)>,
}

impl<'a> Placed<'a> {
    /// Nothing was looked at yet.
    pub fn new(prepared: &'a Prepared, assembled: &Assembled) -> Self {
        let services = prepared.loaded.blueprint.services.iter();
        let in_pods = services.filter(|service| assembled.pods_of.contains(&service.name));
        Placed { prepared, replicas: in_pods.map(|service| service.replicas as usize).sum(), seen: None }
    }

    /// Looks again, unless every replica was seen already: a warm-up may be over before the pods have started.
    pub fn look(&mut self, assembled: &Assembled, control: &Control) {
        let known = self.seen.as_ref().map(|(pods, _)| *pods);
        if known.is_some_and(|known| known >= self.replicas) {
            return;
        }
        let pods = pods(&self.prepared.loaded.blueprint, assembled, control);
        if known.is_none_or(|known| pods.len() > known) {
            self.seen = Some((pods.len(), placement(self.prepared, assembled, control, pods)));
        }
    }

    /// What was seen, group by group.
    pub fn rows(&self) -> Vec<Placement> {
        self.seen.as_ref().map_or(Vec::new(), |(_, rows)| rows.clone())
    }
}

/// Group by group: load balancer and cluster or services, pods, stores, then who watches and what is outside the cloud.
fn placement(prepared: &Prepared, assembled: &Assembled, control: &Control, pods: Vec<Placement>) -> Vec<Placement> {
    let blueprint = &prepared.loaded.blueprint;
    let is_store = |role: &Role| !matches!(role, Role::Service(_) | Role::LoadBalancer | Role::Node);
    let (stores, fronts): (Vec<Host>, Vec<Host>) = blueprint.hosts().into_iter().partition(|host| is_store(&host.role));
    let mut rows = servers(prepared, fronts);
    rows.extend(pods);
    rows.extend(servers(prepared, stores));
    for watchers in &assembled.watchers {
        rows.extend(standing(blueprint, control, watchers.group, watchers.role, &watchers.hosts));
    }
    for outside in [blueprint::PAYMENT_PROCESSOR, blueprint::CARRIER] {
        let hosts = assembled.groups.get(outside).map_or(&[][..], Vec::as_slice);
        rows.extend(standing(blueprint, control, outside, "", hosts));
    }
    rows
}

/// Hosts of the blueprint, whose one process bears their name.
fn servers(prepared: &Prepared, hosts: Vec<Host>) -> Vec<Placement> {
    let leaders = world::first_leaders(prepared);
    let shards = prepared.loaded.blueprint.redis.as_ref().map_or(0, |redis| redis.shards.len());
    let place = |host: Host| {
        let (group, role) = match host.role {
            Role::Service(service) => (service, String::new()),
            Role::LoadBalancer => ("load-balancer".to_owned(), "node".to_owned()),
            Role::DatabasePrimary => (blueprint::DATABASE.to_owned(), "primary".to_owned()),
            Role::DatabaseStandby => (blueprint::DATABASE.to_owned(), "standby".to_owned()),
            Role::DatabaseReplica => (blueprint::DATABASE.to_owned(), "read replica".to_owned()),
            Role::Cache { shard, primary } => {
                let role = if primary { "primary" } else { "replica" };
                // Short, so that the report has room for those of several shards in one zone.
                let role = if shards > 1 { format!("{role} {shard}") } else { role.to_owned() };
                (blueprint::CACHE.to_owned(), role)
            }
            Role::Broker => {
                let role = leaders.get(&host.name).cloned().unwrap_or_else(|| "broker".to_owned());
                (blueprint::EVENT_LOG.to_owned(), role)
            }
            Role::Node => (blueprint::CLUSTER.to_owned(), String::new()),
        };
        Placement { group, instance: host.name.clone(), role, zone: host.zone, host: host.name }
    };
    hosts.into_iter().map(place).collect()
}

/// The pods that run, in the order of the blueprint's services: processes beside the agent on the cluster's nodes.
fn pods(blueprint: &Blueprint, assembled: &Assembled, control: &Control) -> Vec<Placement> {
    let nodes = assembled.groups.get(blueprint::CLUSTER).map_or(&[][..], Vec::as_slice);
    let hosts = control.hosts();
    let running: Vec<(String, HostId)> = control
        .processes()
        .into_iter()
        .filter(|(process, _, host)| nodes.contains(host) && control.is_running(*process))
        .map(|(_, name, host)| (name.to_string(), host))
        .collect();
    let of = |service: &blueprint::Service| {
        let mine = running.iter().filter(|(name, _)| name.rsplit_once('-').is_some_and(|(of, _)| of == service.name));
        mine.filter_map(|(name, at)| {
            let (_, host) = hosts.iter().find(|(id, _)| id == at)?;
            let (group, instance, role) = (service.name.clone(), name.clone(), String::new());
            Some(Placement { group, instance, role, zone: host.zone.clone(), host: host.name.clone() })
        })
        .collect::<Vec<_>>()
    };
    blueprint.services.iter().flat_map(of).collect()
}

/// These hosts as members of a group; one that is in none of the blueprint's zones is in no zone.
fn standing(blueprint: &Blueprint, control: &Control, group: &str, role: &str, hosts: &[HostId]) -> Vec<Placement> {
    let found = control.hosts().into_iter().filter(|(id, _)| hosts.contains(id));
    let place = |(_, host): (HostId, runtime::world::HostSpec)| {
        let zone = blueprint.zones().find(|zone| *zone == host.zone).unwrap_or_default().to_owned();
        Placement { group: group.to_owned(), instance: host.name.clone(), role: role.to_owned(), zone, host: host.name }
    };
    found.map(place).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reports::run::Placement;

    use crate::prepare::{Prepared, prepare, prepare_loaded};
    use crate::rehearsal::{Options, rehearse};

    fn pods(prepared: &Prepared, placed: &[Placement]) -> usize {
        let services = &prepared.loaded.blueprint.services;
        placed.iter().filter(|place| services.iter().any(|service| service.name == place.group)).count()
    }

    #[test]
    fn pods_that_start_after_the_warm_up_are_placed_once_all_run_and_where_they_do_not_nobody_is() {
        let warm = prepare("scenarios/smoke/whole.toml".as_ref(), None).expect("a scenario");
        let mut loaded = (*warm.loaded).clone();
        loaded.scenario.warmup = Duration::ZERO;
        let cold = prepare_loaded(&warm.path, loaded).expect("it needs no warm-up");
        let placed = |until| {
            let options = Options { until: Some(until), ..Options::unwatched(1) };
            rehearse(&cold, &options).expect("a run").report.run.placement
        };
        let replicas: u32 = cold.loaded.blueprint.services.iter().map(|service| service.replicas).sum();
        assert_eq!(pods(&cold, &placed(Duration::from_secs(60))), replicas as usize);
        let early = placed(Duration::from_millis(1));
        assert_eq!(pods(&cold, &early), 0, "none can have started");
        assert!(early.iter().any(|place| place.group == "kubernetes"), "its nodes stand: {early:?}");
    }

    #[test]
    fn every_pod_stands_in_a_zone_on_a_node_and_every_watcher_where_it_watches_from() {
        let prepared = prepare("scenarios/smoke/whole.toml".as_ref(), None).expect("a scenario");
        let options = Options { until: Some(Duration::from_secs(1)), ..Options::unwatched(1) };
        let placed = rehearse(&prepared, &options).expect("a run").report.run.placement;
        let of = |group: &str| placed.iter().filter(|place| place.group == group).collect::<Vec<_>>();
        let blueprint = &prepared.loaded.blueprint;
        for service in &blueprint.services {
            let pods = of(&service.name);
            assert_eq!(pods.len(), service.replicas as usize, "{}: {pods:?}", service.name);
            for pod in pods {
                let node = of("kubernetes").into_iter().find(|node| node.instance == pod.host).expect("it is a node");
                assert_eq!(node.zone, pod.zone, "{pod:?}");
            }
        }
        let zones = |group: &str| of(group).iter().map(|place| place.zone.as_str()).collect::<Vec<_>>();
        let all: Vec<&str> = blueprint.zones().collect();
        assert_eq!(zones("rds monitors"), all);
        assert_eq!(zones("kafka ensemble"), all);
        assert_eq!(zones("kubernetes-control-plane"), [""]);
        assert!(zones("route 53 checkers").len() >= 3 && zones("route 53 checkers").iter().all(|zone| zone.is_empty()));
    }
}
