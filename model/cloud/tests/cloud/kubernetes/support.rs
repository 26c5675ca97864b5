//! A cluster of one service, `echo`, and a caller on each of its nodes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloud::kubernetes::{Autoscaling, Deployed, DeploymentSpec, Machine, Parameters, Plan, Workload, deploy};
use engine::{Control, Engine};
use ports::endpoints::Endpoints;
use ports::health::{Health, HealthCheck};
use ports::metrics::REQUESTS_TAKEN;
use runtime::Time;
use runtime::backend::LocalFuture;
use runtime::call::{CallContext, Caller, serve};
use runtime::net::HostId;

pub use crate::world::*;

/// The limit of a pod, in thousandths of a core.
pub const LIMIT_MILLICORES: u32 = 1_000;

pub const SERVICE: &str = "echo";

/// From the start of a container to its open ports, unless a scene says otherwise.
pub const START: Duration = Duration::from_secs(3);

pub struct Scene {
    pub engine: Engine,
    pub cluster: Deployed,
    pub watcher: Rc<Watcher>,
    /// By zone, what the node there knows of the service, as its pods see it.
    pub known: Rc<RefCell<BTreeMap<String, Endpoints>>>,
    /// How often a container was started.
    pub starts: Rc<Cell<u32>>,
}

/// What is to be in a scene: a node in each zone, and so many replicas of the service.
pub struct Setup {
    pub replicas: u32,
    pub autoscaling: Option<Autoscaling>,
    /// Zones of machines that the group may grow by.
    pub spares: &'static [&'static str],
    /// From the start of a container to its open ports.
    pub start: Duration,
    pub parameters: Parameters,
}

impl Default for Setup {
    fn default() -> Self {
        let parameters = Parameters::default();
        Setup { replicas: 3, autoscaling: None, spares: &[], start: START, parameters }
    }
}

/// A node in each zone, and as many replicas of the service as there should be.
pub fn scene(replicas: u32, parameters: Parameters) -> Scene {
    stage(Setup { replicas, parameters, ..Setup::default() })
}

/// The same with replicas that follow what they use.
pub fn scaled(replicas: u32, autoscaling: Option<Autoscaling>, parameters: Parameters) -> Scene {
    stage(Setup { replicas, autoscaling, parameters, ..Setup::default() })
}

pub fn stage(setup: Setup) -> Scene {
    let Setup { replicas, autoscaling, spares, start, parameters } = setup;
    let mut engine = engine(1, true);
    let watcher = Rc::new(Watcher::default());
    let (known, starts) = (Rc::new(RefCell::new(BTreeMap::new())), Rc::new(Cell::new(0)));
    let (seen, counted) = (known.clone(), starts.clone());
    let machine = |(index, zone): (usize, &&str)| Machine {
        name: format!("node-{index}"),
        zone: (*zone).to_owned(),
        joins: index < ZONES.len(),
    };
    let plan = Plan {
        name: "kubernetes".to_owned(),
        region: REGION.to_owned(),
        machines: ZONES.iter().chain(spares).enumerate().map(machine).collect(),
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
            counted.set(counted.get() + 1);
            let (api_port, health_port) = (workload.api_port, workload.health_port);
            Rc::new(move || -> LocalFuture { Box::pin(echo(start, api_port, health_port)) })
        }),
        balanced: None,
        parameters,
    };
    let cluster = deploy(&mut engine, plan, watcher.clone());
    Scene { engine, cluster, watcher, known, starts }
}

/// Answers with what it was asked, after as many milliseconds of work.
async fn echo(start: Duration, api_port: u16, health_port: u16) {
    runtime::sleep(start).await;
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
    pub fn run(&mut self, seconds: u64) {
        run(&mut self.engine, seconds);
    }

    /// Acts at this second.
    pub fn at(&self, second: u64, act: impl FnOnce(&Control) + 'static) {
        self.engine.control().at(Time::from_secs(second), act);
    }

    /// Sends so many requests of so much work to the oldest pod, so far apart; how long each took.
    pub fn ask(&mut self, count: u32, work_ms: u64, apart: Duration) -> Rc<RefCell<Vec<Duration>>> {
        let pod = self.known.borrow().values().next().expect("a pod runs").addresses()[0];
        let took: Rc<RefCell<Vec<Duration>>> = Rc::default();
        let noted = took.clone();
        lone_process(&mut self.engine, "caller", "d", move || {
            let took = noted.clone();
            async move {
                let caller = Caller::<u64, u64>::connect(pod).await.expect("it serves");
                for _ in 0..count {
                    let (caller, took) = (caller.clone(), took.clone());
                    runtime::spawn(async move {
                        let began = runtime::now();
                        let answer = caller.call(work_ms, CallContext::within(Duration::from_secs(60), 0)).await;
                        assert_eq!(answer, Ok(work_ms));
                        took.borrow_mut().push(runtime::now().since(began));
                    });
                    runtime::sleep(apart).await;
                }
                runtime::task::forever().await;
            }
        });
        took
    }

    /// The pods that run, with their hosts.
    pub fn running(&self) -> Vec<(String, HostId)> {
        let control = self.engine.control();
        let pods = control.processes().into_iter().filter(|(_, name, _)| name.starts_with(SERVICE));
        pods.filter(|(id, ..)| control.is_running(*id)).map(|(_, name, host)| (name.to_string(), host)).collect()
    }

    /// Hosts that callers in a zone send requests to.
    pub fn known_in(&self, zone: &str) -> Vec<HostId> {
        self.known.borrow()[zone].addresses().iter().map(|address| address.host).collect()
    }

    /// When the cluster went into a state, in seconds.
    pub fn when(&self, state: &str) -> Vec<f64> {
        self.watcher.in_state(state).iter().map(|seen| seen.at.as_secs_f64()).collect()
    }
}
