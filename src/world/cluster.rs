//! The platform's services as pods of a cluster.

use std::collections::BTreeMap;
use std::rc::Rc;

use cloud::kubernetes::{self, Balanced, Defect, DeploymentSpec, Images, Machine, Workload};
use platform::deploy::{Service, Wiring};
use platform::services::Config;
use platform::services::following::Follower;
use ports::observe::Observer;
use runtime::net::Address;
use runtime::world::World;
use scenarios::blueprint::{self, Blueprint, Kubernetes};

use super::stores::Stores;
use super::{parameters, services};
use crate::prepare::Prepared;

/// Adds the cluster, which runs the services and tells the load balancer, by its `registers`, where the gateway's pods are.
pub fn deploy(
    world: &mut dyn World,
    prepared: &Prepared,
    stated: &Kubernetes,
    stores: &Rc<Stores>,
    registers: Vec<Address>,
    observer: Rc<dyn Observer>,
    follower: Option<Rc<dyn Follower>>,
) -> kubernetes::Deployed {
    let blueprint = &prepared.loaded.blueprint;
    let machines = blueprint.machines().into_iter().enumerate().map(|(index, machine)| Machine {
        name: machine.name,
        zone: machine.zone,
        joins: index < stated.nodes as usize,
    });
    let plan = kubernetes::Plan {
        name: blueprint::CLUSTER.to_owned(),
        region: blueprint.regions[0].name.clone(),
        machines: machines.collect(),
        deployments: blueprint.services.iter().map(deployment).collect(),
        images: images(prepared, stores.clone(), follower),
        balanced: Some(Balanced { service: Service::Gateway.name().to_owned(), registers: registers.into() }),
        parameters: parameters::cluster(stated),
    };
    kubernetes::deploy(world, plan, observer)
}

fn deployment(service: &blueprint::Service) -> DeploymentSpec {
    DeploymentSpec {
        name: service.name.clone(),
        replicas: service.replicas,
        zones: service.zones.clone(),
        cpu_request_millicores: parameters::millicores(service.cpu_request),
        cpu_limit_millicores: parameters::millicores(service.cores),
        autoscaling: service.autoscale.as_ref().map(|scale| kubernetes::Autoscaling {
            replicas_min: scale.min,
            replicas_max: scale.max,
            cpu_percent: (scale.cpu * 100.0) as u32,
            requests_milli_per_s: scale.requests.map(|rate| (rate * 1_000.0).round() as u32),
        }),
    }
}

/// What each service's pods run.
fn images(prepared: &Prepared, stores: Rc<Stores>, follower: Option<Rc<dyn Follower>>) -> Images {
    let blueprint: Rc<Blueprint> = Rc::new(prepared.loaded.blueprint.clone());
    let config = |service: &blueprint::Service| (service.name.clone(), parameters::service_config(prepared, service));
    let configs: BTreeMap<String, Config> = blueprint.services.iter().map(config).collect();
    Rc::new(move |workload: &Workload<'_>| {
        let deployed = blueprint.service(workload.service).expect("the cluster's deployments come from it");
        let endpoints = Service::ALL
            .into_iter()
            .filter_map(|service| Some((service, workload.endpoints.get(service.name())?.clone())));
        let config = Config {
            api_port: workload.api_port,
            health_port: workload.health_port,
            fails_calls: workload.release.defect == Some(Defect::FailsRequests),
            ..configs[workload.service].clone()
        };
        let wiring = Rc::new(Wiring {
            config: Rc::new(config),
            session_key: services::session_key(),
            endpoints: endpoints.collect(),
            follower: follower.clone(),
        });
        let main = services::main(deployed, &wiring, &blueprint, &stores, workload.zone);
        services::delayed(deployed.start_time, main)
    })
}
