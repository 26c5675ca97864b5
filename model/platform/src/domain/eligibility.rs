//! Whether a driver may be offered a trip.

use super::driver::DriverState;
use super::ids::DriverId;

/// For how long a driver's location counts as fresh. Assumption: idle phones report every 20 s, so one lost report is forgiven.
pub const FRESHNESS_NS: i64 = 45_000_000_000;

/// Why a driver may not be offered a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    #[error("the driver is {state:?}")]
    Busy { state: DriverState },
    #[error("the driver was last seen {age_ns} ns ago")]
    StaleLocation { age_ns: i64 },
    #[error("the driver was offered this trip before")]
    Excluded,
}

/// Checks a driver who was last seen at `located_at_ns` against the drivers to whom the trip was offered before.
pub fn check(
    driver: DriverId,
    state: DriverState,
    located_at_ns: i64,
    offered_before: &[DriverId],
    now_ns: i64,
) -> Result<(), Ineligible> {
    if state != DriverState::Idle {
        return Err(Ineligible::Busy { state });
    }
    if !is_fresh(located_at_ns, now_ns) {
        return Err(Ineligible::StaleLocation { age_ns: now_ns - located_at_ns });
    }
    if offered_before.contains(&driver) {
        return Err(Ineligible::Excluded);
    }
    Ok(())
}

/// Whether a location of that time may still be matched on.
pub fn is_fresh(located_at_ns: i64, now_ns: i64) -> bool {
    now_ns - located_at_ns <= FRESHNESS_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_idle_driver_with_a_fresh_location_who_was_not_asked_before() {
        let (asked, other) = (DriverId(1), DriverId(2));
        assert_eq!(check(other, DriverState::Idle, 0, &[asked], FRESHNESS_NS), Ok(()));
        for &state in DriverState::ALL.iter().filter(|state| **state != DriverState::Idle) {
            assert_eq!(check(other, state, 0, &[], 0), Err(Ineligible::Busy { state }));
        }
        let age_ns = FRESHNESS_NS + 1;
        assert_eq!(check(other, DriverState::Idle, 0, &[], age_ns), Err(Ineligible::StaleLocation { age_ns }));
        assert_eq!(check(asked, DriverState::Idle, 0, &[asked], 0), Err(Ineligible::Excluded));
    }
}
