//! One run on the native engine: warm-up, faults, horizon; then everything is healed and the platform must come to rest.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{Checkpoint, Control, Engine, ProcessPanic, Stopped, TraceEvent};
use faults::{FaultEntry, Schedule};
use oracles::{End, Watch};
use ports::observe::{Observation, Observer};
use reports::rebuild;
use reports::records::{MetricRecord, Record};
use reports::report::Report;
use reports::run::Stretch;
use reports::writer::Writer;
use runtime::Time;
use runtime::net::HostId;

use crate::prepare::Prepared;
use crate::recorder::Recorder;
use crate::reproduce;
use crate::world::{self, Assembled};

mod ending;
mod identity;
mod native;
mod options;
mod placement;
mod samples;

pub use options::Options;

use ending::Ending;

/// What a run left behind.
pub struct Rehearsed {
    pub report: Report,
    /// Digest of what every store holds at the end.
    pub final_state: u64,
    pub checkpoints: Vec<Checkpoint>,
    /// The faults that began, in order of onset.
    pub faults: Vec<FaultEntry>,
    /// Processes that panicked.
    pub panics: Vec<ProcessPanic>,
    /// The events of the window, each with the name of its process.
    pub window: Vec<(TraceEvent, String)>,
    /// What the hosts are called.
    pub hosts: BTreeMap<HostId, String>,
    /// It was stopped before its end, whether by [`Options::until`] or by [`Options::interrupt`].
    pub interrupted: bool,
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("failed to keep the records: {0}")]
    Records(#[from] reports::error::Error),
    /// Some records were kept, and say of themselves that they are not all.
    #[error("failed to keep all of the records: {source}{}", further_words(report.is_some(), further.as_deref()))]
    Incomplete {
        source: reports::error::Error,
        /// What the records that were kept come to, if they can be read.
        report: Option<Box<Report>>,
        /// Why they cannot be, or their answers could not be written.
        further: Option<Box<reports::error::Error>>,
    },
    /// All records were kept, and `rehearse report` can write the answers when it has the room.
    #[error("failed to write the answers: {source}")]
    Unanswered {
        source: reports::error::Error,
        /// What could not be written.
        report: Box<Report>,
    },
    #[error("the run is wedged: {process} keeps itself busy at {at} without time passing")]
    Wedged { process: String, at: Time },
}

impl RunError {
    /// What was measured nevertheless.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            RunError::Incomplete { report, .. } => report.as_deref(),
            RunError::Unanswered { report, .. } => Some(report),
            RunError::Records(_) | RunError::Wedged { .. } => None,
        }
    }

    /// Not all records were kept: reads what was, and writes its answers if there is room for them.
    fn incomplete(source: reports::error::Error, directory: &Path) -> RunError {
        let (report, further) = match rebuild::read_report(directory) {
            Ok(report) => {
                let further = rebuild::write_answers(directory, &report).err();
                (Some(Box::new(report)), further)
            }
            Err(error) => (None, Some(error)),
        };
        RunError::Incomplete { source, report, further: further.map(Box::new) }
    }
}

fn further_words(was_read: bool, further: Option<&reports::error::Error>) -> String {
    let what = if was_read { "nor can its answers be written" } else { "nor can what was kept be reported" };
    further.map_or(String::new(), |error| format!("; {what}: {error}"))
}

/// Simulated time between two samples of how full things are.
const STEP: Duration = Duration::from_secs(10);

/// How long the platform has to come to rest after the horizon, when nothing is broken and nobody asks for more: the
/// longest ride of the fitted city (3 h are cut off as records) with its search, pickup and settlement (assumption).
const REST_LIMIT: Duration = Duration::from_secs(4 * 3_600);

/// Everybody who is told what a run shows.
struct Observers {
    recorder: Rc<Recorder>,
    oracles: Rc<Watch>,
    guest: Option<Rc<dyn Observer>>,
}

impl Observer for Observers {
    fn observe(&self, observation: &Observation) {
        self.oracles.observe(observation);
        self.recorder.observe(observation);
        if let Some(guest) = &self.guest {
            guest.observe(observation);
        }
    }
}

