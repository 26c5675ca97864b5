//! An application load balancer: a node in each zone that passes requests on to targets in all zones, and controllers that take the
//! addresses of dead nodes out of DNS.
//!
//! *Behaviour*: a request goes to a healthy target over a connection that is kept; its deadline and retry budget go with it.
//! *Limits*: a node's processor, and how many requests it holds. *Failure*: a target that crashed refuses and its requests fail at
//! once; one that is silent holds its requests until a time-out; both get requests until enough health checks have failed. A zone
//! that dies takes its node's address with it. *Recovery*: health checks and nothing else - of targets by nodes, of nodes by
//! controllers; when every target is unhealthy, all of them are used.

mod choice;
mod controller;
mod deploy;
mod node;
mod parameters;
mod registration;
mod vote;

use ports::observe::Name;
use runtime::net::Address;

pub use deploy::{Deployed, Plan, deploy};
pub use parameters::{ControllerParameters, HealthCheckParameters, NodeParameters, Parameters, Routing, Vantage};
pub use registration::{Registration, register};

/// Where a node takes requests.
pub const PORT: u16 = 443;

/// One server that requests are passed on to.
#[derive(Clone, Debug)]
pub struct Target {
    /// What people call it, such as `gateway-a`.
    pub name: Name,
    pub zone: Name,
    /// Where it serves.
    pub address: Address,
    /// Where it answers [`ports::health`].
    pub health: Address,
}

/// Why a node answers a request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProxyError {
    /// The target refused or dropped the connection. Whatever was sent before may have been carried out.
    #[error("bad gateway: the target refused or dropped the connection")]
    BadGateway,
    /// No target is registered.
    #[error("service unavailable: no target is registered")]
    NoTargets,
    /// The node holds as many requests as it can.
    #[error("service unavailable: the load balancer holds too many requests")]
    Overloaded,
    /// The target could not be reached or did not answer in time. The request may have been carried out.
    #[error("gateway time-out: no answer from the target")]
    TimedOut,
}

impl ProxyError {
    /// The HTTP status that clients see.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            ProxyError::BadGateway => 502,
            ProxyError::NoTargets | ProxyError::Overloaded => 503,
            ProxyError::TimedOut => 504,
        }
    }
}
