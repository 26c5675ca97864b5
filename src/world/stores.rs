//! What services keep their data in and whom they ask outside the cloud, as far as the blueprint has it.

use std::collections::BTreeMap;
use std::rc::Rc;

use cloud::{carrier, dns, kafka, processor, rds, redis};
use ports::observe::Observer;
use runtime::net::{Address, HostId};
use runtime::world::World;
use scenarios::blueprint::{self, Blueprint};

use super::parameters;

/// Everything that services are clients of, and how they find it.
pub struct Stores {
    pub names: dns::Deployed,
    pub database: Rc<rds::Deployed>,
    pub cache: Option<Rc<redis::Deployed>>,
    pub event_log: Option<Rc<kafka::Deployed>>,
    pub processor: processor::Deployed,
    /// Where notifications are: whoever brings them to people.
    pub carrier: Option<Address>,
}

/// Adds them to the world, and their hosts to the groups of their names.
pub fn deploy(
    world: &mut dyn World,
    blueprint: &Blueprint,
    names: dns::Deployed,
    observer: &Rc<dyn Observer>,
    groups: &mut BTreeMap<String, Vec<HostId>>,
) -> Stores {
    let region = blueprint.regions[0].name.as_str();
    let mut group = |store: &str, servers: &mut dyn Iterator<Item = HostId>| {
        groups.entry(store.to_owned()).or_default().extend(servers);
    };
    let database = Rc::new(rds::deploy(world, parameters::store(blueprint, region), &names, observer.clone()));
    group(blueprint::DATABASE, &mut database.servers.iter().map(|server| server.host));
    let cache = blueprint.redis.as_ref().map(|stated| {
        let spec = parameters::cache(blueprint, stated, region);
        let cache = redis::deploy(world, spec, &names, observer.clone());
        group(blueprint::CACHE, &mut cache.servers.iter().map(|server| server.host));
        Rc::new(cache)
    });
    let event_log = blueprint.kafka.as_ref().map(|stated| {
        let spec = parameters::event_log(blueprint, stated, region);
        let log = kafka::deploy(world, spec, observer.clone());
        group(blueprint::EVENT_LOG, &mut log.brokers.iter().map(|broker| broker.host));
        Rc::new(log)
    });
    let processor = processor::deploy(world, parameters::processor(blueprint), observer.clone());
    group(blueprint::PAYMENT_PROCESSOR, &mut [processor.address.host].into_iter());
    let carrier = blueprint.service(blueprint::NOTIFICATIONS).map(|_| {
        let address = carrier::deploy(world, parameters::carrier(blueprint));
        group(blueprint::CARRIER, &mut [address.host].into_iter());
        address
    });
    Stores { names, database, cache, event_log, processor, carrier }
}
