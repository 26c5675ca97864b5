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

/// What starts one replica of a service. The database and the processor are connected to inside the process, afresh in each of its lives.
pub fn start<D: Database, P: Processor>(
    service: Service,
    wiring: Rc<Wiring>,
    database: impl Fn() -> D + 'static,
    processor: impl Fn() -> P + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let (config, key) = (wiring.config.clone(), wiring.session_key);
        match service {
            Service::Gateway => Box::pin(gateway::run(config, key, wiring.behind_the_gateway())),
            Service::Users => {
                Box::pin(users::run(config, key, wiring.peers(Service::Vehicles), NoProfiles, database()))
            }
            Service::Vehicles => Box::pin(vehicles::run(config, database())),
            Service::Geo => Box::pin(geo::run(config)),
            Service::Pricing => Box::pin(pricing::run(config, wiring.fleet(), NoShelf, database())),
            Service::Matching => Box::pin(matching::run(config, wiring.fleet(), Box::new(NoNudges), database())),
            Service::Trips => {
                let nudges = Box::new(NoNudges);
                Box::pin(trips::run(config, wiring.neighbours_of_trips(), nudges, database(), None))
            }
            Service::Payments => Box::pin(payments::run(config, wiring.peers(Service::Users), database(), processor())),
        }
    })
}

/// What starts one replica of the geo service that shares where drivers wait with the others: for a platform whose
/// [`shared_locations`](Config::shared_locations) is set.
pub fn start_geo<C: Cache>(config: Rc<Config>, cache: impl Fn() -> C + 'static) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || Box::pin(geo::run_shared(config.clone(), cache())))
}

/// What starts one replica of the pricing service that leaves its surge in the cache for the others.
pub fn start_pricing<D: Database, C: Cache>(
    wiring: Rc<Wiring>,
    database: impl Fn() -> D + 'static,
    cache: impl Fn() -> C + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let config = wiring.config.clone();
        let shelf = CacheShelf::new(cache(), config.cache_timeout);
        Box::pin(pricing::run(config, wiring.fleet(), shelf, database()))
    })
}

/// What starts one replica of the gateway that hears through the cache of what happens, and keeps the requests of phones that listen.
pub fn start_gateway<C: Cache>(wiring: Rc<Wiring>, cache: impl Fn() -> C + 'static) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let (config, key) = (wiring.config.clone(), wiring.session_key);
        Box::pin(gateway::run_hearing(config, key, wiring.behind_the_gateway(), cache()))
    })
}

/// What starts one replica of the users service that keeps in the cache what is asked about riders soon.
pub fn start_users<D: Database, C: Cache>(
    wiring: Rc<Wiring>,
    database: impl Fn() -> D + 'static,
    cache: impl Fn() -> C + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let (config, key, vehicles) = (wiring.config.clone(), wiring.session_key, wiring.peers(Service::Vehicles));
        let profiles = CachedProfiles::new(cache(), config.cache_timeout);
        Box::pin(users::run(config, key, vehicles, profiles, database()))
    })
}

/// What starts one replica of the matching service that nudges drivers through the cache.
pub fn start_matching<D: Database, C: Cache>(
    wiring: Rc<Wiring>,
    database: impl Fn() -> D + 'static,
    cache: impl Fn() -> C + 'static,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let config = wiring.config.clone();
        let nudges = CacheNudges::new(cache(), config.cache_timeout);
        Box::pin(matching::run(config, wiring.fleet(), Box::new(nudges), database()))
    })
}

/// What starts one replica of the trips service: it nudges riders through the cache, if there is one, and reads receipts from a copy of
/// the database, if there is one.
pub fn start_trips<D: Database, C: Cache>(
    wiring: Rc<Wiring>,
    database: impl Fn() -> D + 'static,
    copy: Option<impl Fn() -> D + 'static>,
    cache: Option<impl Fn() -> C + 'static>,
) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let config = wiring.config.clone();
        let nudges: Box<dyn Nudges> = match &cache {
            Some(cache) => Box::new(CacheNudges::new(cache(), config.cache_timeout)),
            None => Box::new(NoNudges),
        };
        let copy = copy.as_ref().map(|copy| copy());
        Box::pin(trips::run(config, wiring.neighbours_of_trips(), nudges, database(), copy))
    })
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
