//! Where everything stands when the measured time begins: the servers of the blueprint, the pods where the cluster has put them, and whoever
//! watches over both.

use engine::Control;
use reports::run::Placement;
use runtime::net::HostId;
use scenarios::blueprint::{self, Blueprint, Host, Role};

use crate::prepare::Prepared;
use crate::world::{self, Assembled};

/// Group by group: load balancer and cluster or services, pods, stores, then who watches and what is outside the cloud.
pub fn placement(prepared: &Prepared, assembled: &Assembled, control: &Control) -> Vec<Placement> {
    let blueprint = &prepared.loaded.blueprint;
    let is_store = |role: &Role| !matches!(role, Role::Service(_) | Role::LoadBalancer | Role::Node);
    let (stores, fronts): (Vec<Host>, Vec<Host>) = blueprint.hosts().into_iter().partition(|host| is_store(&host.role));
    let mut rows = servers(prepared, fronts);
    rows.extend(pods(blueprint, assembled, control));
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
    use std::sync::Arc;
    use std::time::Duration;

    use crate::prepare::prepare;
    use crate::rehearsal::{Options, rehearse};

    #[test]
    fn every_pod_stands_in_a_zone_on_a_node_and_every_watcher_where_it_watches_from() {
        let prepared = prepare("scenarios/smoke/whole.toml".as_ref(), None).expect("a scenario");
        let options = Options {
            seed: 1,
            out: None,
            wire_check: false,
            window: 0..0,
            until: Some(Duration::from_secs(1)),
            interrupt: Arc::default(),
            observer: None,
            follower: None,
            progress: &|_| {},
            wall_clock: &|| 0.0,
        };
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
