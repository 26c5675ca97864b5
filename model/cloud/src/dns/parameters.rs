//! Every number of the name service.

use std::time::Duration;

use runtime::world::VolumeSpec;

/// A name server and the host it runs on.
#[derive(Clone, Debug)]
pub struct ServerParameters {
    /// Processor time of one request of any kind (assumption).
    pub request_work: Duration,
    /// Cores of the server's host (assumption).
    pub cores: u16,
    /// From power-on until the server starts (assumption).
    pub boot: Duration,
    /// Where acknowledged updates are kept: gp3's baseline (source: Amazon EBS documentation, mid-2023; the flush time is an assumption).
    pub volume: VolumeSpec,
}

impl Default for ServerParameters {
    fn default() -> Self {
        ServerParameters {
            request_work: Duration::from_micros(20),
            cores: 2,
            boot: Duration::from_secs(30),
            volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
        }
    }
}

/// How a process asks for names and how long it remembers.
#[derive(Clone, Debug)]
pub struct ClientParameters {
    /// Remember an answer for this much longer than its TTL: what a runtime's own cache adds to the host's. None by default
    /// (assumption: the runtime does not cache). A Java service with default settings has 30 s (source: OpenJDK 17 documentation,
    /// `networkaddress.cache.ttl`).
    pub client_cache: Duration,
    /// When no server answers, use what was remembered for up to this long after its lifetime; zero is not at all. Off by default,
    /// as in glibc's resolver (source: RFC 8767 describes the practice).
    pub serve_stale: Duration,
    /// After an old answer was used for want of a new one, ask again only after this (source: RFC 8767, section 5: 30 s).
    pub stale_recheck: Duration,
    /// Wait this long for one server (source: resolv.conf(5), `timeout`: 5 s).
    pub query_timeout: Duration,
    /// Go through the list of servers this often, at least once (source: resolv.conf(5), `attempts`: 2).
    pub attempts: u32,
}

impl Default for ClientParameters {
    fn default() -> Self {
        ClientParameters {
            client_cache: Duration::ZERO,
            serve_stale: Duration::ZERO,
            stale_recheck: Duration::from_secs(30),
            query_timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }
}

/// How a control plane changes records.
#[derive(Clone, Debug)]
pub struct PublisherParameters {
    /// Wait this long for one server to answer (assumption).
    pub timeout: Duration,
    /// Pause before a server that did not accept is tried again (assumption).
    pub retry_interval: Duration,
}

impl Default for PublisherParameters {
    fn default() -> Self {
        PublisherParameters { timeout: Duration::from_secs(1), retry_interval: Duration::from_secs(1) }
    }
}
