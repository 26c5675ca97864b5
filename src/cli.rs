//! The command line: what is asked for, before it is known to make sense.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Lives a city's bad day before it happens: the real services of a ride-hailing platform in a deterministic simulation
/// of the cloud they are deployed on.
#[derive(Debug, Parser)]
#[command(name = "rehearse", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario once and report what riders felt, what was lost and how long recovery took.
    Run(Run),
    /// Run a scenario under many seeds and report distributions: median, worst, interval.
    Drill(Drill),
    /// Let every seed break something else, and shrink what fails to a small scenario that fails the same way.
    Chaos(Chaos),
    /// Run one seed in two different processes and find the first event that differs, if any does.
    Verify(Verify),
    /// Rebuild every number and picture of a run from its records alone.
    Report {
        /// The directory that `run --out` wrote.
        directory: PathBuf,
    },
    /// Tell why one trip went as it did: its timeline over phones, services, stores and faults.
    ExplainTrip {
        /// The directory that `run --out` wrote.
        directory: PathBuf,
        /// The trip's number. Without it, the trips that did not go as their riders wished are listed.
        trip: Option<i64>,
        /// Run the recorded seed again, check that its trace is the same, and tell the calls between services about the trip and its rider.
        #[arg(long, requires = "trip")]
        calls: bool,
    },
    /// Say what can break: all kinds of faults, or all about one.
    Explain {
        /// The kind of fault, as in a scenario file.
        kind: Option<String>,
    },
    /// Cities: where riders and drivers are and what they want.
    #[command(subcommand)]
    City(City),
    /// One run's trace, for `verify`: events, hash, checkpoints and the events of a window, as JSON.
    #[command(hide = true)]
    Trace(Trace),
}

/// What a run is made of.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// The scenario file.
    pub scenario: PathBuf,
    /// Replay the recorded trips of this CSV file instead of drawing demand.
    #[arg(long, value_name = "FILE")]
    pub trips: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Run {
    #[command(flatten)]
    pub which: Which,
    /// Seed of every random stream.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What runs it.
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    pub engine: EngineName,
    /// Write records, outcome.json and report.html into this directory.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print outcome.json instead of the report.
    #[arg(long)]
    pub json: bool,
    /// Stop there, counted from the end of the warm-up, such as `25m`: what was measured is marked incomplete and the exit
    /// code is 130.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Duration>,
    /// Send every frame through serde and back: the trace must not change.
    #[arg(long)]
    pub wire_check: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    notation::units::duration(text).map_err(|corrected| match corrected {
        Some(corrected) => format!("did you mean `{corrected}`?"),
        None => "expected a time such as `25m` or `90s`".to_owned(),
    })
}

#[derive(Args, Debug)]
pub struct Drill {
    #[command(flatten)]
    pub which: Which,
    /// How many seeds, counted from the first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Runs at once; one thread each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub jobs: u16,
    /// Write drill.json into this directory.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print drill.json instead of the report.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Chaos {
    /// The scenario that seeds add their faults to.
    #[arg(default_value = "scenarios/chaos/town.toml")]
    pub scenario: PathBuf,
    /// The seeds: from the first up to, and without, the second.
    #[arg(long, default_value = "1..51", value_name = "A..B", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// Runs at once; one thread each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub jobs: u16,
    /// Where the scenarios of seeds that fail are written, whole and shrunk.
    #[arg(long, value_name = "DIR", default_value = "chaos-failures")]
    pub out: PathBuf,
    /// Spend at most this many real seconds on shrinking one failure; 0 shrinks nothing.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub shrink_for: u32,
    /// Print the scenario that each seed draws, as a file that `run` takes, and run nothing.
    #[arg(long)]
    pub plan: bool,
    /// Plant each known bug in turn, or one, and live seeds until one of them finds it: every bug must be found.
    #[cfg(feature = "canary")]
    #[arg(long, value_name = "BUG", num_args = 0..=1, require_equals = true, conflicts_with = "plan")]
    pub planted: Option<Option<String>>,
}

/// `3..8`: at least one seed.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    match ends {
        Some(range) if range.is_empty() => Err("it holds no seed: the second number is not part of it".to_owned()),
        Some(range) => Ok(range),
        None => Err("expected two seeds, such as 1..51".to_owned()),
    }
}

#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    pub which: Which,
    /// The seed to verify.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Args, Debug)]
pub struct Trace {
    #[command(flatten)]
    pub which: Which,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Position of the first event to print.
    #[arg(long, default_value_t = 0)]
    pub from: u64,
    /// Position after the last event to print.
    #[arg(long, default_value_t = 0)]
    pub to: u64,
    /// Run it on this many threads at once, which must agree.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
}

#[derive(Debug, Subcommand)]
pub enum City {
    /// Fit a city from recorded trips and a list of zones, and print its file.
    Fit {
        /// Trip records (CSV).
        #[arg(long, value_name = "FILE")]
        trips: PathBuf,
        /// Zones with centroids and areas (CSV).
        #[arg(long, value_name = "FILE")]
        zones: PathBuf,
        /// Write the city here instead of to standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// What can run a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// The discrete-event engine of this project.
    Native,
    /// turmoil's simulated hosts and network.
    Turmoil,
    /// Real tokio, loopback TCP and the wall clock.
    Live,
}
