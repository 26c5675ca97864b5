//! `rehearse report`: every number and picture of a run again, from its records alone.

use std::path::Path;

use super::say;
use crate::exit::Exit;

pub fn report(directory: &Path) -> Exit {
    if !directory.is_dir() {
        let problem = format!("{} is not a directory that `rehearse run --out` wrote", directory.display());
        return say::complaint(Exit::BadInput, &problem);
    }
    let report = match reports::rebuild::read_report(directory) {
        Ok(report) => report,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    let exit = match reports::rebuild::write_answers(directory, &report) {
        Ok(()) => report.outcome.verdict.into(),
        Err(problem) => say::complaint(Exit::Internal, &problem),
    };
    say::and_exit(&reports::terminal::render(&report, say::colour()), exit)
}
