//! `rehearse explain-trip`: why one trip of a run went as it did, from the run's records alone.

use std::path::Path;

use reports::explain;

use super::say;
use crate::exit::Exit;

/// Tells one trip, or lists those that went wrong. An unknown trip and records that cannot be read are bad input.
pub fn explain_trip(directory: &Path, trip: Option<i64>) -> Exit {
    if !directory.is_dir() {
        let problem = format!("{} is not a directory that `rehearse run --out` wrote", directory.display());
        return say::complaint(Exit::BadInput, &problem);
    }
    let told = match trip {
        Some(trip) => explain::trip(directory, trip, say::colour()),
        None => explain::trips(directory, say::colour()),
    };
    match told {
        Ok(text) => say::and_exit(&text, Exit::Passed),
        Err(problem) => say::complaint(Exit::BadInput, &problem),
    }
}
