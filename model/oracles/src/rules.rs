//! What oracles must be told about a run: the platform's settings, and which losses its design accepts.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::services::Config;

/// The parameters of the invariants.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The settings of the services: the tariff, the highest multiplier, where the city is, for how long rows are kept, how long anything
    /// may take.
    pub settings: Config,
    /// What no vehicle exceeds between two of its positions, in metres a second.
    pub speed_max_m_per_s: u32,
    /// The store of which one node at a time may accept writes. A cache's or an event log's primary that is cut off goes on for a while,
    /// by design.
    pub database: String,
    /// For stores whose design accepts a loss: up to how much time's worth of acknowledged writes a recovery may leave out. No entry
    /// means none.
    pub declared_loss: BTreeMap<String, Duration>,
    /// For how many commits the past is remembered: a recovery may go back so far, and a trip that is over is forgotten after so
    /// many. Bounds memory: about 1.5 kB each.
    pub commits_remembered: u64,
}

impl Rules {
    /// 130 km/h. Assumption: above any speed limit in New York (55 mph, 89 km/h, on parkways) with a margin for those who exceed it.
    pub const SPEED_MAX_M_PER_S: u32 = 36;

    /// Twenty minutes of about 25 commits a second: longer than any replication stall that a drill rehearses. Assumption.
    pub const COMMITS_REMEMBERED: u64 = 30_000;
}
