//! Drivers who accepted a trip and were not heard of since: the trip goes to somebody else.

use std::rc::Rc;

use ports::database::{Database, Transaction};

use super::Trips;
use super::next::Next;
use crate::domain::driver::DriverEvent;
use crate::domain::schema::Trip;
use crate::domain::session::Caller;
use crate::domain::trip::{Assignment, Event, State};
use crate::services::clock::{now_ns, span_ns};
use crate::services::transaction::{Failure, update};
use crate::services::transition::{let_go, lock_trip, take};

/// The states in which a driver can be lost. With a passenger aboard the phone finishes the trip and tells later.
const WATCHED: [State; 3] = [State::Accepted, State::EnRoutePickup, State::Arrived];

/// Most trips of one state that are watched in one round. Assumption: more than one city has drivers on their way to a pickup.
const WATCHED_MAX: u32 = 1_000;

impl<D: Database> Trips<D> {
    /// One round of the loop. Geo is asked even if nobody is watched: of a replica that dies, it counts when it last answered.
    pub(super) async fn lost_drivers_round(self: &Rc<Self>) {
        let silence_ns = span_ns(self.config.driver_lost);
        let mut watched: Vec<(Trip, Assignment)> = Vec::new();
        for state in WATCHED {
            let trips = self.trips_in(state, WATCHED_MAX).await;
            // Taking the step that led here was a sign of life.
            let quiet = trips.into_iter().filter(|trip| trip.updated_at_ns + silence_ns < now_ns());
            watched.extend(quiet.filter_map(|trip| trip.assignment().map(|assignment| (trip, assignment))));
        }
        let drivers = watched.iter().map(|(_, assignment)| assignment.driver).collect();
        let context = self.background().at_most(self.config.calls.attempt_timeout);
        let Ok(silent_since_ns) = self.neighbours.fleet.silent_since(drivers, context).await else { return };
        for ((trip, assignment), silent_since_ns) in watched.iter().zip(silent_since_ns) {
            if silent_since_ns.saturating_add(silence_ns) >= now_ns() {
                continue;
            }
            let reassign = async |transaction: &mut D::Transaction| reassign(transaction, trip, *assignment).await;
            if let Ok(true) = self.store.run(&mut self.background(), reassign).await {
                self.nudges.nudge(Caller::Rider(trip.rider_id));
                self.follow(trip.id, Next::Search);
            }
        }
    }
}

/// Takes the trip from a driver who is lost; false if it moved on meanwhile.
async fn reassign<X: Transaction>(transaction: &mut X, seen: &Trip, lost: Assignment) -> Result<bool, Failure> {
    let mut trip = lock_trip(transaction, seen.id).await?;
    if trip.version != seen.version {
        return Ok(false);
    }
    let (before, now_ns) = (trip.clone(), now_ns());
    if runtime::planted::is("step-without-log") {
        trip.apply(Event::Reassigned(lost), now_ns)?;
        update(transaction, &trip).await?;
    } else {
        take(transaction, &mut trip, Event::Reassigned(lost), now_ns).await?;
    }
    let_go(transaction, &before, DriverEvent::Lost, now_ns).await?;
    Ok(true)
}
