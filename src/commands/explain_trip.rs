//! `rehearse explain-trip`: why one trip of a run went as it did, from the run's records; with its calls between services, from another run of
//! the seed.

use std::path::Path;

use reports::explain::{self, Story};

use super::{interrupt, say};
use crate::exit::Exit;
use crate::following::{self, FollowError};

/// Tells one trip, or lists those that went wrong. An unknown trip and records that cannot be read are bad input.
pub fn explain_trip(directory: &Path, trip: Option<i64>, with_calls: bool) -> Exit {
    if !directory.is_dir() {
        let problem = format!("{} is not a directory that `rehearse run --out` wrote", directory.display());
        return say::complaint(Exit::BadInput, &problem);
    }
    let Some(trip) = trip else {
        return match explain::trips(directory, say::colour()) {
            Ok(text) => say::and_exit(&text, Exit::Passed),
            Err(problem) => say::complaint(Exit::BadInput, &problem),
        };
    };
    let mut story = match explain::story(directory, trip) {
        Ok(story) => story,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    if with_calls && let Err(problem) = follow(&mut story, trip) {
        return say::complaint(exit_of(&problem), &problem);
    }
    say::and_exit(&story.tell(say::colour()), Exit::Passed)
}

fn follow(story: &mut Story, trip: i64) -> Result<(), FollowError> {
    let bar = say::progress_bar();
    let progress = |share: f64| bar.set_position((share * 1_000.0) as u64);
    let calls = following::calls(story.run(), trip, story.rider(), interrupt::flag(), &progress);
    bar.finish_and_clear();
    story.add_calls(calls?);
    Ok(())
}

fn exit_of(problem: &FollowError) -> Exit {
    match problem {
        FollowError::Stopped(_) | FollowError::Command(_) | FollowError::Input(_) | FollowError::Changed { .. } => {
            Exit::BadInput
        }
        FollowError::Run(_) => Exit::Internal,
        FollowError::Interrupted => Exit::Interrupted,
        FollowError::Differs { .. } => Exit::Nondeterminism,
    }
}
