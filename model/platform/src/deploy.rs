//! From a service's name to a running replica of it: who calls whom, and with what.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use ports::cache::Cache;
use ports::database::Database;
use ports::endpoints::Endpoints;
use ports::event_log::{EventLog, EventLogError};
use ports::processor::Processor;
use runtime::backend::LocalFuture;
use runtime::net::Frame;

use crate::domain::session::SessionKey;
use crate::services::fleet::Fleet;
use crate::services::following::{Follower, Following, Request};
use crate::services::notifications::{self, Carrier};
use crate::services::nudges::{CacheNudges, NoNudges, Nudges};
use crate::services::peers::Peers;
use crate::services::pricing::shelf::{CacheShelf, NoShelf};
use crate::services::users::profiles::{CachedProfiles, NoProfiles};
use crate::services::{Config, gateway, geo, matching, payments, pricing, relay, trips, users, vehicles};

/// The services there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Gateway,
    Users,
    Vehicles,
    Geo,
    Pricing,
    Matching,
    Trips,
    Payments,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 8] = [
        Self::Gateway,
        Self::Users,
        Self::Vehicles,
        Self::Geo,
        Self::Pricing,
        Self::Matching,
        Self::Trips,
        Self::Payments,
    ];

    /// Its name in blueprints and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Users => "users",
            Self::Vehicles => "vehicles",
            Self::Geo => "geo",
            Self::Pricing => "pricing",
            Self::Matching => "matching",
            Self::Trips => "trips",
            Self::Payments => "payments",
        }
    }

    /// The service of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What all replicas of a platform share.
#[derive(Clone, Debug)]
pub struct Wiring {
    pub config: Rc<Config>,
    pub session_key: SessionKey,
    /// Where each service's replicas answer calls.
    pub endpoints: BTreeMap<Service, Endpoints>,
    /// Whoever follows one trip through the services' calls.
    pub follower: Option<Rc<dyn Follower>>,
}

impl Wiring {
    fn peers<Q: Frame + Clone + Request, A: Frame>(&self, service: Service) -> Peers<Q, A> {
        let endpoints = self.endpoints.get(&service).cloned().unwrap_or_default();
        let following = self.follower.clone().map(|follower| Following {
            follower,
            from: runtime::process_name(),
            to: service.name(),
        });
        Peers::new(endpoints, self.config.calls, &format!("peers.{service}"), following)
    }

    fn fleet(&self) -> Fleet {
        Fleet::new(self.peers(Service::Geo), self.config.shared_locations)
    }

    fn behind_the_gateway(&self) -> gateway::Services {
        gateway::Services {
            users: self.peers(Service::Users),
            geo: self.peers(Service::Geo),
            pricing: self.peers(Service::Pricing),
            matching: self.peers(Service::Matching),
            trips: self.peers(Service::Trips),
            payments: self.peers(Service::Payments),
        }
    }

    fn neighbours_of_trips(&self) -> trips::Neighbours {
        trips::Neighbours {
            matching: self.peers(Service::Matching),
            payments: self.peers(Service::Payments),
            fleet: self.fleet(),
        }
    }
}

/// Connects to something inside a process, afresh in each of its lives.
pub type Connect<T> = Box<dyn Fn() -> T>;

/// How the replicas of services connect to what is not theirs.
pub struct Clients<D, P, C> {
    pub database: Connect<D>,
    /// To a copy of the database, where there is one: the trips service reads receipts from it.
    pub copy: Option<Connect<D>>,
    pub processor: Connect<P>,
    /// Where there is one, the gateway hears through it of what happens and keeps the requests of phones that listen; users keeps in it
    /// what is asked about riders soon; geo shares in it where drivers wait, which others ask for because
    /// [`shared_locations`](Config::shared_locations) is set; pricing leaves its surge in it; and matching and trips nudge through it.
    pub cache: Option<Connect<C>>,
}

