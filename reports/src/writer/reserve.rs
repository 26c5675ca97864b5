//! Room on the disk that is set aside while a run writes, so that a full one can still be told what it lacks.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::partial_name;

/// Bytes set aside for the footers of all tables, `run.json`, `outcome.json` and `report.html`. The largest is the page: 145 KB of a drill of
/// ninety minutes; the rest is margin for longer runs (assumption).
const RESERVE_BYTES: usize = 1_024 * 1_024;

/// A file of no content. Dropped, it is removed, and its room is free again.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Sets the room aside in this directory.
    pub(super) fn create(directory: &Path) -> Result<Reserve, Error> {
        let reserve = Reserve { path: partial_name(&directory.join("reserve")) };
        fs::write(&reserve.path, vec![0; RESERVE_BYTES]).map_err(Error::file("set room aside in", &reserve.path))?;
        Ok(reserve)
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // One that cannot be removed takes room and harms nobody; the next run in this directory writes over it.
        let _ = fs::remove_file(&self.path);
    }
}
