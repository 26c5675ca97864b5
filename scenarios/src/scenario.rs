//! A scenario: a blueprint, a city, traffic, faults, a runbook and objectives.

mod check;
mod traffic;
mod week;

pub use traffic::{Clients, Traffic};
pub use week::{WeekTime, Weekday};

pub(crate) use check::{check_onsets, check_runbook, check_targets};

use std::time::Duration;

use week::WeekMoment;

use notation::section;
use notation::section::Nested;
use notation::value::{Flag, Length, List, PositiveLength, Text};

use crate::fault::Fault;
use crate::objective::{Objective, Objectives};
use crate::overrides::{Override, Overrides};
use crate::runbook::RunbookStep;

section! {
    /// One rehearsal: who asks for rides where, on which architecture, and what breaks.
    pub struct Scenario {
        /// What reports call this scenario.
        title: String as Text,
        /// The blueprint: a name from `scenarios/blueprints`, or a path ending in `.toml` relative to this file.
        blueprint: String as Text,
        /// The city: a name from `scenarios/cities`, or a path ending in `.toml` relative to this file.
        city: String as Text,
        /// Local time of the week at the end of the warm-up.
        start: WeekTime as WeekMoment,
        /// How long the run is, from the end of the warm-up.
        duration: Duration as PositiveLength,
        /// Simulated time before anything counts, in which queues, caches and drivers find their usual state. Default:
        /// 10 minutes, the length of a short trip (assumption).
        warmup: Duration as Length = Duration::from_secs(600),
        /// Whether what may happen at one instant happens in an order that the seed draws, instead of first come, first served.
        draw_order: bool as Flag = false,
        /// How many people want rides.
        traffic: Traffic as Nested,
        /// How phones wait and try again.
        clients: Clients as Nested,
        /// What breaks.
        faults("fault"): Vec<Fault> as List<Nested> = Vec::new(),
        /// What people do about it.
        runbook: Vec<RunbookStep> as List<Nested> = Vec::new(),
        /// Bounds that the run must keep, besides those of the blueprint; for the same metric, instead of them.
        objectives: Vec<Objective> as Objectives = Vec::new(),
        /// Values of the blueprint that this scenario changes, by their dotted path, such as `"rds.promote" = "60s"`. Elements
        /// of an array are found by their name: `"service.trips.replicas" = 6`.
        overrides("override"): Vec<Override> as Overrides = Vec::new(),
    }
}
