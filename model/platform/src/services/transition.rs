//! A trip's next step, written whole: the trip, its log and its outbox entry; and what a step means for the offer, the driver and the payment
//! that hang on the trip. Rows are locked in the order that [`schema`](crate::domain::schema) gives.

use ports::database::Transaction;

use super::payments::books;
use super::transaction::{Failure, update};
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::domain::driver::{DriverEvent, IllegalDriverTransition};
use crate::domain::ids::{DriverId, TripId};
use crate::domain::offer::{OfferError, OfferStatus};
use crate::domain::outbox;
use crate::domain::payment::PaymentError;
use crate::domain::schema::{Driver, Offer, Payment, Trip, TripLogEntry};
use crate::domain::settlement;
use crate::domain::trip::{Event, IllegalTransition};

/// The trip, locked.
pub async fn lock_trip<X: Transaction>(transaction: &mut X, trip: TripId) -> Result<Trip, Failure> {
    let trip = transaction.get_for_update::<Trip>(trip).await?;
    trip.ok_or(Failure::Refused(ApiError::NotFound))
}

/// The offer of the trip's current attempt, locked.
pub async fn lock_offer<X: Transaction>(transaction: &mut X, trip: &Trip) -> Result<Offer, Failure> {
    let offer = transaction.get_for_update::<Offer>((trip.id, trip.attempt)).await?;
    offer.ok_or(Failure::Refused(ApiError::Rejected { reason: Rejection::OfferOver }))
}

/// The driver, locked.
pub async fn lock_driver<X: Transaction>(transaction: &mut X, driver: DriverId) -> Result<Driver, Failure> {
    let driver = transaction.get_for_update::<Driver>(driver).await?;
    driver.ok_or(Failure::Refused(ApiError::NotFound))
}

/// The trip's payment, locked.
pub async fn lock_payment<X: Transaction>(transaction: &mut X, trip: TripId) -> Result<Payment, Failure> {
    let payment = transaction.get_for_update::<Payment>(trip).await?;
    payment.ok_or(Failure::Refused(ApiError::NotFound))
}

/// Writes a trip that is new, after its first step.
pub async fn create<X: Transaction>(
    transaction: &mut X,
    trip: &mut Trip,
    event: Event,
    now_ns: i64,
) -> Result<(), Failure> {
    let entry = trip.apply(event, now_ns)?;
    transaction.insert(trip).await?;
    transaction.insert(&entry).await?;
    if !runtime::planted::is("outbox-after-commit") {
        transaction.insert(&outbox::entry(trip, &entry)).await?;
    }
    Ok(())
}

/// The planted bug `outbox-after-commit`: what [`create`] left out, in a transaction of its own.
pub async fn tell_late<X: Transaction>(transaction: &mut X, id: TripId) -> Result<(), Failure> {
    let Some(trip) = transaction.get::<Trip>(id).await? else { return Ok(()) };
    if let Some(entry) = transaction.get::<TripLogEntry>((id, 1)).await?
        && trip.version == entry.version
    {
        transaction.insert(&outbox::entry(&trip, &entry)).await?;
    }
    Ok(())
}

/// Takes one step with a trip that exists and is locked. The outbox entry commits with the step or not at all.
pub async fn take<X: Transaction>(
    transaction: &mut X,
    trip: &mut Trip,
    event: Event,
    now_ns: i64,
) -> Result<(), Failure> {
    let entry = trip.apply(event, now_ns)?;
    update(transaction, trip).await?;
    transaction.insert(&entry).await?;
    transaction.insert(&outbox::entry(trip, &entry)).await?;
    Ok(())
}

/// Lets go of the driver whom the trip was offered to or is bound to, and of the offer, as a trip leaves them. `trip` is the trip
/// before it did; `event` says whether the driver is lost or only released.
pub async fn let_go<X: Transaction>(
    transaction: &mut X,
    trip: &Trip,
    event: DriverEvent,
    now_ns: i64,
) -> Result<(), Failure> {
    let Some(driver) = trip.active_driver_id.or(trip.offered_driver_id) else { return Ok(()) };
    let mut offer = lock_offer(transaction, trip).await?;
    let mut driver = lock_driver(transaction, driver).await?;
    match offer.status {
        OfferStatus::Accepted => offer.release()?,
        _ => offer.withdraw(now_ns)?,
    }
    let ending =
        if event == DriverEvent::Released && !driver.state.has_trip() { DriverEvent::LeaseEnded } else { event };
    driver.apply(ending, now_ns)?;
    update(transaction, &offer).await?;
    update(transaction, &driver).await
}

/// Writes down what the trip, as it stands, means for its payment, and what its payment means for it.
pub async fn settle<X: Transaction>(transaction: &mut X, trip: &mut Trip, now_ns: i64) -> Result<(), Failure> {
    let mut payment = lock_payment(transaction, trip.id).await?;
    let before = payment.clone();
    settlement::begin_next(&mut payment, trip, now_ns)?;
    for event in settlement::consequences(&payment, trip) {
        let before = trip.clone();
        take(transaction, trip, *event, now_ns).await?;
        match event {
            // After the payment's lock, against the order: but whoever waits for a payment with these rows locked holds its trip too.
            Event::SystemCancelled => let_go(transaction, &before, DriverEvent::Released, now_ns).await?,
            Event::WrittenToArrears => books::write_arrears(transaction, trip, &payment, now_ns).await?,
            _ => {}
        }
    }
    if payment != before {
        update(transaction, &payment).await?;
    }
    Ok(())
}

impl From<IllegalTransition> for Failure {
    fn from(error: IllegalTransition) -> Self {
        let reason = match error {
            IllegalTransition::NotListed { .. } => Rejection::IllegalTransition,
            IllegalTransition::NotOffered { .. } => Rejection::OfferOver,
            IllegalTransition::Stale { .. } => Rejection::StaleAssignment,
        };
        ApiError::Rejected { reason }.into()
    }
}

impl From<OfferError> for Failure {
    fn from(_: OfferError) -> Self {
        ApiError::Rejected { reason: Rejection::OfferOver }.into()
    }
}

/// Trip, offer, driver and payment change together: where one of the latter does not fit the trip, no request is to blame.
impl From<IllegalDriverTransition> for Failure {
    fn from(_: IllegalDriverTransition) -> Self {
        ApiError::Internal.into()
    }
}

impl From<PaymentError> for Failure {
    fn from(_: PaymentError) -> Self {
        ApiError::Internal.into()
    }
}
