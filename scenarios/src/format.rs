//! How a TOML text becomes typed values: one declaration of a section's keys drives its reader, the check for unknown
//! keys, its JSON Schema and its part of the scenario's hash.

pub(crate) mod name;
pub(crate) mod report;
pub(crate) mod section;
pub(crate) mod tree;
pub(crate) mod units;
pub(crate) mod value;
