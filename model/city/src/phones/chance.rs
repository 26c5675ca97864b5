//! Chance, where people do one thing or another.

use runtime::random::{RngExt, Stream};

/// True in this share of cases.
pub(super) fn coin(share: f64, stream: &mut Stream) -> bool {
    stream.random::<f64>() < share
}
