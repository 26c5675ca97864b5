//! Whether a driver may be offered a trip.

use super::driver::DriverState;
use super::ids::DriverId;
use super::schema::Driver;
use super::vehicle::VehicleClass;

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
    #[error("the vehicle's papers were in force until {until_ns:?} ns")]
    NotCleared { until_ns: Option<i64> },
    #[error("the rider wants another vehicle than one that is {class:?}")]
    OtherVehicle { class: Option<VehicleClass> },
}

/// Checks a driver who was last seen at `located_at_ns` against the vehicle that is wanted and the drivers to whom the trip was offered
/// before.
pub fn check(
    driver: &Driver,
    wanted: Option<VehicleClass>,
    located_at_ns: i64,
    offered_before: &[DriverId],
    now_ns: i64,
) -> Result<(), Ineligible> {
    if driver.state != DriverState::Idle {
        return Err(Ineligible::Busy { state: driver.state });
    }
    if !is_cleared(driver, now_ns) {
        return Err(Ineligible::NotCleared { until_ns: driver.cleared_until_ns });
    }
    if !driver.vehicle_class.is_some_and(|class| class.serves(wanted)) {
        return Err(Ineligible::OtherVehicle { class: driver.vehicle_class });
    }
    if !is_fresh(located_at_ns, now_ns) {
        return Err(Ineligible::StaleLocation { age_ns: now_ns - located_at_ns });
    }
    if offered_before.contains(&driver.id) {
        return Err(Ineligible::Excluded);
    }
    Ok(())
}

/// Whether the driver drives a vehicle whose papers are in force.
pub fn is_cleared(driver: &Driver, now_ns: i64) -> bool {
    driver.cleared_until_ns.is_some_and(|until_ns| now_ns < until_ns)
}

/// Whether a location of that time may still be matched on.
pub fn is_fresh(located_at_ns: i64, now_ns: i64) -> bool {
    now_ns - located_at_ns <= FRESHNESS_NS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{FencingToken, VehicleId};

    const UNTIL_NS: i64 = 2 * FRESHNESS_NS;

    fn driver(id: i64, state: DriverState, class: VehicleClass) -> Driver {
        let on_duty = state != DriverState::Offline;
        Driver {
            id: DriverId(id),
            organisation_id: None,
            state,
            trip_id: None,
            epoch: None,
            lease_token: FencingToken(0),
            lease_expires_at_ns: None,
            vehicle_id: on_duty.then_some(VehicleId(id)),
            vehicle_class: on_duty.then_some(class),
            cleared_until_ns: on_duty.then_some(UNTIL_NS),
            secret_digest: Vec::new(),
            updated_at_ns: 0,
        }
    }

    #[test]
    fn only_an_idle_driver_with_a_fresh_location_who_was_not_asked_before() {
        use VehicleClass::Standard;
        let (asked, other) = (driver(1, DriverState::Idle, Standard), driver(2, DriverState::Idle, Standard));
        assert_eq!(check(&other, None, 0, &[asked.id], FRESHNESS_NS), Ok(()));
        for &state in DriverState::ALL.iter().filter(|state| **state != DriverState::Idle) {
            assert_eq!(check(&driver(2, state, Standard), None, 0, &[], 0), Err(Ineligible::Busy { state }));
        }
        let age_ns = FRESHNESS_NS + 1;
        assert_eq!(check(&other, None, 0, &[], age_ns), Err(Ineligible::StaleLocation { age_ns }));
        assert_eq!(check(&asked, None, 0, &[asked.id], 0), Err(Ineligible::Excluded));
    }

    #[test]
    fn only_in_a_vehicle_that_is_wanted_and_whose_papers_are_in_force() {
        use VehicleClass::{Accessible, Standard};
        let standard = driver(1, DriverState::Idle, Standard);
        let (class, until_ns) = (Some(Standard), Some(UNTIL_NS));
        assert_eq!(check(&standard, Some(Accessible), 0, &[], 0), Err(Ineligible::OtherVehicle { class }));
        assert_eq!(check(&driver(1, DriverState::Idle, Accessible), Some(Accessible), 0, &[], 0), Ok(()));
        assert_eq!(check(&standard, None, UNTIL_NS, &[], UNTIL_NS - 1), Ok(()));
        assert_eq!(check(&standard, None, UNTIL_NS, &[], UNTIL_NS), Err(Ineligible::NotCleared { until_ns }));
    }
}
