//! Puts a cluster into a world: its control plane, and nodes with their agents. Pods are what comes of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::endpoints::Endpoints;
use ports::observe::Observer;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessSpec, World};

use super::cluster::Cluster;
use super::control_plane::{self, ControlPlanePlan};
use super::kubelet::{self, Images, KubeletPlan};
use super::objects::{DeploymentSpec, NodeSpec};
use super::operator::Operator;
use super::parameters::Parameters;
use super::protocol::{CONTROL_PLANE_PORT, KUBELET_PORT};
use super::records::Records;
use super::registrar::Balanced;

/// A machine that is, or may become, a node.
#[derive(Clone, Debug)]
pub struct Machine {
    pub name: String,
    pub zone: String,
    /// Whether it is a node from the start.
    pub joins: bool,
}

/// What a cluster is to be.
pub struct Plan {
    /// What reports call it; its control plane is the host and process `<name>-control-plane`.
    pub name: String,
    pub region: String,
    pub machines: Vec<Machine>,
    pub deployments: Vec<DeploymentSpec>,
    pub images: Images,
    pub balanced: Option<Balanced>,
    pub parameters: Parameters,
}

/// A cluster of a world.
pub struct Deployed {
    /// Its machines' hosts, in the order of the plan. Each bears its machine's name, and its agent's process does.
    pub nodes: Vec<HostId>,
    /// The host of its control plane.
    pub control_plane: HostId,
    /// What an operator, or a fault, may ask of it.
    pub operator: Operator,
}

/// Adds the cluster's hosts and processes.
///
/// # Panics
/// If a name is taken.
pub fn deploy(world: &mut dyn World, plan: Plan, observer: Rc<dyn Observer>) -> Deployed {
    let Plan { name, region, machines, deployments, images, balanced, parameters } = plan;
    let parameters = Rc::new(parameters);
    let mut host = |name: &str, zone: &str| {
        let node = &parameters.node;
        world.add_host(HostSpec {
            name: name.to_owned(),
            zone: zone.to_owned(),
            region: region.clone(),
            cores: node.cores,
            egress_bytes_per_s: node.egress_bytes_per_s,
            boot: node.boot,
            volume: node.volume,
        })
    };
    let control_plane_name = format!("{name}-control-plane");
    // A zone of its own: AWS runs it over several, and no zone takes it with it.
    let control_plane = host(&control_plane_name, &control_plane_name);
    let nodes: Vec<HostId> = machines.iter().map(|machine| host(&machine.name, &machine.zone)).collect();

    let operator = Operator::default();
    let specs = machines.iter().zip(&nodes).map(|(machine, &host)| NodeSpec {
        name: machine.name.clone(),
        zone: machine.zone.clone(),
        host,
        joins: machine.joins,
    });
    let services: Vec<String> = deployments.iter().map(|deployment| deployment.name.clone()).collect();
    let cluster = Cluster::new((*parameters).clone(), deployments, specs.collect());
    let plan = ControlPlanePlan {
        component: name.as_str().into(),
        zone: control_plane_name.as_str().into(),
        records: Rc::new(Records::new(cluster, nodes.len())),
        nodes: nodes.iter().map(|&host| Address { host, port: KUBELET_PORT }).collect(),
        balanced,
        registration: parameters.registration,
        scaling: parameters.scaling.clone(),
        operator: operator.clone(),
        observer,
    };
    world.add_process(ProcessSpec {
        name: control_plane_name,
        host: control_plane,
        cpu_limit_millicores: None,
        start: Rc::new(move || Box::pin(control_plane::run(plan.clone()))),
    });
    for ((number, machine), &host) in (0u16..).zip(machines).zip(&nodes) {
        let plan = KubeletPlan {
            node: number,
            host,
            zone: machine.zone,
            control_plane: Address { host: control_plane, port: CONTROL_PLANE_PORT },
            parameters: parameters.clone(),
            images: images.clone(),
            endpoints: Rc::new(
                services.iter().map(|service| (service.clone(), Endpoints::default())).collect::<BTreeMap<_, _>>(),
            ),
            containers: Rc::new(RefCell::default()),
            joined: Rc::new(Cell::new(machine.joins)),
        };
        world.add_process(ProcessSpec {
            name: machine.name,
            host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(kubelet::run(plan.clone()))),
        });
    }
    Deployed { nodes, control_plane, operator }
}
