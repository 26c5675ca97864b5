//! Why did this trip go as it did? One trip's timeline over phones, services, stores and faults, from the records alone; and, where somebody ran
//! the seed again to hear them, with the calls between services.
//!
//! [`gather`] finds what concerns the trip, [`verdict`] says in a sentence how it ended, [`lines`] puts everything into one order
//! of time, and [`render`] draws it. [`list`] is for those who do not know a trip's number yet.

mod gather;
mod lines;
mod list;
mod render;
mod states;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::Path;

use thiserror::Error;

pub use self::gather::{Call, Story};

/// Trips that are named when somebody asks for one that is not there.
const NEAREST: usize = 5;

/// Why a trip cannot be explained.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// The records cannot be read.
    #[error("{0}")]
    Records(#[from] crate::error::Error),
    /// The records hold other trips.
    #[error("no trip is numbered {trip}; {}", others(nearest))]
    Unknown {
        /// The number asked for.
        trip: i64,
        /// The numbers closest to it, ascending.
        nearest: Vec<i64>,
    },
}

fn others(nearest: &[i64]) -> String {
    match nearest {
        [] => "these records hold no trip at all".to_string(),
        nearest => {
            let numbers: Vec<String> = nearest.iter().map(i64::to_string).collect();
            format!("the nearest are {}; without a number, the trips that went wrong are listed", numbers.join(", "))
        }
    }
}

/// Tells one trip of the run whose records are in this directory.
///
/// # Errors
/// The records cannot be read, or hold no such trip.
pub fn trip(directory: &Path, trip: i64, colour: bool) -> Result<String, ExplainError> {
    story(directory, trip).map(|story| render::render(&story, colour))
}

/// What the records in this directory have of one trip.
///
/// # Errors
/// The records cannot be read, or hold no such trip.
pub fn story(directory: &Path, trip: i64) -> Result<Story, ExplainError> {
    match Story::gather(directory, trip)? {
        Some(story) => Ok(story),
        None => {
            let mut nearest = list::numbers(directory)?;
            nearest.sort_by_key(|other| other.abs_diff(trip));
            nearest.truncate(NEAREST);
            nearest.sort_unstable();
            Err(ExplainError::Unknown { trip, nearest })
        }
    }
}

/// Lists the trips that did not end as their riders wished.
///
/// # Errors
/// The records cannot be read.
pub fn trips(directory: &Path, colour: bool) -> Result<String, ExplainError> {
    Ok(list::render(directory, colour)?)
}

impl Story {
    /// Tells it.
    pub fn tell(&self, colour: bool) -> String {
        render::render(self, colour)
    }
}
