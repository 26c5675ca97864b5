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
mod target;
mod vote;

pub use deploy::{Deployed, Plan, deploy};
pub use node::{PORT, ProxyError};
pub use parameters::{ControllerParameters, HealthCheckParameters, NodeParameters, Parameters, Routing, Vantage};
pub use registration::{Registration, register};
pub use target::Target;
