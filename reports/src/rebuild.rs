//! From a directory of records to its answers: every number and picture, from the records alone. Reading needs no room on the disk.

use std::path::Path;

use crate::error::Error;
use crate::files::{OUTCOME_FILE, REPORT_FILE, write_json, write_whole};
use crate::html;
use crate::measures::Measures;
use crate::reader;
use crate::report::Report;

/// Computes a run's report from its records.
pub fn read_report(directory: &Path) -> Result<Report, Error> {
    let run = reader::read_run(directory)?;
    let mut measures = Measures::new(run.duration_ns());
    reader::read_records(directory, |record| measures.add(record))?;
    Ok(measures.finish(&run))
}

/// Writes `outcome.json` and `report.html` beside the records.
pub fn write_answers(directory: &Path, report: &Report) -> Result<(), Error> {
    write_json(&directory.join(OUTCOME_FILE), &report.outcome)?;
    write_whole(&directory.join(REPORT_FILE), html::render(report).as_bytes())
}
