//! The same services on turmoil or live tokio: a second opinion on the seam. Only outcomes can be compared; what the
//! engine cannot do is refused by name before anything runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use backends::capability::{Capability, Engine, Unsupported};
use backends::live::LiveWorld;
use backends::turmoil::{TurmoilConfig, TurmoilWorld};
use backends::{EngineError, ProcessPanic, RunEnd};
use oracles::{End, Report, Watch};
use ports::observe::{JourneyEnded, JourneyOutcome, Observation, Observer};
use scenarios::{FaultKind, blueprint};

use crate::cli::EngineName;
use crate::exit::Exit;
use crate::prepare::Prepared;
use crate::settlement::Settlement;
use crate::world;

/// Why a scenario cannot be lived on another engine.
#[derive(Debug, thiserror::Error)]
pub enum OtherEngineError {
    #[error("the scenario asks for {fault}: {source}")]
    Refused { fault: &'static str, source: Unsupported },
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl OtherEngineError {
    /// What the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            OtherEngineError::Refused { .. } => Exit::BadInput,
            OtherEngineError::Engine(_) => Exit::Internal,
        }
    }
}

/// The engine's name as on the command line.
#[must_use]
pub fn name(engine: EngineName) -> &'static str {
    match engine {
        EngineName::Native => "native",
        EngineName::Turmoil => "turmoil",
        EngineName::Live => "live",
    }
}

/// How often each journey ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub succeeded: u64,
    pub refused: u64,
    pub failed: u64,
}

#[derive(Default)]
struct Journeys {
    counts: BTreeMap<&'static str, Counts>,
    settlement: Settlement,
}

impl Journeys {
    fn ended(&mut self, journey: &JourneyEnded) {
        let counts = self.counts.entry(journey.kind).or_default();
        match journey.outcome {
            JourneyOutcome::Succeeded => counts.succeeded += 1,
            JourneyOutcome::Refused => counts.refused += 1,
            JourneyOutcome::Failed => counts.failed += 1,
        }
    }
}

struct Observers {
    journeys: Rc<RefCell<Journeys>>,
    oracles: Rc<Watch>,
}

impl Observer for Observers {
    fn observe(&self, observation: &Observation) {
        self.oracles.observe(observation);
        let journeys = &mut *self.journeys.borrow_mut();
        match observation {
            Observation::JourneyEnded(journey) => journeys.ended(journey),
            Observation::Committed(transaction) => {
                if let Some(settled) = journeys.settlement.committed(transaction) {
                    journeys.ended(&settled);
                }
            }
            _ => {}
        }
    }
}

/// What a run on another engine came to.
#[derive(Debug)]
pub struct Lived {
    pub engine: &'static str,
    pub journeys: BTreeMap<&'static str, Counts>,
    pub oracles: Vec<Report>,
    pub panics: Vec<ProcessPanic>,
    pub missing: Vec<String>,
}

impl Lived {
    /// No oracle broke and no process panicked.
    #[must_use]
    pub fn kept_its_promises(&self) -> bool {
        self.panics.is_empty() && self.oracles.iter().all(|oracle| oracle.violations == 0)
    }
}

impl Lived {
    /// At least one ride went all the way to the ledger.
    #[must_use]
    pub fn carried_a_ride(&self) -> bool {
        self.journeys.get("capture").is_some_and(|counts| counts.succeeded > 0)
    }
}

impl fmt::Display for Lived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lived on {}: outcomes only, no trace and no records\n", self.engine)?;
        writeln!(f, "{:<16} {:>10} {:>10} {:>10}", "journey", "succeeded", "refused", "failed")?;
        for (journey, counts) in &self.journeys {
            let Counts { succeeded, refused, failed } = counts;
            writeln!(f, "{journey:<16} {succeeded:>10} {refused:>10} {failed:>10}")?;
        }
        writeln!(f, "\n{:<48} {:>10} {:>10}", "oracle", "looked", "broken")?;
        for oracle in &self.oracles {
            writeln!(f, "{:<48} {:>10} {:>10}", oracle.name, oracle.evaluations, oracle.violations)?;
        }
        for panic in &self.panics {
            writeln!(f, "\n{panic}")?;
        }
        writeln!(f, "\nnot given by this engine: {}", self.missing.join("; "))
    }
}

/// What a fault needs of an engine.
fn needs(fault: &FaultKind) -> Capability {
    match fault {
        FaultKind::ZonePowerLoss(_) | FaultKind::HostPowerLoss(_) => Capability::HostPowerLoss,
        FaultKind::ZoneNetworkBlackhole(_) | FaultKind::HostNetworkBlackhole(_) | FaultKind::NetworkPartition(_) => {
            Capability::Partition
        }
        FaultKind::PacketLoss(_) => Capability::PacketLoss,
        FaultKind::ProcessPause(_) => Capability::Pause,
        // Everything else needs what only the native engine's schedule can do.
        _ => Capability::FaultSchedule,
    }
}

/// Lives a prepared scenario once on another engine.
///
/// # Errors
/// A fault that the engine cannot do, or the engine itself failed.
///
/// # Panics
/// If asked for the native engine, which has its own way ([`crate::rehearsal`]).
pub fn run(prepared: &Prepared, seed: u64, engine: EngineName) -> Result<Lived, OtherEngineError> {
    let which = match engine {
        EngineName::Turmoil => Engine::Turmoil,
        EngineName::Live => Engine::Live,
        EngineName::Native => panic!("the native engine is not another engine"),
    };
    let scenario = &prepared.loaded.scenario;
    if prepared.loaded.blueprint.kubernetes.is_some() {
        let refused = |source| OtherEngineError::Refused { fault: blueprint::CLUSTER, source };
        which.require(Capability::ChildProcess).map_err(refused)?;
    }
    for fault in &scenario.faults {
        let refused = |source| OtherEngineError::Refused { fault: fault.kind.key(), source };
        which.require(needs(&fault.kind)).map_err(refused)?;
    }
    let journeys = Rc::new(RefCell::new(Journeys::default()));
    let oracles = Rc::new(Watch::new(world::rules(prepared)));
    let observers = Rc::new(Observers { journeys: journeys.clone(), oracles: oracles.clone() });
    let length = scenario.warmup + scenario.duration;
    let end: RunEnd = match which {
        Engine::Turmoil => {
            let latency = prepared.loaded.blueprint.network.cross_zone.median / 2;
            let mut world = TurmoilWorld::new(TurmoilConfig { seed, latency: latency.max(Duration::from_millis(1)) });
            world::assemble(&mut world, prepared, observers, None);
            world.run(length)?
        }
        Engine::Live => {
            let mut world = LiveWorld::new(seed);
            world::assemble(&mut world, prepared, observers, None);
            world.run(length)?
        }
    };
    oracles.finish(End { at: end.at, converged: false, whole_since: None });
    Ok(Lived {
        engine: name(engine),
        journeys: journeys.take().counts,
        oracles: oracles.reports(),
        panics: end.panics,
        missing: which.missing().map(|missing| missing.capability.to_string()).collect(),
    })
}
