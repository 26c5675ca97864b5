//! How a world is put together: hosts in zones and regions, and processes on them. Every engine accepts the same
//! world; what it cannot do it refuses by name.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The region of hosts that are in no cloud: phones, the payment processor.
pub const INTERNET: &str = "internet";

/// A machine of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostId(pub u32);

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    pub host: HostId,
    pub port: u16,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// Unique in the world.
    pub name: String,
    /// Availability zone; hosts outside the cloud (phones, the payment processor) have one of their own.
    pub zone: String,
    /// The cloud region, or [`INTERNET`].
    pub region: String,
    pub cores: u16,
    /// Egress bandwidth, bytes per second; `None` is unlimited.
    pub egress_bytes_per_s: Option<u64>,
    /// From power-on until processes start.
    pub boot: Duration,
    pub volume: VolumeSpec,
}

/// A block volume's limits.
#[derive(Clone, Copy, Debug)]
pub struct VolumeSpec {
    /// Operations per second.
    pub iops: u32,
    /// Bytes per second.
    pub throughput_bytes_per_s: u64,
    /// Time that one flush takes on an idle volume.
    pub flush: Duration,
}

/// A future that stays on the run's one thread.
pub type LocalFuture<T = ()> = Pin<Box<dyn Future<Output = T>>>;

/// Identifies a process of a world, across its restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// A process: what runs on a host from its start until it crashes or its host does.
#[derive(Clone)]
pub struct ProcessSpec {
    /// Unique in the world.
    pub name: String,
    pub host: HostId,
    /// CFS quota in thousandths of a core; `None` is only bounded by the host's cores.
    pub cpu_limit_millicores: Option<u32>,
    /// Starts it afresh: nothing of an earlier life but the host's disk is there.
    pub start: Rc<dyn Fn() -> LocalFuture>,
}

/// A process that another one starts on its own host; see [`child`](crate::child).
#[derive(Clone)]
pub struct ChildSpec {
    /// Unique in the world. A child that ended may be started anew under its name.
    pub name: String,
    /// CFS quota in thousandths of a core; `None` is only bounded by the host's cores.
    pub cpu_limit_millicores: Option<u32>,
    /// Its main.
    pub start: Rc<dyn Fn() -> LocalFuture>,
}

/// Where a world is built, whichever engine runs it.
pub trait World {
    fn add_host(&mut self, host: HostSpec) -> HostId;
    /// The process starts when the run does.
    fn add_process(&mut self, process: ProcessSpec) -> ProcessId;
}
