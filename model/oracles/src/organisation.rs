//! Invariant 37: no row of one organisation reaches another's caller. What an organisation has in the platform is vehicles, and what reaches its
//! drivers of them is leave to drive one: their own rows say which.

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OrganisationsApart)]
}

struct OrganisationsApart;

impl Oracle for OrganisationsApart {
    fn name(&self) -> &'static str {
        "organisations-apart"
    }

    fn statement(&self) -> &'static str {
        "a driver is given leave to drive vehicles of their own organisation, and hears of no other's"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for pair in transaction.drivers() {
            let Some(driver) = &pair.after else { continue };
            let before = pair.before.as_ref().and_then(|before| before.vehicle_id);
            let given = driver.vehicle_id.filter(|vehicle| before != Some(*vehicle));
            let Some(vehicle) = given.and_then(|vehicle| view.vehicle(vehicle)) else { continue };
            tally.check(transaction.at, vehicle.organisation_id == driver.organisation_id, || {
                format!(
                    "driver {} of {:?} drives vehicle {} of {:?}",
                    driver.id, driver.organisation_id, vehicle.id, vehicle.organisation_id
                )
            });
        }
    }
}
