//! Chaos over many seeds, every scenario that once failed, the catalogue of faults, and bugs that must be found.

mod catalogue;
#[cfg(feature = "canary")]
mod planted;
mod regressions;
mod seeds;
mod sources;
