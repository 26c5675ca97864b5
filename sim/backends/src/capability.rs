//! What an engine can do to a world, and the refusal, by name, of what it cannot.

use std::fmt;

/// The engines of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Turmoil,
    Live,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Turmoil => "turmoil",
            Engine::Live => "live",
        })
    }
}

/// Something that a scenario may ask of an engine, beyond running services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// End a process; its host lives on.
    ProcessCrash,
    /// Start a process afresh; its host's disk is as it was.
    ProcessRestart,
    /// Fire armed fault points.
    FaultPoint,
    /// Cut a host's power: silence, and only what was flushed survives.
    HostPowerLoss,
    /// Stop a process where it stands.
    Pause,
    /// Cut links, in one or both directions.
    Partition,
    /// Lose packets, to be resent.
    PacketLoss,
    /// Add latency to links.
    LinkDelay,
    /// Latency by the distance of hosts, below a millisecond too.
    Distance,
    /// Egress bandwidth of a host.
    Bandwidth,
    /// Work that waits for a core or for a CFS quota.
    ProcessorQueue,
    /// Input and output that wait for a volume's operations and throughput.
    VolumeQueue,
    /// Probing of silent peers.
    Keepalive,
    /// A hash over every event, and two runs of one seed with the same one.
    TraceHash,
    /// Another order of what is runnable at one instant, drawn from the seed.
    DrawnOrder,
    /// Clocks that differ between hosts.
    ClockSkew,
    /// Faults that begin while the world runs.
    FaultSchedule,
    /// Processes that start others on their host.
    ChildProcess,
}

impl Capability {
    pub const ALL: [Capability; 18] = [
        Capability::ProcessCrash,
        Capability::ProcessRestart,
        Capability::FaultPoint,
        Capability::HostPowerLoss,
        Capability::Pause,
        Capability::Partition,
        Capability::PacketLoss,
        Capability::LinkDelay,
        Capability::Distance,
        Capability::Bandwidth,
        Capability::ProcessorQueue,
        Capability::VolumeQueue,
        Capability::Keepalive,
        Capability::TraceHash,
        Capability::DrawnOrder,
        Capability::ClockSkew,
        Capability::FaultSchedule,
        Capability::ChildProcess,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::ProcessCrash => "a crash of a process",
            Capability::ProcessRestart => "a restart of a process",
            Capability::FaultPoint => "fault points",
            Capability::HostPowerLoss => "a power loss",
            Capability::Pause => "a pause of a process",
            Capability::Partition => "a partition",
            Capability::PacketLoss => "packet loss",
            Capability::LinkDelay => "added link delay",
            Capability::Distance => "latency by distance",
            Capability::Bandwidth => "egress bandwidth",
            Capability::ProcessorQueue => "waiting for cores and CPU quota",
            Capability::VolumeQueue => "waiting for a volume",
            Capability::Keepalive => "keepalive",
            Capability::TraceHash => "a trace hash",
            Capability::DrawnOrder => "a drawn order of events",
            Capability::ClockSkew => "clock skew",
            Capability::FaultSchedule => "a schedule of faults",
            Capability::ChildProcess => "processes that start others",
        })
    }
}

/// An engine was asked for what it cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {engine} engine cannot give {capability}: {reason}")]
pub struct Unsupported {
    pub engine: Engine,
    pub capability: Capability,
    /// What it does instead, or why it cannot.
    pub reason: &'static str,
}

impl Engine {
    #[must_use]
    pub fn supports(self, capability: Capability) -> bool {
        self.require(capability).is_ok()
    }

    /// Refuses what this engine cannot do.
    ///
    /// # Errors
    /// [`Unsupported`], with what happens instead.
    pub fn require(self, capability: Capability) -> Result<(), Unsupported> {
        let reason = match (capability, self) {
            (Capability::ProcessCrash | Capability::ProcessRestart, _) => return Ok(()),
            (Capability::FaultPoint, _) => "no site is ever armed",
            (Capability::HostPowerLoss, Engine::Turmoil) => {
                "a crashed turmoil host closes its connections instead of falling silent"
            }
            (Capability::HostPowerLoss, Engine::Live) => "every host is this machine",
            (Capability::Pause, _) => "tokio polls every task that is ready",
            (Capability::Partition, Engine::Turmoil) => {
                "turmoil's TCP never resends, so a healed link stays broken for connections that used it"
            }
            (Capability::PacketLoss, Engine::Turmoil) => "turmoil's TCP never resends",
            (Capability::LinkDelay | Capability::Distance, Engine::Turmoil) => {
                "every link has the one latency of its configuration, in whole milliseconds"
            }
            (
                Capability::Partition | Capability::PacketLoss | Capability::LinkDelay | Capability::Distance,
                Engine::Live,
            ) => "every link is this machine's loopback",
            (Capability::Bandwidth, _) => "frames are not charged for their size",
            (Capability::ProcessorQueue, _) => "work takes its own time and never waits",
            (Capability::VolumeQueue, _) => "a flush takes the volume's flush time and never waits",
            (Capability::Keepalive, _) => "no peer falls silent here",
            (Capability::TraceHash, Engine::Turmoil) => "events inside turmoil and tokio are not observable",
            (Capability::TraceHash, Engine::Live) => "no two runs on the wall clock are the same",
            (Capability::DrawnOrder, _) => "tokio orders what is runnable",
            (Capability::ClockSkew, _) => "all hosts share one clock",
            (Capability::ChildProcess, _) => "its processes are all there from the start",
            (Capability::FaultSchedule, _) => "a scenario's faults act through the native engine's control surface",
        };
        Err(Unsupported { engine: self, capability, reason })
    }

    /// Everything this engine cannot do: what its reports name as not modelled.
    pub fn missing(self) -> impl Iterator<Item = Unsupported> {
        Capability::ALL.into_iter().filter_map(move |capability| self.require(capability).err())
    }
}
