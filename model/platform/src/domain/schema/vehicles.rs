//! Tables of vehicles. Who drives one is in the driver's row, for as long as the driver is on duty.

use ports::record;

use crate::domain::ids::{OrganisationId, VehicleId};
use crate::domain::vehicle::VehicleClass;

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
