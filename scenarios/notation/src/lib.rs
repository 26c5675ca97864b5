//! How a TOML text that people write becomes typed values, or everything that is wrong with it at once, with file, line, column and
//! what would be right.
//!
//! One declaration of a table's keys ([`section!`]) drives its reader, the check for unknown keys and its JSON Schema. Who declares
//! tables depends on `serde_json` too.

pub mod name;
pub mod place;
mod problem;
pub mod report;
pub mod section;
pub mod tree;
pub mod units;
pub mod value;

pub use problem::{Problem, Problems};
