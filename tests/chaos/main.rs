//! Chaos over many seeds, every scenario that once failed, and the catalogue of faults.

mod catalogue;
mod regressions;
mod seeds;
