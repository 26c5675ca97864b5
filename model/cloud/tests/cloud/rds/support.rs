//! A small world with one store in it, a client that writes all the time, and notes of everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use cloud::dns;
use cloud::rds::{Deployed, FailoverParameters, PoolParameters, ServerParameters, ServerSpec, StoreSpec, deploy};
use engine::{Engine, LinkFault, Stopped};
use ports::database::{Database, DatabaseError, Isolation, Record, TableSchema, Transaction};
use ports::observe::{Mark, Observation};
use runtime::Time;
use runtime::net::HostId;
use runtime::world::{ProcessId, ProcessSpec, World};

use crate::world;
pub use crate::world::{Notes, REGION, ZONES};

ports::record! {
    /// A row that a writer adds or changes.
    pub struct Entry in "entries" as 1 {
        id: i64,
        amount: i64,
    }
    key(id)
}

pub static TABLES: &[&TableSchema] = &[Entry::SCHEMA];

pub type Client = cloud::rds::Client<dns::Client>;

impl Notes {
    pub fn all(&self) -> Vec<Observation> {
        self.0.borrow().clone()
    }

    /// Moments at which a mark was reported.
    pub fn marks(&self, wanted: Mark) -> Vec<Time> {
        let marked = |observation: &Observation| match observation {
            Observation::ComponentState(state) if state.mark == Some(wanted) => Some(state.at),
            _ => None,
        };
        self.0.borrow().iter().filter_map(marked).collect()
    }

    /// Places in the log of commits that a client was told of.
    pub fn acknowledged(&self) -> BTreeSet<(u64, u64)> {
        let place = |observation: &Observation| match observation {
            Observation::CommitAcknowledged(position) => Some((position.epoch, position.lsn)),
            _ => None,
        };
        self.0.borrow().iter().filter_map(place).collect()
    }

    /// Where each epoch began.
    pub fn recovered(&self) -> BTreeMap<u64, u64> {
        let place = |observation: &Observation| match observation {
            Observation::RecoveredTo { epoch, lsn, .. } => Some((*epoch, *lsn)),
            _ => None,
        };
        self.0.borrow().iter().filter_map(place).collect()
    }

    /// Acknowledged commits that some later epoch began without.
    pub fn lost(&self) -> BTreeSet<(u64, u64)> {
        let recovered = self.recovered();
        let is_lost = |&(epoch, lsn): &(u64, u64)| recovered.range(epoch + 1..).any(|(_, start)| lsn > *start);
        self.acknowledged().into_iter().filter(is_lost).collect()
    }

    /// (epoch, node, from, to) of every span in which a server accepted writes.
    pub fn writable(&self) -> Vec<(u64, String, Time, Time)> {
        let mut spans = Vec::new();
        for observation in self.0.borrow().iter() {
            match observation {
                Observation::WritableSince { node, epoch, at, .. } => {
                    spans.push((*epoch, node.to_string(), *at, Time::MAX));
                }
                Observation::WritableEnded { node, epoch, at, .. } => {
                    let span = spans.iter_mut().find(|span| span.0 == *epoch && *span.1 == **node);
                    span.expect("what ends began").3 = *at;
                }
                _ => {}
            }
        }
        spans
    }

    /// At no moment did two servers accept writes.
    pub fn assert_one_writable(&self) {
        let spans = self.writable();
        assert!(!spans.is_empty());
        for (position, first) in spans.iter().enumerate() {
            for second in &spans[position + 1..] {
                assert!(first.3 <= second.2 || second.3 <= first.2, "two writable at once: {first:?} {second:?}");
            }
        }
    }
}

/// What to build.
pub struct Setup {
    pub seed: u64,
    pub wire_check: bool,
    pub multi_az: bool,
    pub replicas: usize,
    pub server: ServerParameters,
    pub failover: FailoverParameters,
    pub pool: PoolParameters,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            wire_check: false,
            multi_az: true,
            replicas: 0,
            server: ServerParameters::default(),
            failover: FailoverParameters::default(),
            pool: PoolParameters::default(),
        }
    }
}

