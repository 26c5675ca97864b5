//! The matching service: finds drivers for trips, a batch at a time, and offers them, each under a lease on the driver with a fencing token.

mod batch;

use std::rc::Rc;

use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use super::clock::{now_ns, span_ns};
use super::fleet::Fleet;
use super::nudges::Nudges;
use super::transaction::{Failure, Store, update};
use super::transition::{lock_driver, lock_trip, take};
use super::{Config, server};
use crate::api::error::Rejection;
use crate::api::geo::Near;
use crate::api::matching::{OfferView, Request, Response};
use crate::api::{ApiError, Reply};
use crate::domain::driver::DriverState;
use crate::domain::eligibility;
use crate::domain::ids::{DriverId, TripId};
use crate::domain::schema::{Driver, Offer, Trip};
use crate::domain::trip::{Event, State};
use batch::{Queue, Waiting};

/// Runs one replica. Drivers with an offer are nudged.
pub async fn run<D: Database>(config: Rc<Config>, fleet: Fleet, nudges: Box<dyn Nudges>, database: D) {
    let store = Store::new(database, &config.calls);
    let queue = Queue::default();
    let matching = Rc::new(Matching { config: config.clone(), store, fleet, nudges, queue });
    drop(runtime::spawn(matching.clone().match_for_ever()));
    let _ports = server::open(&config, move |request, context| {
        let matching = matching.clone();
        async move { matching.handle(request, context).await }
    });
    runtime::task::forever().await;
}

struct Matching<D> {
    config: Rc<Config>,
    store: Store<D>,
    fleet: Fleet,
    nudges: Box<dyn Nudges>,
    queue: Queue,
}

/// Why an offer was not made.
enum Offering {
    Made,
    /// Somebody else was quicker, or the driver is not what geo thought.
    DriverNotFree,
    /// The trip is no longer looking, or not in this attempt.
    SearchOver,
}

impl<D: Database> Matching<D> {
    async fn handle(&self, request: Request, mut context: CallContext) -> Reply<Response> {
        match request {
            Request::FindDriver { trip, attempt, pickup, class } => {
                self.queue.add(trip, Waiting { attempt, pickup, class });
                Ok(Response::Queued)
            }
            Request::PollOffer { driver } => {
                let offer = self.store.run(&mut context, async |transaction| poll_offer(transaction, driver).await);
                offer.await.map(Response::Offer)
            }
        }
    }

    /// Offers the trip to one driver, if the trip still looks for one and the driver may have it.
    async fn offer(
        &self,
        transaction: &mut D::Transaction,
        (trip, attempt): (TripId, i64),
        near: Near,
        offered_before: &[DriverId],
    ) -> Result<Offering, Failure> {
        let mut trip = lock_trip(transaction, trip).await?;
        if trip.state != State::Matching || trip.attempt != attempt {
            return Ok(Offering::SearchOver);
        }
        let now_ns = now_ns();
        // A look without the lock first: most drivers who are not free can be seen not to be.
        let seen = transaction.get::<Driver>(near.driver).await?;
        if seen.is_none_or(|driver| driver.state != DriverState::Idle) {
            return Ok(Offering::DriverNotFree);
        }
        let mut driver = lock_driver(transaction, near.driver).await?;
        // Still all of them: an offer made since then would have begun another attempt.
        let wanted = trip.vehicle_class;
        if eligibility::check(&driver, wanted, near.located_at_ns, offered_before, now_ns).is_err() {
            return Ok(Offering::DriverNotFree);
        }
        let expires_at_ns = now_ns + span_ns(self.config.offer_timeout).max(1);
        let token = driver.grant_lease(trip.id, expires_at_ns, now_ns)?;
        let offer = Offer::make((trip.id, attempt), (driver.id, token), near.located_at_ns, now_ns, expires_at_ns);
        take(transaction, &mut trip, Event::OfferMade { driver: driver.id }, now_ns).await?;
        transaction.insert(&offer).await?;
        update(transaction, &driver).await?;
        Ok(Offering::Made)
    }
}

/// The drivers to whom the trip was offered before: none of them is asked again.
async fn offered_before<X: Transaction>(transaction: &mut X, trip: TripId) -> Result<Vec<DriverId>, Failure> {
    /// More drivers than a trip can be offered to while the search lasts.
    const OFFERS_MAX: u32 = 1_000;
    let offers = transaction.scan::<Offer>(Offer::BY_TRIP_AND_DRIVER, trip, OFFERS_MAX).await?;
    Ok(offers.iter().map(|offer| offer.driver_id).collect())
}

/// The offer that waits for the driver's answer. A driver who is off duty is told so: the phone may not know that it was taken for lost; and
/// so is one whose vehicle's papers have lapsed, who may have newer ones.
async fn poll_offer<X: Transaction>(transaction: &mut X, id: DriverId) -> Result<Option<OfferView>, Failure> {
    let driver = transaction.get::<Driver>(id).await?.ok_or(ApiError::NotFound)?;
    match driver.state {
        DriverState::Offered => {}
        DriverState::Offline => return Err(ApiError::Rejected { reason: Rejection::NotAllowed }.into()),
        DriverState::Idle if !eligibility::is_cleared(&driver, now_ns()) => {
            return Err(ApiError::Rejected { reason: Rejection::NotAllowed }.into());
        }
        DriverState::Idle => return Ok(None),
        // A phone that looks for offers knows of no trip: it is told, so that it can tell how that one ended.
        DriverState::EnRoute | DriverState::AtPickup | DriverState::OnTrip => {
            return Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip }.into());
        }
    }
    let offers = transaction.scan::<Offer>(Offer::BY_LIVE_DRIVER, id, 1).await?;
    let Some(offer) = offers.into_iter().find(|offer| now_ns() < offer.expires_at_ns) else { return Ok(None) };
    let Some(trip) = transaction.get::<Trip>(offer.trip_id).await? else { return Ok(None) };
    Ok(Some(OfferView { trip: trip.id, token: offer.token, pickup: trip.pickup(), expires_at_ns: offer.expires_at_ns }))
}
