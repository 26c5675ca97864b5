//! What each subcommand does: arguments in, words and files out, an exit code at the end. Results go to standard output,
//! progress and complaints to standard error.

mod chaos;
mod city;
mod clock;
mod drill;
mod explain;
mod explain_trip;
mod interrupt;
mod report;
mod run;
mod say;
mod trace;
mod verify;

use crate::cli::{City, Command};
use crate::exit::Exit;

/// Does what was asked for.
#[must_use]
pub fn execute(command: Command) -> Exit {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Drill(arguments) => drill::drill(&arguments),
        Command::Chaos(arguments) => chaos::chaos(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::ExplainTrip { directory, trip, calls } => explain_trip::explain_trip(&directory, trip, calls),
        Command::Report { directory } => report::report(&directory),
        Command::Explain { kind } => explain::explain(kind.as_deref()),
        Command::City(City::Fit { trips, zones, out }) => city::fit(&trips, &zones, out.as_deref()),
        Command::Trace(arguments) => trace::trace(&arguments),
    }
}
