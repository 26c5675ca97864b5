//! Rides of whose end nobody tells: after long enough each is taken to have gone as quoted, so that rider, driver and money are free again.

use std::rc::Rc;

use ports::database::{Database, Transaction};

use super::Trips;
use super::advance::end_drive;
use super::next::Next;
use crate::domain::schema::Trip;
use crate::domain::session::Caller;
use crate::domain::trip::{Drive, Ending, State};
use crate::services::Config;
use crate::services::clock::{now_ns, span_ns};
use crate::services::transaction::Failure;
use crate::services::transition::lock_trip;

/// Most rides that are looked at in one round. Assumption: few are that long, and the next round is not far.
const LOOKED_AT_MAX: u32 = 16;

impl<D: Database> Trips<D> {
    /// One round of the loop.
    pub(super) async fn stuck_round(self: &Rc<Self>) {
        let stuck_ns = span_ns(self.config.stuck_after);
        for trip in self.trips_in(State::InProgress, LOOKED_AT_MAX).await {
            // Nothing happens to a trip between pickup and drop-off, and the longest rides come first.
            if trip.updated_at_ns + stuck_ns > now_ns() {
                return;
            }
            let presume = async |transaction: &mut D::Transaction| presume(transaction, &self.config, &trip).await;
            if let Ok(true) = self.store.run(&mut self.background(), presume).await {
                self.nudges.nudge(Caller::Rider(trip.rider_id));
                self.follow(trip.id, Next::Settle);
            }
        }
    }
}

/// Ends a ride that has lasted for too long; false if it has not, or ended meanwhile.
async fn presume<X: Transaction>(transaction: &mut X, config: &Config, seen: &Trip) -> Result<bool, Failure> {
    let mut trip = lock_trip(transaction, seen.id).await?;
    let Some(by) = trip.assignment().filter(|_| trip.version == seen.version) else { return Ok(false) };
    let now_ns = now_ns();
    let expected_ns = i64::from(trip.estimated_duration_s) * 1_000_000_000;
    if now_ns < trip.updated_at_ns + expected_ns.saturating_mul(config.stuck_times.into()) {
        return Ok(false);
    }
    let drive = Drive { distance_m: trip.estimated_distance_m, duration_s: trip.estimated_duration_s };
    end_drive(transaction, config, &mut trip, by, (Ending::Presumed, drive), now_ns).await?;
    Ok(true)
}
