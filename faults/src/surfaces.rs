//! The control surfaces of cloud and city that faults act on, as an operator's API calls - or people - would.

use std::rc::Rc;

use city::phones::Crowd;

/// What a world offers besides the engine's own [`Control`](engine::Control).
#[derive(Clone)]
pub struct Surfaces {
    pub database: cloud::rds::Operator,
    /// The database's read replicas by name.
    pub read_replicas: Vec<String>,
    /// Of the cache; where there is none, it has no servers.
    pub cache: cloud::redis::Operator,
    /// Of the event log; where there is none, it has no brokers.
    pub event_log: cloud::kafka::Operator,
    /// Of the cluster; where there is none, nobody hears.
    pub cluster: cloud::kubernetes::Operator,
    pub processor: cloud::processor::Control,
    /// Riders and drivers.
    pub crowd: Rc<Crowd>,
}