/// What starts one replica of a service.
///
/// # Panics
/// If there is a cache without [`shared_locations`](Config::shared_locations), or the other way round: geo would share what nobody asks
/// for, or be asked for what it does not share.
pub fn start<D: Database, P: Processor, C: Cache>(
    service: Service,
    wiring: Rc<Wiring>,
    clients: Clients<D, P, C>,
) -> Rc<dyn Fn() -> LocalFuture> {
    assert_eq!(
        clients.cache.is_some(),
        wiring.config.shared_locations,
        "locations are shared in the cache, if there is one"
    );
    Rc::new(move || {
        let Clients { database, copy, processor, cache } = &clients;
        let (config, key) = (wiring.config.clone(), wiring.session_key);
        match (service, cache) {
            (Service::Gateway, None) => Box::pin(gateway::run(config, key, wiring.behind_the_gateway())),
            (Service::Gateway, Some(cache)) => {
                Box::pin(gateway::run_hearing(config, key, wiring.behind_the_gateway(), cache()))
            }
            (Service::Users, None) => {
                Box::pin(users::run(config, key, wiring.peers(Service::Vehicles), NoProfiles, database()))
            }
            (Service::Users, Some(cache)) => {
                let vehicles = wiring.peers(Service::Vehicles);
                let profiles = CachedProfiles::new(cache(), config.cache_timeout);
                Box::pin(users::run(config, key, vehicles, profiles, database()))
            }
            (Service::Vehicles, _) => Box::pin(vehicles::run(config, database())),
            (Service::Geo, None) => Box::pin(geo::run(config)),
            (Service::Geo, Some(cache)) => Box::pin(geo::run_shared(config, cache())),
            (Service::Pricing, None) => Box::pin(pricing::run(config, wiring.fleet(), NoShelf, database())),
            (Service::Pricing, Some(cache)) => {
                let shelf = CacheShelf::new(cache(), config.cache_timeout);
                Box::pin(pricing::run(config, wiring.fleet(), shelf, database()))
            }
            (Service::Matching, _) => {
                let nudges = nudges(cache.as_ref(), &config);
                Box::pin(matching::run(config, wiring.fleet(), nudges, database()))
            }
            (Service::Trips, _) => {
                let (nudges, copy) = (nudges(cache.as_ref(), &config), copy.as_ref().map(|copy| copy()));
                Box::pin(trips::run(config, wiring.neighbours_of_trips(), nudges, database(), copy))
            }
            (Service::Payments, _) => {
                Box::pin(payments::run(config, wiring.peers(Service::Users), database(), processor()))
            }
        }
    })
}

/// How phones are nudged: through the cache, if there is one.
fn nudges<C: Cache>(cache: Option<&Connect<C>>, config: &Config) -> Box<dyn Nudges> {
    match cache {
        Some(cache) => Box::new(CacheNudges::new(cache(), config.cache_timeout)),
        None => Box::new(NoNudges),
    }
}

/// What starts one replica of the outbox relay. Nobody calls it; it answers its health check.
pub fn start_relay<D: Database, L: EventLog>(
    config: Rc<Config>,
    database: impl Fn() -> D + 'static,
    log: impl Fn() -> L + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let (config, database, log) = (config.clone(), database(), log());
        Box::pin(async move { heed(relay::run(config, database, log).await) })
    })
}

/// What starts one replica of the notifications service. Nobody calls it; it answers its health check.
pub fn start_notifications<D: Database, L: EventLog, C: Carrier>(
    config: Rc<Config>,
    database: impl Fn() -> D + 'static,
    log: impl Fn() -> L + 'static,
    carrier: impl Fn() -> C + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let (config, database, log, carrier) = (config.clone(), database(), log(), carrier());
        Box::pin(async move { heed(notifications::run(config, database, log, carrier).await) })
    })
}

/// # Panics
/// If the event log refuses its options: that is a mistake in the code, and the process ends as a real one would.
fn heed(ended: Result<(), EventLogError>) {
    ended.expect("a producer's default options do not contradict each other");
}
