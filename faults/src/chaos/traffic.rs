//! What else may be off in a seed, besides what breaks: how many people want something, how they insist, and how tight
//! the services' pools are.

use std::time::Duration;

use runtime::random::{RngExt, Stream};
use scenarios::{Blueprint, Override, Scenario, Traffic};

/// Traffic is the base's times one of these: never less than the base asks for.
const FACTORS: [f64; 3] = [1.0, 1.5, 2.0];

/// Shapes the traffic, the phones' patience and, in one seed of four, one service's pool of database connections.
pub fn shape(scenario: &mut Scenario, blueprint: &Blueprint, stream: &mut Stream) {
    let factor = FACTORS[stream.random_range(0..FACTORS.len())];
    match &mut scenario.traffic {
        Traffic::Requests { per_second } => *per_second *= factor,
        Traffic::Fleet { riders_per_hour, .. } => *riders_per_hour *= factor,
        // What was recorded is what it was.
        Traffic::Trips { .. } => {}
    }
    scenario.clients.attempts = stream.random_range(1..=5);
    scenario.clients.timeout = Duration::from_secs(stream.random_range(2..=10));
    let service = &blueprint.services[stream.random_range(0..blueprint.services.len())];
    let pool = stream.random_range(1..=3);
    if stream.random_range(0..4) == 0 {
        let path = format!("service.{}.pool_size", service.name);
        scenario.overrides.push(Override { path, value: pool.to_string() });
    }
}
