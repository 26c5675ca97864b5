//! What people drive, and what they need to ride in: facts about them, the same in every run of whatever seed.

use platform::domain::ids::{DriverId, OrganisationId, RiderId, VehicleId};
use platform::domain::vehicle::{Papers, VehicleClass};
use runtime::random::mix;

/// The share of drivers whose vehicle takes a wheelchair. Assumption.
const ACCESSIBLE_VEHICLES: f64 = 0.08;

/// The share of riders who need one. Assumption.
const NEED_ACCESSIBLE: f64 = 0.01;

/// The share of drivers who drive a company's vehicle. Assumption.
const OF_COMPANIES: f64 = 0.5;

/// How many companies there are. Assumption.
const COMPANIES: u64 = 12;

/// The share of drivers who first get into the wrong one of two cars in the yard. Assumption.
const MISTAKEN: f64 = 0.05;

const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// For how long a vehicle is registered at a time. Assumption: two years, as New York State does.
const REGISTRATION_NS: i64 = 730 * DAY_NS;

/// From one inspection to the next. Assumption: four months, as New York has for-hire vehicles inspected.
const INSPECTION_NS: i64 = 120 * DAY_NS;

/// For how long a vehicle is insured at a time. Assumption: a year.
const INSURANCE_NS: i64 = 365 * DAY_NS;

/// What this rider needs to ride in; none takes any vehicle.
pub(super) fn needed_by(rider: RiderId) -> Option<VehicleClass> {
    (share_of(rider.0, 0x0061_DE55) < NEED_ACCESSIBLE).then_some(VehicleClass::Accessible)
}

/// The class of this driver's vehicle. Everybody drives their own.
pub(super) fn class_of(driver: DriverId) -> VehicleClass {
    if share_of(driver.0, 0x00CA_FE11) < ACCESSIBLE_VEHICLES {
        VehicleClass::Accessible
    } else {
        VehicleClass::Standard
    }
}

/// For whom this driver drives; none who drives on their own account.
pub(super) fn organisation_of(driver: DriverId) -> Option<OrganisationId> {
    let company = mix(driver.0.cast_unsigned(), 0x00C0_FFEE) % COMPANIES;
    (share_of(driver.0, 0x000F_1EE7) < OF_COMPANIES).then_some(OrganisationId(company.cast_signed()))
}

/// The papers of the car that this driver gets into by mistake, if it is somebody else's altogether.
pub(super) fn papers_by_mistake(driver: DriverId, now_ns: i64) -> Option<Papers> {
    let next = DriverId(driver.0 + 1);
    let mistaken = share_of(driver.0, 0x0000_0B57) < MISTAKEN && organisation_of(driver) != organisation_of(next);
    mistaken.then(|| papers_of(next, now_ns))
}

/// The papers of this driver's vehicle as they are now: each is renewed when it lapses, and they do not lapse together.
pub(super) fn papers_of(driver: DriverId, now_ns: i64) -> Papers {
    let until_ns = |period_ns: i64, salt: u64| {
        let first_ns = (share_of(driver.0, salt) * period_ns as f64) as i64;
        first_ns + ((now_ns - first_ns).div_euclid(period_ns) + 1) * period_ns
    };
    Papers {
        vehicle: VehicleId(driver.0),
        organisation: organisation_of(driver),
        class: class_of(driver),
        registered_until_ns: until_ns(REGISTRATION_NS, 1),
        inspected_until_ns: until_ns(INSPECTION_NS, 2),
        insured_until_ns: until_ns(INSURANCE_NS, 3),
    }
}

/// Where somebody stands between 0 and 1 in a matter, without drawing.
fn share_of(number: i64, salt: u64) -> f64 {
    mix(number.cast_unsigned(), salt) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_in_force_whenever_they_are_shown_and_lapse_in_their_time() {
        for driver in (1..500).map(DriverId) {
            let mut renewed = 0;
            let mut known = papers_of(driver, 0);
            for day in 0..366 {
                let now_ns = day * DAY_NS;
                let papers = papers_of(driver, now_ns);
                for (until_ns, period_ns) in [
                    (papers.registered_until_ns, REGISTRATION_NS),
                    (papers.inspected_until_ns, INSPECTION_NS),
                    (papers.insured_until_ns, INSURANCE_NS),
                ] {
                    assert!((1..=period_ns).contains(&(until_ns - now_ns)), "driver {driver}, day {day}: {papers:?}");
                }
                renewed += u32::from(papers.inspected_until_ns != known.inspected_until_ns);
                known = papers;
            }
            assert!((3..=4).contains(&renewed), "driver {driver}'s vehicle was inspected {renewed} times in a year");
        }
    }

    #[test]
    fn some_vehicles_are_accessible_a_few_riders_need_one_and_some_drivers_err() {
        let drivers = (1..=10_000).filter(|id| class_of(DriverId(*id)) == VehicleClass::Accessible).count();
        let riders = (1..=10_000).filter(|id| needed_by(RiderId(*id)).is_some()).count();
        let mistaken = (1..=10_000).filter(|id| papers_by_mistake(DriverId(*id), 0).is_some()).count();
        assert!((400..500).contains(&mistaken), "{mistaken} of 500 are not of one company by chance");
        assert!((700..900).contains(&drivers) && (70..130).contains(&riders), "{drivers} drivers, {riders} riders");
    }
}
