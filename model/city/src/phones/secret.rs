//! The secrets that phones sign in with.

use platform::domain::session::Caller;
use runtime::random::mix;

/// The secret that a phone signs in with: whoever fills the platform's database stores its digest.
pub fn secret(seed: u64, owner: Caller) -> u128 {
    let (role, number) = match owner {
        Caller::Rider(rider) => (1, rider.0),
        Caller::Driver(driver) => (2, driver.0),
        Caller::Operator(operator) => (3, operator.0),
    };
    let half = mix(mix(seed, role), number.cast_unsigned());
    u128::from(half) << 64 | u128::from(mix(half, role))
}
