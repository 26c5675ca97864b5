//! What can go wrong between records and disk.

use std::io;
use std::path::{Path, PathBuf};

use polars_core::error::PolarsError;
use thiserror::Error;

/// A record file could not be written or read.
#[derive(Debug, Error)]
pub enum Error {
    /// The file system refused: a full disk, a missing file, no permission.
    #[error("failed to {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file system did not take everything: what could be written is whole.
    #[error("{source}; {lacks}")]
    Incomplete {
        /// What it refused first.
        source: Box<Error>,
        /// What the tables lack, and whether `run.json` could not be told.
        lacks: String,
    },
    /// Tables that a run writes are not there.
    #[error("{}: {tables} missing; {why}", directory.display())]
    Missing {
        /// The directory of the run.
        directory: PathBuf,
        /// Which tables, with `is` or `are`.
        tables: String,
        /// Why, as far as `run.json` knows.
        why: String,
    },
    /// The file is not the Parquet that a run writes, or could not be made.
    #[error("failed to {action} {}: {source}", path.display())]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: PolarsError,
    },
    /// The file is not the JSON that a run writes.
    #[error("failed to understand {}: {source}", path.display())]
    Json {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A column holds something that it must not.
    #[error("{}: row {row}: column `{column}` holds {found}, which is none of its values", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
        /// Which column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// The records are of another version of this program.
    #[error("{} has schema version {found}; this program reads version {expected}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What it should.
        expected: u32,
    },
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::File { action, path, source }
    }

    /// For `map_err` on Parquet operations; what the file system refused is told as such.
    pub(crate) fn parquet(action: &'static str, path: &Path) -> impl FnOnce(PolarsError) -> Error {
        let path = path.to_path_buf();
        move |source| match source {
            PolarsError::IO { error, .. } => Error::File { action, path, source: io::Error::new(error.kind(), error) },
            source => Error::Parquet { action, path, source },
        }
    }

    /// For `map_err` on JSON.
    pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Json { path, source }
    }
}
