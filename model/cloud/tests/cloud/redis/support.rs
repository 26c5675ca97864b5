//! A small world with one store in it, a client that writes all the time, and notes of everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use cloud::dns;
use cloud::redis::{
    ClientParameters, ClusterParameters, Deployed, Mode, ServerParameters, ServerSpec, StoreSpec, deploy,
};
use ports::cache::{Cache, CacheError, Key};
use ports::observe::Observation;
use runtime::Time;

use crate::world;
pub use crate::world::*;

pub type Client = cloud::redis::Client<dns::Client>;

/// What to build.
pub struct Setup {
    pub seed: u64,
    pub wire_check: bool,
    pub mode: Mode,
    pub shards: usize,
    pub replicas: usize,
    pub server: ServerParameters,
    pub client: ClientParameters,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            wire_check: false,
            mode: Mode::Cluster(ClusterParameters::default()),
            shards: 3,
            replicas: 1,
            server: ServerParameters::default(),
            client: ClientParameters::default(),
        }
    }
}

pub type Scene = world::Scene<Deployed>;

impl Store for Deployed {
    type Client = Client;
    type Parameters = ClientParameters;

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn client_of(&self, server: &str, resolver: dns::Client, parameters: ClientParameters) -> Client {
        self.client_of(server, resolver, parameters)
    }
}

impl Setup {
    /// Server `n` of shard `s` is `redis-s-n` in zone `(s + n) mod 3`: `redis-0-0` and its replica `redis-0-1` are in `a` and `b`.
    pub fn build(self) -> Scene {
        let mut engine = engine(self.seed, self.wire_check);
        let watcher = Rc::new(Watcher::default());
        let dns = Rc::new(dns::deploy(&mut engine, REGION, &ZONES, &dns::ServerParameters::default()));
        let server = |shard: usize, number: usize| ServerSpec {
            name: format!("redis-{shard}-{number}"),
            zone: ZONES[(shard + number) % 3].to_owned(),
        };
        let spec = StoreSpec {
            store: "redis".to_owned(),
            endpoint: "redis.internal".to_owned(),
            region: REGION.to_owned(),
            shards: (0..self.shards)
                .map(|shard| (0..=self.replicas).map(|number| server(shard, number)).collect())
                .collect(),
            mode: self.mode,
            monitor_zones: ZONES.map(str::to_owned).to_vec(),
            server: self.server,
            publisher: dns::PublisherParameters::default(),
        };
        let store = Rc::new(deploy(&mut engine, spec, &dns, watcher.clone()));
        Scene { engine, dns, store, watcher, parameters: self.client }
    }
}

impl Scene {
    /// A client in `zone` that from the fifth second on sets a new key, made of `prefix` and a number, every `period`.
    pub fn writer(&mut self, name: &str, zone: &str, prefix: &'static str, period: Duration) -> Outcomes {
        let outcomes = Outcomes::default();
        let written = outcomes.clone();
        self.client(name, zone, move |client| {
            let outcomes = written.clone();
            async move {
                runtime::sleep(Duration::from_secs(5)).await;
                for number in 0.. {
                    let (client, outcomes) = (client.clone(), outcomes.clone());
                    drop(runtime::spawn(async move {
                        let key: Key = format!("{prefix}{number}").into_bytes();
                        let deadline = runtime::now() + Duration::from_secs(1);
                        let result = client.set(key.clone(), "v", deadline).await;
                        outcomes.0.borrow_mut().push((key, runtime::now(), result));
                    }));
                    runtime::sleep(period).await;
                }
            }
        });
        outcomes
    }

    /// Which of these keys a client that looks now does not find.
    pub fn missing(&mut self, wanted: BTreeSet<Key>) -> BTreeSet<Key> {
        let limit = Duration::from_secs(10) + Duration::from_millis(4) * u32::try_from(wanted.len()).unwrap();
        let (connect, asked) = (self.connecting(&self.store.endpoint, "c"), wanted.clone());
        let found = ask(&mut self.engine, "c", limit, move || held(connect(), asked.clone()));
        wanted.difference(&found).cloned().collect()
    }

