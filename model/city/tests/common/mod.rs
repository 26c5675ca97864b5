//! What several tests of the city share.

use std::path::PathBuf;

use city::City;

/// A committed city file.
pub fn city(name: &str) -> City {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/cities").join(name);
    City::load(&path).unwrap_or_else(|error| panic!("{error}")).0
}