pub struct Scene {
    pub engine: Engine,
    pub dns: Rc<dns::Deployed>,
    pub store: Rc<Deployed>,
    pub notes: Rc<Notes>,
    pub pool: PoolParameters,
}

impl Setup {
    pub fn build(self) -> Scene {
        let mut engine = world::engine(self.seed, self.wire_check);
        let notes = Rc::new(Notes::default());
        let dns = Rc::new(dns::deploy(&mut engine, REGION, &ZONES, &dns::ServerParameters::default()));
        let server = |name: &str, zone: &str| ServerSpec { name: name.to_owned(), zone: zone.to_owned() };
        let spec = StoreSpec {
            store: "rds".to_owned(),
            endpoint: "rds.internal".to_owned(),
            region: REGION.to_owned(),
            primary: server("rds-primary", "a"),
            standby: self.multi_az.then(|| server("rds-standby", "b")),
            read_replicas: (0..self.replicas)
                .map(|n| server(&format!("rds-replica-{}", n + 1), ZONES[(n + 1) % 3]))
                .collect(),
            monitor_zones: ZONES.map(str::to_owned).to_vec(),
            tables: TABLES,
            server: self.server,
            failover: self.failover,
            publisher: dns::PublisherParameters::default(),
        };
        let store = Rc::new(deploy(&mut engine, spec, &dns, notes.clone()));
        Scene { engine, dns, store, notes, pool: self.pool }
    }
}

impl Scene {
    pub fn host(&mut self, name: &str, zone: &str) -> HostId {
        world::host(&mut self.engine, name, zone)
    }

