//! The health check that a service answers on a port of its own, and that load balancers ask.

use serde::{Deserialize, Serialize};

/// The question: would you serve a request now?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HealthCheck;

/// The answer. No answer in time counts as unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Health {
    Healthy,
    Unhealthy,
}
