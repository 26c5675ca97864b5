//! The model as a subject: one server and the sessions' clients in a small world of its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud::dns;
use cloud::redis::{self, ControlParameters, Mode, ServerParameters, ServerSpec, StoreSpec};
use engine::testing::{config, lone_process, run_until};
use engine::{Distances, Engine, EngineConfig, LatencySpec};
use ports::observe::{Observation, Observer};
use runtime::Time;

use super::generate::SESSIONS;
use super::{Happened, Script, perform};

const ZONE: &str = "here";

/// Longer than any script takes.
const LIFE: Duration = Duration::from_secs(3_600);

struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation) {}
}

/// Runs a script on a server that holds nothing yet.
#[must_use]
pub fn on_the_model(script: &Script) -> Vec<Happened> {
    let mut engine = engine();
    let names = dns::deploy(&mut engine, ZONE, &[ZONE], &dns::ServerParameters::default());
    let control = ControlParameters { automatic_failover: false, ..ControlParameters::default() };
    let spec = StoreSpec {
        store: "redis".to_owned(),
        endpoint: "redis.internal".to_owned(),
        region: ZONE.to_owned(),
        shards: vec![vec![ServerSpec { name: "redis-0".to_owned(), zone: ZONE.to_owned() }]],
        mode: Mode::Controlled(control),
        monitor_zones: vec![ZONE.to_owned()],
        server: ServerParameters::default(),
        publisher: dns::PublisherParameters::default(),
    };
    let store = Rc::new(redis::deploy(&mut engine, spec, &names, Rc::new(Nobody)));
    let happened = Rc::new(RefCell::new(None));
    let (servers, noted, script) = (names.servers_from(ZONE), happened.clone(), Rc::new(script.clone()));
    lone_process(&mut engine, "clients", ZONE, move || {
        let client = || {
            let resolver = dns::Client::new(servers.clone(), dns::ClientParameters::default());
            store.client(resolver, redis::ClientParameters::default())
        };
        let clients: Vec<_> = (0..SESSIONS).map(|_| client()).collect();
        let (noted, script) = (noted.clone(), script.clone());
        async move {
            // The server has to start first.
            runtime::sleep(Duration::from_secs(1)).await;
            *noted.borrow_mut() = Some(perform(&clients, &script).await);
        }
    });
    let control = engine.control();
    while happened.borrow().is_none() {
        let step = control.now() + Duration::from_secs(1);
        assert!(step < Time::ZERO + LIFE, "the script comes to its end");
        run_until(&mut engine, step);
    }
    happened.take().expect("it was looked at")
}

fn engine() -> Engine {
    let near = LatencySpec {
        median: Duration::from_micros(20),
        p99: Duration::from_micros(60),
        max: Duration::from_micros(200),
    };
    let distances = Distances { same_host: near, same_zone: near, cross_zone: near, cross_region: near };
    Engine::new(EngineConfig { distances, ..config(1) })
}