    /// Runs `body` with a client of the writable server, in a process on a host of its own.
    pub fn client<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        zone: &str,
        body: impl Fn(Client) -> F + 'static,
    ) -> ProcessId {
        let endpoint = self.store.endpoint.clone();
        self.client_of(&endpoint, name, zone, body)
    }

    /// Runs `body` with a client of the server, or endpoint, of this name.
    pub fn client_of<F: Future<Output = ()> + 'static>(
        &mut self,
        server: &str,
        name: &str,
        zone: &str,
        body: impl Fn(Client) -> F + 'static,
    ) -> ProcessId {
        let host = self.host(name, zone);
        let (store, pool, server) = (self.store.clone(), self.pool.clone(), server.to_owned());
        let servers = self.dns.servers_from(zone);
        self.engine.add_process(ProcessSpec {
            name: name.to_owned(),
            host,
            cpu_limit_millicores: None,
            start: Rc::new(move || {
                let resolver = dns::Client::new(servers.clone(), dns::ClientParameters::default());
                Box::pin(body(store.client_of(&server, resolver, pool.clone())))
            }),
        })
    }

    /// A client in `zone` that from the first second on inserts a row every `period`, each in a transaction of its own.
    pub fn writer(&mut self, name: &str, zone: &str, first_id: i64, period: Duration) -> Outcomes {
        let outcomes = Outcomes::default();
        let written = outcomes.clone();
        self.client(name, zone, move |client| {
            let outcomes = written.clone();
            async move {
                runtime::sleep(Duration::from_secs(1)).await;
                for id in first_id.. {
                    let (client, outcomes) = (client.clone(), outcomes.clone());
                    drop(runtime::spawn(async move {
                        let result = insert(&client, id, Duration::from_secs(3)).await;
                        outcomes.0.borrow_mut().push((id, runtime::now(), result));
                    }));
                    runtime::sleep(period).await;
                }
            }
        });
        outcomes
    }

    /// Which of these identifiers the server, or endpoint, of this name does not hold, as a client that looks now sees it.
    pub fn missing(&mut self, server: &str, wanted: BTreeSet<i64>) -> BTreeSet<i64> {
        let found = Rc::new(RefCell::new(None));
        let (noted, asked) = (found.clone(), wanted.clone());
        // A read is a round trip or two: 3 ms each, and time to connect.
        let limit = Duration::from_secs(10) + Duration::from_millis(3) * u32::try_from(wanted.len()).unwrap();
        let name = format!("reader of {server} at {}", self.engine.control().now());
        self.client_of(server, &name, "c", move |client| {
            let (noted, wanted) = (noted.clone(), asked.clone());
            async move {
                let mut ids = BTreeSet::new();
                let deadline = runtime::now() + limit;
                let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.expect("all is well");
                for id in wanted {
                    if transaction.get::<Entry>(id).await.expect("all is well").is_some() {
                        ids.insert(id);
                    }
                }
                transaction.commit().await.expect("it only read");
                *noted.borrow_mut() = Some(ids);
            }
        });
        let until = self.engine.control().now() + limit;
        assert_eq!(self.engine.run_until(until), Stopped::Reached);
        assert_eq!(self.engine.control().panics(), []);
        let found = found.borrow().clone().expect("the reader is done");
        wanted.difference(&found).copied().collect()
    }

    pub fn run(&mut self, seconds: u64) {
        assert_eq!(self.engine.run_until(Time::from_secs(seconds)), Stopped::Reached);
        assert_eq!(self.engine.control().panics(), []);
    }

    /// Hosts in a zone.
    pub fn zone(&self, zone: &str) -> Vec<HostId> {
        let hosts = self.engine.control().hosts();
        hosts.into_iter().filter(|(_, spec)| spec.zone == zone).map(|(host, _)| host).collect()
    }

    /// Cuts a zone off from all others, both ways, between two moments.
    pub fn blackhole(&self, zone: &str, from: Time, to: Time) {
        let inside = self.zone(zone);
        let hosts = self.engine.control().hosts();
        let outside: Vec<HostId> = hosts.iter().map(|(host, _)| *host).filter(|host| !inside.contains(host)).collect();
        self.engine.control().at(from, move |control| {
            let faults = [(&inside, &outside), (&outside, &inside)]
                .map(|(one, other)| control.begin_link_fault(one, other, LinkFault::Cut));
            control.at(to, move |control| faults.into_iter().for_each(|fault| control.end_link_fault(fault)));
        });
    }
}

/// What became of each insertion: identifier, when it ended, how.
#[derive(Clone, Default)]
pub struct Outcomes(pub Rc<RefCell<Vec<Outcome>>>);

pub type Outcome = (i64, Time, Result<(), DatabaseError>);

impl Outcomes {
    pub fn acknowledged(&self) -> BTreeSet<i64> {
        self.0.borrow().iter().filter(|(_, _, result)| result.is_ok()).map(|(id, _, _)| *id).collect()
    }

    pub fn unknown(&self) -> BTreeSet<i64> {
        let unknown = |result: &Result<(), DatabaseError>| *result == Err(DatabaseError::CommitUnknown);
        self.0.borrow().iter().filter(|(_, _, result)| unknown(result)).map(|(id, _, _)| *id).collect()
    }

    /// The longest span between two successes that end after `from`, the first of them before it.
    pub fn outage_around(&self, from: Time) -> Duration {
        let mut ends: Vec<Time> =
            self.0.borrow().iter().filter(|outcome| outcome.2.is_ok()).map(|outcome| outcome.1).collect();
        ends.sort_unstable();
        let spans = ends.windows(2).filter(|pair| pair[1] > from);
        spans.map(|pair| pair[1].since(pair[0])).max().expect("writes succeed again")
    }
}

pub async fn insert(client: &Client, id: i64, limit: Duration) -> Result<(), DatabaseError> {
    let deadline = runtime::now() + limit;
    let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await?;
    transaction.insert(&Entry { id, amount: 0 }).await?;
    transaction.commit().await
}
