//! Tables of vehicles. Who drives one is in the driver's row, for as long as the driver is on duty.

use ports::record;

use crate::domain::coded::coded;
use crate::domain::ids::{OrganisationId, VehicleId};

coded! {
    /// What a vehicle can do that not every vehicle can. Fares are the same for all: who carries people with disabilities may not
    /// charge more for it (49 CFR 37.29).
    pub enum VehicleClass {
        Standard = 1,
        /// Takes a wheelchair with its rider.
        Accessible = 2,
    }
}

record! {
    /// A vehicle, and until when each of its papers is in force.
    pub struct Vehicle in "vehicles" as 17 {
        id: VehicleId,
        /// Who owns it; none if its driver does.
        organisation_id: Option<OrganisationId>,
        class: VehicleClass,
        registered_until_ns: i64,
        inspected_until_ns: i64,
        insured_until_ns: i64,
        updated_at_ns: i64,
    }
    key(id)
}
