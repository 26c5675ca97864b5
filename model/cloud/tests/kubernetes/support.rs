//! A cluster of one service, `echo`, and a caller on each of its nodes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloud::kubernetes::{Autoscaling, Deployed, DeploymentSpec, Machine, Parameters, Plan, Workload, deploy};
use engine::{Control, Engine, Stopped};
use ports::endpoints::Endpoints;
use ports::health::{Health, HealthCheck};
use ports::metrics::REQUESTS_TAKEN;
use ports::observe::Observation;
use runtime::Time;
use runtime::backend::LocalFuture;
use runtime::call::serve;
use runtime::net::HostId;
use runtime::world::ProcessId;

use crate::world::{self, Notes, REGION, ZONES};

/// The limit of a pod, in thousandths of a core.
pub const LIMIT_MILLICORES: u32 = 1_000;

pub const SERVICE: &str = "echo";

/// From the start of a container to its open ports.
pub const START: Duration = Duration::from_secs(3);

pub struct Scene {
    pub engine: Engine,
    pub cluster: Deployed,
    pub notes: Rc<Notes>,
    /// By zone, what the node there knows of the service, as its pods see it.
    pub known: Rc<RefCell<BTreeMap<String, Endpoints>>>,
}

/// A node in each zone, and as many replicas of the service as there should be.
pub fn scene(replicas: u32, parameters: Parameters) -> Scene {
    scaled(replicas, None, parameters)
}

/// The same with replicas that follow what they use.
pub fn scaled(replicas: u32, autoscaling: Option<Autoscaling>, parameters: Parameters) -> Scene {
    let mut engine = world::engine(1, true);
    let notes = Rc::new(Notes::default());
    let known = Rc::new(RefCell::new(BTreeMap::new()));
    let seen = known.clone();
    let machine = |(index, zone): (usize, &&str)| Machine {
        name: format!("node-{index}"),
        zone: (*zone).to_owned(),
        joins: true,
    };
    let plan = Plan {
        name: "kubernetes".to_owned(),
        region: REGION.to_owned(),
        machines: ZONES.iter().enumerate().map(machine).collect(),
        deployments: vec![DeploymentSpec {
            name: SERVICE.to_owned(),
            replicas,
            zones: Vec::new(),
            cpu_request_millicores: 500,
            cpu_limit_millicores: LIMIT_MILLICORES,
            autoscaling,
        }],
        images: Rc::new(move |workload: &Workload<'_>| {
            seen.borrow_mut().insert(workload.zone.to_owned(), workload.endpoints[SERVICE].clone());
            let (api_port, health_port) = (workload.api_port, workload.health_port);
            Rc::new(move || -> LocalFuture { Box::pin(echo(api_port, health_port)) })
        }),
        balanced: None,
        parameters,
    };
    let cluster = deploy(&mut engine, plan, notes.clone());
    Scene { engine, cluster, notes, known }
}

/// Answers with what it was asked, after as many milliseconds of work.
async fn echo(api_port: u16, health_port: u16) {
    runtime::sleep(START).await;
    let _health = serve(health_port, |HealthCheck, _| async { Health::Healthy }).expect("the port is the pod's own");
    let taken = runtime::telemetry::gauge(REQUESTS_TAKEN);
    let api = serve(api_port, move |work_ms: u64, _| {
        taken.add(1);
        async move {
            runtime::cpu::work(Duration::from_millis(work_ms)).await;
            work_ms
        }
    });
    let _api = api.expect("the port is the pod's own");
    runtime::task::forever().await;
}

impl Scene {
    /// Runs on to this second.
    pub fn until(&mut self, second: u64) {
        assert_eq!(self.engine.run_until(Time::from_secs(second)), Stopped::Reached);
    }

    /// Acts at this second.
    pub fn at(&self, second: u64, act: impl FnOnce(&Control) + 'static) {
        self.engine.control().at(Time::from_secs(second), act);
    }

    /// The pods that run, with their hosts.
    pub fn running(&self) -> Vec<(String, HostId)> {
        let control = self.engine.control();
        let pods = control.processes().into_iter().filter(|(_, name, _)| name.starts_with(SERVICE));
        pods.filter(|(id, ..)| control.is_running(*id)).map(|(_, name, host)| (name.to_string(), host)).collect()
    }

    /// A process by its name.
    pub fn process(&self, name: &str) -> ProcessId {
        let processes = self.engine.control().processes();
        processes.into_iter().find(|(_, other, _)| &**other == name).unwrap_or_else(|| panic!("there is no {name}")).0
    }

    /// Hosts that callers in a zone send requests to.
    pub fn known_in(&self, zone: &str) -> Vec<HostId> {
        self.known.borrow()[zone].addresses().iter().map(|address| address.host).collect()
    }

    /// When the cluster went into a state, in seconds.
    pub fn when(&self, state: &str) -> Vec<f64> {
        let of = |observation: &Observation| match observation {
            Observation::ComponentState(seen) if seen.state == state => Some(seen.at.as_secs_f64()),
            _ => None,
        };
        self.notes.0.borrow().iter().filter_map(of).collect()
    }
}