/// Runs a prepared scenario once.
///
/// # Errors
/// Records or answers could not be written, or the run is wedged.
pub fn rehearse(prepared: &Prepared, options: &Options<'_>) -> Result<Rehearsed, RunError> {
    let scenario = &prepared.loaded.scenario;
    let origin = Time::ZERO + scenario.warmup;
    let horizon = origin + options.until.unwrap_or(scenario.duration);
    let mut engine = Engine::new(native::config(prepared, options));
    engine.interrupted_by(options.interrupt.clone());
    native::set_network(&mut engine, prepared);

    let blank = identity::run_record(prepared, options);
    let writer = options.out.map(|directory| Writer::create(directory, &blank)).transpose()?;
    let recorder = Rc::new(Recorder::new(origin, blank.duration_ns(), writer));
    let oracles = Rc::new(Watch::new(world::rules(prepared)));
    let observers =
        Rc::new(Observers { recorder: recorder.clone(), oracles: oracles.clone(), guest: options.observer.clone() });
    let assembled = world::assemble(&mut engine, prepared, observers.clone(), options.follower.clone());
    let control = engine.control();
    let places = faults::Places::new(&control, assembled.groups.clone(), assembled.pods_of.clone());
    let schedule = Schedule::arm(&scenario.faults, origin, &control, places, assembled.surfaces.clone());

    let placed = placement::Placed::new(prepared, &assembled);
    let (recorded, samples) = (recorder.clone(), samples::Samples::new());
    let mut run = Run { engine, assembled, recorder: recorded, options, samples, origin, placed };
    let progress = |at: Time| at.as_secs_f64() / horizon.as_secs_f64();
    let warm = run.until(origin, progress)?;
    // A run without a warm-up takes no step to its origin, and one that was stopped before it never comes there.
    run.placed.look(&run.assembled, &control);
    let reached = warm && run.until(horizon, progress)?;
    let mut whole = reached && options.until.is_none();
    let far = |control: &Control| Stretch {
        simulated_s: control.now().as_secs_f64(),
        wall_s: (options.wall_clock)(),
        events: control.events(),
    };
    let at_horizon = whole.then(|| far(&control));
    if whole {
        schedule.heal_all(&control);
        run.assembled.crowd.stop_demand();
        whole = run.until_rest(horizon + REST_LIMIT)?;
    }
    let end = control.now();

    let converged = whole && run.is_at_rest();
    // Everything that was broken was healed at the horizon at the latest.
    oracles.finish(End { at: end, converged, whole_since: whole.then_some(horizon) });
    let (faults, crowd) = (&scenario.faults, &run.assembled.crowd);
    Ending { faults, log: schedule.log(), crowd, control: &control, whole }.record(&oracles, &recorder);

    let mut record = blank;
    record.placement = run.placed.rows();
    record.complete = whole;
    if !reached {
        record.duration_s = reports::format::seconds(recorder.moment(end).max(0));
    }
    record.stopped_by = match options.until {
        Some(until) if reached => Some(format!("--until {}", notation::units::duration_text(until))),
        _ => (!whole).then(|| "Ctrl-C or SIGTERM".to_owned()),
    };
    record.trace_hash = format!("{:032x}", control.trace_hash());
    // One that was stopped by hand is at no moment that another could be compared at.
    let comparable = whole || (reached && options.until.is_some());
    let trace_hash = comparable.then_some(record.trace_hash.as_str());
    record.reproduce = reproduce::line(prepared, options.seed, options.until, trace_hash);
    record.at_horizon = at_horizon;
    Stretch { simulated_s: record.simulated_s, wall_s: record.wall_s, events: record.events } = far(&control);
    let names = control.processes();
    let name = |event: &TraceEvent| {
        names.iter().find(|(id, ..)| *id == event.process).map_or("world".to_owned(), |(_, name, _)| name.to_string())
    };
    let window = control.trace_window().into_iter().map(|event| (event, name(&event))).collect();
    let hosts = control.hosts().into_iter().map(|(id, host)| (id, host.name)).collect();
    let final_state = recorder.state();
    let (faults, panics) = (schedule.log().entries(), control.panics());
    // Everything that holds the recorder goes before it is concluded.
    drop((run, observers, schedule));
    let checkpoints = control.checkpoints();
    drop(control);
    let recorder = Rc::into_inner(recorder).expect("the world that observed into the recorder is gone");
    let report = match (recorder.finish(end, &record), options.out) {
        (Ok(report), None) => report,
        (Ok(report), Some(directory)) => match rebuild::write_answers(directory, &report) {
            Ok(()) => report,
            Err(source) => return Err(RunError::Unanswered { source, report: Box::new(report) }),
        },
        (Err(source), Some(directory)) => return Err(RunError::incomplete(source, directory)),
        (Err(source), None) => return Err(source.into()),
    };
    Ok(Rehearsed { report, final_state, checkpoints, faults, panics, window, hosts, interrupted: !whole })
}

