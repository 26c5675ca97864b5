//! What a trip came to, for its rider to read: from a copy of the database that lags, if there is one, so that what nobody waits for does
//! not burden the primary. Who asks says which state of the trip they have seen, and where the copy is behind that, the primary is asked.

use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use super::Trips;
use crate::api::trips::ReceiptView;
use crate::api::{ApiError, Reply};
use crate::domain::ids::{RiderId, TripId};
use crate::domain::schema::Trip;
use crate::services::transaction::Failure;

impl<D: Database> Trips<D> {
    pub(super) async fn receipt(
        &self,
        rider: RiderId,
        trip: TripId,
        seen_version: i64,
        context: &mut CallContext,
    ) -> Reply<ReceiptView> {
        if let Some(copy) = &self.copy {
            // Asked once: whatever is wrong with it, the primary knows at least as much.
            let mut briefly = CallContext { retry_budget: 0, ..context.at_most(self.config.copy_timeout) };
            let found = copy.run(&mut briefly, async |transaction| read(transaction, rider, trip).await).await;
            if let Ok(receipt) = found
                && (receipt.version >= seen_version || runtime::planted::is("stale-copy-read"))
            {
                return Ok(receipt);
            }
        }
        self.store.run(context, async |transaction| read(transaction, rider, trip).await).await
    }
}

/// Only the trip's rider may read it: to anybody else there is no such trip.
async fn read<X: Transaction>(transaction: &mut X, rider: RiderId, trip: TripId) -> Result<ReceiptView, Failure> {
    let found = transaction.get::<Trip>(trip).await?.filter(|trip| trip.rider_id == rider);
    Ok(ReceiptView::from(&found.ok_or(ApiError::NotFound)?))
}
