//! Names of services and stores, and the addresses behind them.

use runtime::net::Address;

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A server of names answered that there is no such name, or that nothing is behind it.
    #[error("failed to resolve {name}: no such name")]
    NameUnknown { name: String },
    /// No server of names answered, and nothing usable was remembered.
    #[error("failed to resolve {name}: no name server answered")]
    Unreachable { name: String },
}

/// A client of the name service. It may answer from memory, so an address may be one that was true a while ago.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Resolver: Clone + 'static {
    /// Every address behind the name, at least one, in the order of the record.
    async fn resolve(&self, name: &str) -> Result<Vec<Address>, ResolveError>;
}
