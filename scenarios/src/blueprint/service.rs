//! The platform's services as deployed: replicas, zones, CPU, connection pools, and how they call each other.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{Amount, Count, Length, List, Maybe, PositiveLength, Repetitions, Text};

use super::Autoscale;

section! {
    /// One service of the platform as deployed; each replica is a process on a host of its own, or a pod of the cluster.
    pub struct Service {
        /// Which service: `gateway`, `users`, `vehicles`, `geo`, `matching`, `pricing`, `trips` or `payments`; with an event log
        /// also `relay` and `notifications`.
        name: String as Text,
        /// How many replicas. They go to the zones in turn; in a cluster, to where there is room, spread over the zones.
        replicas: u32 as Count = 3,
        /// The zones they go to. Empty: every zone of the blueprint.
        zones: Vec<String> as List<Text> = Vec::new(),
        /// CPU limit of a replica in cores, enforced by CFS quota. Assumption.
        cores: f64 as Amount = 2.0,
        /// In a cluster, cores that a replica requests of its node: what the scheduler and the autoscalers count with. Assumption: three
        /// replicas of ten services find room on two of three nodes.
        cpu_request: f64 as Amount = 0.5,
        /// In a cluster, how its replicas follow what they use. Left out: they do not.
        autoscale: Option<Autoscale> as Maybe<Nested>,
        /// CPU time of a request whose handler says nothing else. Assumption: a small JSON handler.
        cpu_per_request: Duration as Length = Duration::from_micros(250),
        /// Database connections that a replica may hold. HikariCP's documented default: 10.
        pool_size: u32 as Count = 10,
        /// How long a request waits for a connection of the pool. Assumption; HikariCP's default of 30 s is longer than
        /// any rider waits.
        pool_acquire_timeout: Duration as PositiveLength = Duration::from_secs(2),
        /// From the start of the process to its first answer. Assumption: a native binary, image already pulled.
        start_time: Duration as Length = Duration::from_secs(5),
    }
}

section! {
    /// Calls between services.
    pub struct Calls {
        /// A call without answer is given up after this, or at the caller's own deadline if that is sooner. Assumption.
        timeout: Duration as PositiveLength = Duration::from_secs(2),
        /// Repetitions that all services together may spend on one request of a phone: they travel with the call, so that retries add up
        /// over layers and do not multiply. Assumption.
        retry_budget: u8 as Repetitions = 2,
        /// Back-off before the first retry; full jitter over a doubling range. Assumption.
        backoff_base: Duration as Length = Duration::from_millis(20),
        /// The largest back-off. Assumption.
        backoff_cap: Duration as Length = Duration::from_millis(500),
    }
}
