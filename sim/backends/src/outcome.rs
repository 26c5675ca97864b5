//! How a run ends, and why one cannot begin or go on.

use std::io;

use runtime::Time;

use crate::capability::Unsupported;

/// A run that was driven to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// How far the run's clock came.
    pub at: Time,
    /// The interrupt flag was raised before the end asked for.
    pub interrupted: bool,
    /// Processes that panicked, in order. A panic crashes its process, as on every engine.
    pub panics: Vec<ProcessPanic>,
}

/// A process that panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{process} panicked at {at}: {message}")]
pub struct ProcessPanic {
    pub process: String,
    pub at: Time,
    pub message: String,
}

/// Why an engine could not run a world.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error("failed to start the tokio runtime")]
    Runtime(#[source] io::Error),
    #[error("turmoil gave up at {at}: {message}")]
    Turmoil { at: Time, message: String },
}
