//! Everything that a rendering of a run may show.

use crate::measures::timeline::{Fault, Happening, Point, Saturation};
use crate::outcome::Outcome;
use crate::run::RunRecord;

/// A run with its conclusions and its course: what the terminal and the HTML page are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run.
    pub run: RunRecord,
    /// Its conclusions.
    pub outcome: Outcome,
    /// Its course in ten-second steps.
    pub points: Vec<Point>,
    /// How full components were, the fullest first.
    pub saturation: Vec<Saturation>,
    /// What broke, in order of onset.
    pub faults: Vec<Fault>,
    /// What components did about it, in order of time.
    pub happenings: Vec<Happening>,
    /// States of components that `component_states.parquet` has and this list has not.
    pub happenings_left_off: u64,
}
