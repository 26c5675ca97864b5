//! A small world with one store in it, a client that writes all the time, and notes of everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use cloud::dns;
use cloud::rds::{Deployed, FailoverParameters, PoolParameters, ServerParameters, ServerSpec, StoreSpec, deploy};
use ports::database::{Database, DatabaseError, Isolation, Record, TableSchema, Transaction};
use ports::observe::Observation;
use runtime::Time;

use crate::world;
pub use crate::world::*;

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

pub type Scene = world::Scene<Deployed>;

impl Store for Deployed {
    type Client = Client;
    type Parameters = PoolParameters;

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn client_of(&self, server: &str, resolver: dns::Client, parameters: PoolParameters) -> Client {
        self.client_of(server, resolver, parameters)
    }
}

impl Setup {
    pub fn build(self) -> Scene {
        let mut engine = engine(self.seed, self.wire_check);
        let watcher = Rc::new(Watcher::default());
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
        let store = Rc::new(deploy(&mut engine, spec, &dns, watcher.clone()));
        Scene { engine, dns, store, watcher, parameters: self.pool }
    }
}

impl Scene {
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
        // A read is a round trip or two: 3 ms each, and time to connect.
        let limit = Duration::from_secs(10) + Duration::from_millis(3) * u32::try_from(wanted.len()).unwrap();
        let (connect, asked) = (self.connecting(server, "c"), wanted.clone());
        let found = ask(&mut self.engine, "c", limit, move || held(connect(), asked.clone(), limit));
        wanted.difference(&found).copied().collect()
    }

    /// Places in the log of commits that a client was told of.
    pub fn acknowledged(&self) -> BTreeSet<(u64, u64)> {
        let told = self.watcher.find(|observation| match observation {
            Observation::CommitAcknowledged(position) => Some((position.epoch, position.lsn)),
            _ => None,
        });
        told.into_iter().collect()
    }

    /// Acknowledged commits that some later epoch began without.
    pub fn lost(&self) -> BTreeSet<(u64, u64)> {
        let recovered = self.watcher.find(|observation| match observation {
            Observation::RecoveredTo { epoch, lsn, .. } => Some((*epoch, *lsn)),
            _ => None,
        });
        let recovered: BTreeMap<u64, u64> = recovered.into_iter().collect();
        let is_lost = |&(epoch, lsn): &(u64, u64)| recovered.range(epoch + 1..).any(|(_, start)| lsn > *start);
        self.acknowledged().into_iter().filter(is_lost).collect()
    }

    /// At no moment did two servers accept writes.
    pub fn assert_one_writable(&self) {
        let spans = self.watcher.writable();
        assert!(!spans.is_empty());
        for (position, first) in spans.iter().enumerate() {
            for second in &spans[position + 1..] {
                assert!(
                    first.to <= second.from || second.to <= first.from,
                    "two writable at once: {first:?} {second:?}"
                );
            }
        }
    }
}

/// Which of these identifiers the client's server holds.
async fn held(client: Client, wanted: BTreeSet<i64>, limit: Duration) -> BTreeSet<i64> {
    let mut ids = BTreeSet::new();
    let deadline = runtime::now() + limit;
    let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.expect("all is well");
    for id in wanted {
        if transaction.get::<Entry>(id).await.expect("all is well").is_some() {
            ids.insert(id);
        }
    }
    transaction.commit().await.expect("it only read");
    ids
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
