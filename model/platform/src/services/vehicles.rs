//! The vehicles service: knows every vehicle and its papers, and says which may be driven.

use std::rc::Rc;

use ports::database::{Database, Transaction};

use super::clock::now_ns;
use super::transaction::{Failure, Store, update};
use super::{Config, server};
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::api::vehicles::{Request, Response};
use crate::domain::ids::OrganisationId;
use crate::domain::schema::Vehicle;
use crate::domain::vehicle::{Clearance, NotCleared, Papers};

/// Runs one replica.
pub async fn run<D: Database>(config: Rc<Config>, database: D) {
    let store = Rc::new(Store::new(database, &config.calls));
    let _ports = server::open(&config, move |Request::Clear { organisation, papers }, mut context| {
        let store = store.clone();
        async move {
            let clear = store.run(&mut context, async |transaction| clear(transaction, organisation, &papers).await);
            clear.await.map(Response::Cleared)
        }
    });
    runtime::task::forever().await;
}

/// Whether the vehicle may be driven. What may not leaves nothing behind: its papers come again when they are better.
async fn clear<X: Transaction>(
    transaction: &mut X,
    organisation: Option<OrganisationId>,
    papers: &Papers,
) -> Result<Clearance, Failure> {
    let now_ns = now_ns();
    let Some(mut vehicle) = transaction.get_for_update::<Vehicle>(papers.vehicle).await? else {
        let vehicle = Vehicle::register(papers, now_ns);
        let clearance = vehicle.clear(organisation, now_ns)?;
        transaction.insert(&vehicle).await?;
        return Ok(clearance);
    };
    let is_newer = vehicle.renew(papers, now_ns);
    let clearance = vehicle.clear(organisation, now_ns)?;
    if is_newer {
        update(transaction, &vehicle).await?;
    }
    Ok(clearance)
}

impl From<NotCleared> for Failure {
    fn from(error: NotCleared) -> Self {
        let reason = match error {
            NotCleared::Unfit { .. } => Rejection::VehicleUnfit,
            NotCleared::OfAnother { .. } => Rejection::NotAllowed,
        };
        ApiError::Rejected { reason }.into()
    }
}
