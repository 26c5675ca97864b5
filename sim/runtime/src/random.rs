//! Named random streams. A stream depends on (seed, process, name) alone, so that a new component or an edit
//! elsewhere never shifts anybody else's draws.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::backend;

pub use rand::{Rng, RngExt};

/// A random stream: 16 bytes of state, stable across platforms and versions by definition of its algorithm.
pub type Stream = Pcg64Mcg;

/// The stream of this name in the current process. Each call starts it afresh: keep it.
#[must_use]
pub fn stream(name: &str) -> Stream {
    backend::with(|backend| derive(backend.seed(), &backend.process_name(), name))
}

/// The stream of this name for an owner outside any process (the city's demand, a fault schedule).
#[must_use]
pub fn derive(seed: u64, owner: &str, name: &str) -> Stream {
    let mut key = Vec::with_capacity(owner.len() + name.len() + 1);
    key.extend_from_slice(owner.as_bytes());
    key.push(0xff); // no UTF-8 text has this byte: ("ab", "c") and ("a", "bc") stay apart
    key.extend_from_slice(name.as_bytes());
    Stream::from_seed(xxh3_128_with_seed(&key, seed).to_le_bytes())
}

/// Mixes two words into one that looks random: for draws that are keyed by what they are for rather than by order.
#[inline]
#[must_use]
pub fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    (product as u64) ^ ((product >> 64) as u64)
}
