//! What a node passes requests on to.

use ports::observe::Name;
use runtime::net::Address;

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
