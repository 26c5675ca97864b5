//! What is known about a run as a whole: `run.json`, the file beside the tables of records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::objective::Objective;
use crate::records::Tier;

/// The version of `run.json`, the record tables and `outcome.json`; it changes when a reader of the old ones would err.
pub const SCHEMA_VERSION: u32 = 5;

/// How [`RunRecord::stopped_by`] begins where the file system did not take every record; what it refused follows.
pub(crate) const STOPPED_BY_FILE_SYSTEM: &str = "the file system: ";

/// A run: its identity, its promises and how it went, without its records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`] when it was written.
    pub schema_version: u32,
    /// Whether the run reached its horizon and its end check; false from the first byte until it has.
    pub complete: bool,
    /// Why it did not, such as an `--until`; null when it did, and while it runs.
    pub stopped_by: Option<String>,
    /// The scenario's title.
    pub title: String,
    /// The scenario file as it was named on the command line.
    pub scenario: String,
    /// The hash of the scenario with all that it includes.
    pub scenario_hash: String,
    /// The seed.
    pub seed: u64,
    /// The engine that ran it.
    pub engine: String,
    /// The commit that the program was built from, `with changes` if its sources had been changed since; empty when unknown.
    pub commit: String,
    /// When the simulated day begins to be measured, such as `Fri 17:30`.
    pub start: String,
    /// Simulated time before measuring, seconds.
    pub warmup_s: f64,
    /// Simulated time measured, seconds; where a run was stopped, up to there.
    pub duration_s: f64,
    /// What demand amounts to.
    pub traffic: Traffic,
    /// Which instance ran where when the warm-up was over or the run was stopped before that; where fewer pods ran then than the services have
    /// replicas, when the most of them were first seen to run.
    pub placement: Vec<Placement>,
    /// What each tier owes its users.
    pub service_levels: BTreeMap<Tier, ServiceLevel>,
    /// A one-minute window with fewer journeys than this is unknown, not good.
    pub window_journeys_min: u64,
    /// The stores whose writes are accounted for.
    pub stores: Vec<Store>,
    /// The promises to be judged.
    pub objectives: Vec<Objective>,
    /// What the models leave out, one sentence each.
    pub not_modelled: Vec<String>,
    /// The hash over every event.
    pub trace_hash: String,
    /// Events simulated, warm-up included.
    pub events: u64,
    /// Simulated time, warm-up and end check included, seconds.
    pub simulated_s: f64,
    /// Real time that took, seconds. In no hash.
    pub wall_s: f64,
    /// How far these three had come at the horizon, before everything was healed and came to rest; null when the run was
    /// stopped before it.
    pub at_horizon: Option<Stretch>,
    /// The command that does it again, quoted for a POSIX shell; after it, behind `  # `, of which program and scenario, and the trace that it
    /// comes to.
    pub reproduce: String,
}

impl RunRecord {
    /// The length of the measured part, nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        (self.duration_s * 1e9) as i64
    }
}

/// How much was simulated how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// Simulated time, seconds.
    pub simulated_s: f64,
    /// Real time, seconds.
    pub wall_s: f64,
    /// Events.
    pub events: u64,
}

/// What `requests = "400/s"` means for the city, as derived.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// First attempts a second, the mean of the fault-free twin.
    pub requests_per_s: f64,
    /// Trips wanted an hour.
    pub trips_per_h: f64,
    /// Riders who open the app an hour.
    pub riders_per_h: f64,
    /// Drivers on the road, the mean.
    pub drivers: f64,
}

/// One instance of a component and where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The service or data service it belongs to, such as `gateway` or `orders-db`.
    pub group: String,
    /// The instance, such as `gateway-2`.
    pub instance: String,
    /// Its part in the group, such as `primary`; empty when all are alike.
    pub role: String,
    /// Its availability zone; empty for what stands in none.
    pub zone: String,
    /// Its host.
    pub host: String,
}

/// What a tier owes its users in every one-minute window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceLevel {
    /// Journeys that must succeed, 0 to 1.
    pub success_ratio_min: f64,
    /// The 95th percentile that journeys must stay under, milliseconds.
    pub p95_ms_max: f64,
}

/// A store whose acknowledged writes are accounted for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// As the blueprint names it.
    pub name: String,
    /// The tiers that its losses count in.
    pub tiers: Vec<Tier>,
    /// What it holds, and so why its losses count there, or in no tier: for a person.
    pub holds: String,
    /// The loss that its design accepts, seconds before the onset: 0 when none is; null when it may lose writes and the blueprint declares no
    /// objective for it.
    pub declared_rpo_s: Option<f64>,
}
