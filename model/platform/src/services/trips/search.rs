//! The search for a driver: begun when a trip is requested, gone on with after every refusal, and given up in the end. The loop finishes what a
//! crash interrupted; each piece of work is claimed in its row first, so replicas do not search for the same trip at once.

use std::rc::Rc;

use ports::database::{Database, Transaction};

use super::next::Next;
use super::{Trips, answer};
use crate::api::{ApiError, matching};
use crate::domain::ids::TripId;
use crate::domain::offer::OfferStatus;
use crate::domain::schema::{Offer, Trip};
use crate::domain::session::Caller;
use crate::domain::trip::{Event, State};
use crate::services::Config;
use crate::services::clock::{now_ns, span_ns};
use crate::services::peers::Route;
use crate::services::transaction::{Failure, update};
use crate::services::transition::{lock_trip, settle, take};

/// One replica matches the whole city, for as long as it answers: an assignment is the better, the more trips and drivers it is over.
const WHOLE_CITY: Route = Route::Keyed(0);

impl<D: Database> Trips<D> {
    /// Has the card asked, and begins the search. A processor that does not answer does not keep a rider waiting: the card is asked later.
    pub(super) async fn begin_search(&self, trip: TripId) {
        let wait = self.background().at_most(self.config.authorisation_wait);
        self.settle(trip, wait).await;
        let begin = async |transaction: &mut D::Transaction| {
            let mut trip = lock_trip(transaction, trip).await?;
            if trip.state == State::Requested {
                take(transaction, &mut trip, Event::MatchingBegan, now_ns()).await?;
            }
            Ok(())
        };
        if self.store.run(&mut self.background(), begin).await.is_ok() {
            self.search(trip).await;
        }
    }

    /// Has the trip put into the next batch, if it is looking for a driver. Without success the loop comes back to it.
    pub(super) async fn search(&self, trip: TripId) {
        let mut context = self.background();
        let read = async |transaction: &mut D::Transaction| Ok(transaction.get::<Trip>(trip).await?);
        if let Ok(Some(trip)) = self.store.run(&mut context, read).await
            && trip.state == State::Matching
        {
            let (attempt, pickup, class) = (trip.attempt, trip.pickup(), trip.vehicle_class);
            let request = matching::Request::FindDriver { trip: trip.id, attempt, pickup, class };
            let _ = self.neighbours.matching.call_by(WHOLE_CITY, request, &mut context).await;
        }
    }

    /// One round of the loop.
    pub(super) async fn search_round(self: &Rc<Self>) {
        self.begin_forgotten().await;
        self.end_lapsed().await;
        self.repeat_searches().await;
    }

    /// Trips that were requested and whose search nobody began.
    async fn begin_forgotten(self: &Rc<Self>) {
        let patience_ns = span_ns(self.config.authorisation_wait) * 2;
        for trip in self.trips_in(State::Requested, self.config.batch).await {
            if trip.updated_at_ns + patience_ns <= now_ns() {
                self.follow(trip.id, Next::BeginSearch);
            }
        }
    }

    /// Offers that nobody answered.
    async fn end_lapsed(self: &Rc<Self>) {
        let scan = async |transaction: &mut D::Transaction| {
            Ok(transaction.scan::<Offer>(Offer::BY_EXPIRY, OfferStatus::Live, self.config.batch).await?)
        };
        let Ok(offers) = self.store.run(&mut self.background(), scan).await else { return };
        for offer in offers.iter().take_while(|offer| offer.expires_at_ns <= now_ns()) {
            let lapse = async |transaction: &mut D::Transaction| {
                answer::lapse(transaction, (offer.trip_id, offer.attempt), now_ns()).await
            };
            if let Ok(true) = self.store.run(&mut self.background(), lapse).await {
                self.follow(offer.trip_id, Next::Search);
            }
        }
    }

    /// Searches that found nobody.
    async fn repeat_searches(self: &Rc<Self>) {
        for trip in self.trips_in(State::Matching, self.config.batch).await {
            if trip.updated_at_ns + span_ns(self.config.search_interval) > now_ns() {
                break; // the others were looked for later still
            }
            let claim = async |transaction: &mut D::Transaction| claim(transaction, &self.config, trip.id).await;
            if let Ok(next) = self.store.run(&mut self.background(), claim).await {
                if next == Next::Settle {
                    self.nudges.nudge(Caller::Rider(trip.rider_id));
                }
                self.follow(trip.id, next);
            }
        }
    }

    /// The trips that have been in this state for longest, at most `limit`.
    pub(super) async fn trips_in(&self, state: State, limit: u32) -> Vec<Trip> {
        let scan =
            async |transaction: &mut D::Transaction| Ok(transaction.scan::<Trip>(Trip::BY_STATE, state, limit).await?);
        // The database is away: the next round tries again.
        self.store.run(&mut self.background(), scan).await.unwrap_or_default()
    }
}

/// Takes the next search of a trip for this replica, or gives the search up.
async fn claim<X: Transaction>(transaction: &mut X, config: &Config, trip: TripId) -> Result<Next, Failure> {
    let mut trip = if runtime::planted::is("search-without-lock") {
        transaction.get::<Trip>(trip).await?.ok_or(ApiError::NotFound)?
    } else {
        lock_trip(transaction, trip).await?
    };
    let now_ns = now_ns();
    if trip.state != State::Matching || trip.updated_at_ns + span_ns(config.search_interval) > now_ns {
        return Ok(Next::Nothing);
    }
    let since_ns = trip.searching_since_ns.unwrap_or(trip.requested_at_ns);
    if now_ns >= since_ns + span_ns(config.match_timeout) {
        take(transaction, &mut trip, Event::SearchEnded, now_ns).await?;
        if !runtime::planted::is("hold-not-released") {
            settle(transaction, &mut trip, now_ns).await?;
        }
        return Ok(Next::Settle);
    }
    // Last in the queue: whoever else waits has a turn before this trip has its next.
    trip.updated_at_ns = now_ns;
    update(transaction, &trip).await?;
    Ok(Next::Search)
}
