//! The files of a run's directory: what they are called, and how one is written so that nobody reads half of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The file that says which run a directory holds and whether it is complete.
pub const RUN_FILE: &str = "run.json";

/// The conclusions, for programs.
pub const OUTCOME_FILE: &str = "outcome.json";

/// The conclusions, for people.
pub const REPORT_FILE: &str = "report.html";

/// Writes JSON beside its name and moves it there, so that nobody reads half of it.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(Error::json(path))?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Writes a file beside its name and moves it there. Nothing is left beside it where that fails.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let partial = partial_name(path);
    let written = fs::write(&partial, contents).map_err(Error::file("write", path));
    let named = written.and_then(|()| fs::rename(&partial, path).map_err(Error::file("name", path)));
    if named.is_err() {
        // What was refused is told already.
        let _ = fs::remove_file(&partial);
    }
    named
}

/// The name under which a file grows.
pub(crate) fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