struct Run<'a> {
    engine: Engine,
    assembled: Assembled,
    recorder: Rc<Recorder>,
    options: &'a Options<'a>,
    samples: samples::Samples,
    placed: placement::Placed<'a>,
    /// The end of the warm-up.
    origin: Time,
}

impl Run<'_> {
    /// Runs on; false if it was interrupted, or records can no longer be written.
    fn until(&mut self, end: Time, progress: impl Fn(Time) -> f64) -> Result<bool, RunError> {
        let control = self.engine.control();
        while control.now() < end {
            match self.engine.run_until(end.min(control.now() + STEP)) {
                Stopped::Reached => {}
                Stopped::Interrupted => return Ok(false),
                Stopped::Wedged { process, at } => return Err(RunError::Wedged { process, at }),
            }
            let at_ns = self.recorder.moment(control.now());
            self.samples.take(&control, |component, metric, value| {
                self.recorder.add(&Record::Metric(MetricRecord { at_ns, component, metric, value }));
            });
            if control.now() > self.origin {
                self.placed.look(&self.assembled, &control);
            }
            (self.options.progress)(progress(control.now()));
            if self.recorder.failed() || self.options.interrupt.load(Ordering::Relaxed) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Nobody is under way and every completed trip is paid for.
    fn is_at_rest(&self) -> bool {
        let counts = self.assembled.crowd.counts();
        counts.riders_active == 0 && counts.trips_open == 0 && self.recorder.unsettled().is_empty()
    }

    /// Runs on until nothing is pending, or the time for it is over.
    fn until_rest(&mut self, limit: Time) -> Result<bool, RunError> {
        let control = self.engine.control();
        while control.now() < limit && !self.is_at_rest() {
            if !self.until(limit.min(control.now() + STEP), |_| 1.0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::prepare::prepare;

    /// What a run says that has ten seconds of warm-up and ninety to be measured, and is stopped by hand at the first sample after this share of
    /// both; its records say the same.
    fn stopped_after(share: f64) -> Report {
        let prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let interrupt = Arc::new(AtomicBool::new(false));
        let raise = |passed: f64| interrupt.store(passed > share, Ordering::Relaxed);
        let options = Options {
            out: Some(directory.path()),
            interrupt: interrupt.clone(),
            progress: &raise,
            ..Options::unwatched(1)
        };
        let report = rehearse(&prepared, &options).expect("a run").report;
        let rebuilt = rebuild::read_report(directory.path()).expect("the records read back");
        assert_eq!((rebuilt.outcome, rebuilt.points), (report.outcome.clone(), report.points.clone()));
        report
    }

    #[test]
    fn a_run_that_is_stopped_by_hand_is_measured_for_as_long_as_it_ran() {
        let Report { run, outcome, points, .. } = stopped_after(0.55);
        assert_eq!((run.simulated_s, run.duration_s, points.len()), (60.0, 50.0, 5));
        assert!(outcome.requests.first_attempts > 0);
        assert_eq!(outcome.request_rate.sent_per_s, outcome.requests.first_attempts as f64 / 50.0);
    }

    #[test]
    fn a_run_that_is_stopped_in_its_warm_up_measured_nothing_and_has_a_report() {
        let report = stopped_after(0.05);
        assert_eq!((report.run.simulated_s, report.run.duration_s), (10.0, 0.0));
        assert_eq!((report.outcome.requests.first_attempts, report.outcome.request_rate.sent_per_s), (0, 0.0));
        assert!(report.outcome.tiers.is_empty() && report.points.is_empty());
        let told = reports::terminal::render(&report, false);
        assert!(!told.contains("NaN"), "{told}");
    }
}
