//! What records do not have: the calls between services about one trip and its rider. A run keeps none of them; whoever asks runs the recorded
//! seed again, which makes the same calls, and listens.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use city::phones::code_of_error;
use clap::Parser;
use platform::domain::ids::{RiderId, TripId};
use platform::services::following::{Call, Follower, Subject};
use reports::explain;
use reports::run::RunRecord;

use crate::cli::{Cli, Command};
use crate::prepare::{InputError, prepare};
use crate::rehearsal::{Options, RunError, rehearse};
use crate::reproduce;

/// Why the calls of a recorded run cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(
        "the records were stopped by {0}, at no moment that another run could be stopped at: their seed cannot be compared"
    )]
    Stopped(String),
    #[error("failed to understand the command that the records name, `{0}`")]
    Command(String),
    #[error("failed to prepare what the records ran: {0}")]
    Input(#[from] InputError),
    #[error("{scenario} is not what the records ran: its hash is {found}, and theirs {recorded}")]
    Changed { scenario: String, found: String, recorded: String },
    #[error("{0}")]
    Run(#[from] RunError),
    #[error("interrupted")]
    Interrupted,
    #[error(
        "another run of seed {seed} had the trace {found}, and the records {recorded}: they are of another program ({commit})"
    )]
    Differs { seed: u64, found: String, recorded: String, commit: String },
}

/// Hears what is about one trip or its rider.
#[derive(Debug)]
struct Listener {
    trip: TripId,
    rider: Option<RiderId>,
    heard: RefCell<Vec<Call>>,
}

impl Follower for Listener {
    fn follows(&self, subject: Subject) -> bool {
        match subject {
            Subject::Trip(trip) => trip == self.trip,
            Subject::Rider(rider) => Some(rider) == self.rider,
            Subject::Other => false,
        }
    }

    fn called(&self, call: Call) {
        self.heard.borrow_mut().push(call);
    }
}

/// Runs what was recorded again and returns every attempt of a call about the trip or its rider, in the order in which they ended. The run's
/// trace has to be the recorded one.
///
/// # Errors
/// The records' run was stopped by hand, its command or scenario is no longer what it was, or the trace differs.
pub fn calls(
    run: &RunRecord,
    trip: i64,
    rider: Option<i64>,
    interrupt: Arc<AtomicBool>,
    progress: &dyn Fn(f64),
) -> Result<Vec<explain::Call>, FollowError> {
    let unknown = || FollowError::Command(run.reproduce.clone());
    let words = reproduce::command(&run.reproduce).ok_or_else(unknown)?;
    let cli = Cli::try_parse_from(words).map_err(|_| unknown())?;
    let Command::Run(arguments) = cli.command else { return Err(unknown()) };
    if let Some(why) = run.stopped_by.as_ref().filter(|_| arguments.until.is_none()) {
        return Err(FollowError::Stopped(why.clone()));
    }
    let prepared = prepare(&arguments.which.scenario, arguments.which.trips.as_deref())?;
    if prepared.hash != run.scenario_hash {
        let (found, recorded) = (prepared.hash.clone(), run.scenario_hash.clone());
        return Err(FollowError::Changed { scenario: prepared.path.display().to_string(), found, recorded });
    }
    let listener = Rc::new(Listener { trip: TripId(trip), rider: rider.map(RiderId), heard: RefCell::default() });
    let options = Options {
        until: arguments.until,
        interrupt: interrupt.clone(),
        follower: Some(listener.clone()),
        progress,
        ..Options::unwatched(arguments.seed)
    };
    let again = rehearse(&prepared, &options)?;
    if interrupt.load(Ordering::Relaxed) {
        return Err(FollowError::Interrupted);
    }
    let found = again.report.run.trace_hash;
    if found != run.trace_hash {
        let (recorded, commit) = (run.trace_hash.clone(), run.commit.clone());
        return Err(FollowError::Differs { seed: run.seed, found, recorded, commit });
    }
    let origin_ns = i64::try_from(prepared.loaded.scenario.warmup.as_nanos()).unwrap_or(i64::MAX);
    let moment = |at: runtime::Time| i64::try_from(at.nanos()).unwrap_or(i64::MAX) - origin_ns;
    let told = |call: &Call| explain::Call {
        began_at_ns: moment(call.began_at),
        ended_at_ns: moment(call.ended_at),
        from: service_of(&call.from).to_owned(),
        to: call.to.to_owned(),
        at: again.hosts.get(&call.at.host).cloned().unwrap_or_default(),
        what: call.what.to_owned(),
        attempt: call.attempt,
        failure: call.error.map(|error| code_of_error(error).to_owned()),
    };
    let heard = listener.heard.borrow();
    Ok(heard.iter().map(told).collect())
}

/// The service that a process of this name, such as `trips-2`, is a replica of.
fn service_of(process: &str) -> &str {
    process.rsplit_once('-').map_or(process, |(service, _)| service)
}