    /// Runs `body` to its end with a client in zone c, from now on.
    pub fn ask<T: 'static, F: Future<Output = T> + 'static>(&mut self, body: impl Fn(Client) -> F + 'static) -> T {
        let connect = self.connecting(&self.store.endpoint, "c");
        ask(&mut self.engine, "c", Duration::from_secs(20), move || body(connect()))
    }

    /// Keys of acknowledged writes that are not part of what the newest epoch of their store goes back to.
    pub fn lost(&self) -> BTreeSet<Key> {
        // By store: each epoch with what it began with.
        let mut bases: BTreeMap<_, BTreeMap<u64, Option<(u64, u64)>>> = BTreeMap::new();
        let mut lost = BTreeSet::new();
        for observation in self.watcher.all() {
            if let Observation::CacheRecoveredTo { store, epoch, base, .. } = &observation {
                bases.entry(store.clone()).or_default().insert(*epoch, *base);
            }
        }
        for observation in self.watcher.all() {
            let Observation::CacheWriteAcknowledged(write) = &observation else { continue };
            let Some(bases) = bases.get(&write.position.store) else { continue };
            let place = (write.position.epoch, write.position.lsn);
            // From the newest epoch back along what each began with.
            let mut present = bases.last_key_value().map(|(epoch, _)| (*epoch, u64::MAX));
            while let Some((epoch, _)) = present
                && epoch > place.0
            {
                present = bases.get(&epoch).copied().flatten();
            }
            let newer_than_all = bases.last_key_value().is_none_or(|(epoch, _)| place.0 >= *epoch);
            if !newer_than_all && present.is_none_or(|(epoch, offset)| epoch != place.0 || place.1 > offset) {
                lost.extend(write.command.keys().iter().cloned());
            }
        }
        lost
    }
}

/// Which of these keys the client finds.
async fn held(client: Client, wanted: BTreeSet<Key>) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    for key in wanted {
        let deadline = runtime::now() + Duration::from_secs(5);
        if client.get(key.clone(), deadline).await.expect("all is well").is_some() {
            keys.insert(key);
        }
    }
    keys
}

/// What became of each write: its key, when it ended, how.
#[derive(Clone, Default)]
pub struct Outcomes(pub Rc<RefCell<Vec<Outcome>>>);

pub type Outcome = (Key, Time, Result<(), CacheError>);

impl Outcomes {
    pub fn acknowledged(&self) -> BTreeSet<Key> {
        self.0.borrow().iter().filter(|(_, _, result)| result.is_ok()).map(|(key, _, _)| key.clone()).collect()
    }

    /// Keys of writes that were acknowledged between two moments.
    pub fn acknowledged_between(&self, from: Time, to: Time) -> BTreeSet<Key> {
        let within = |at: &Time| from <= *at && *at < to;
        let outcomes = self.0.borrow();
        outcomes.iter().filter(|(_, at, result)| result.is_ok() && within(at)).map(|(key, ..)| key.clone()).collect()
    }

    pub fn errors(&self) -> BTreeMap<String, usize> {
        let mut errors = BTreeMap::new();
        for (_, _, result) in self.0.borrow().iter() {
            if let Err(error) = result {
                *errors.entry(format!("{error:?}")).or_default() += 1;
            }
        }
        errors
    }

    /// The longest span without a failure's end that begins before and ends after `from`: between two successes with errors in between.
    pub fn outage_around(&self, from: Time) -> Duration {
        let mut ends: Vec<(Time, bool)> = self.0.borrow().iter().map(|(_, at, result)| (*at, result.is_ok())).collect();
        ends.sort_unstable();
        let first = ends.iter().find(|(at, ok)| *at >= from && !ok).map(|(at, _)| *at);
        let last = ends.iter().rev().find(|(_, ok)| !ok).map(|(at, _)| *at);
        match (first, last) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}
