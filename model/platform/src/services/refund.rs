//! The beginning of refunds: promised in the payment, written down as a movement. The payments service carries them out.

use ports::database::Transaction;

use super::transaction::Failure;
use crate::api::ApiError;
use crate::domain::fare::Fare;
use crate::domain::movement::{MovementError, MovementKind};
use crate::domain::payment::PaymentState;
use crate::domain::schema::{LateReport, Movement, Payment, Trip};
use crate::domain::trip::Ending;

/// More refunds than a trip can have: each gives back at least one unit of something people argue about.
const REFUNDS_MAX: i64 = 64;

/// Begins the refund that a late report calls for, once its fare has been captured; whether it did. The payment is locked, and the caller
/// writes it.
pub async fn reconcile<X: Transaction>(
    transaction: &mut X,
    trip: &Trip,
    payment: &mut Payment,
    now_ns: i64,
) -> Result<bool, Failure> {
    // The first refund of a trip that was presumed over is this one; what support gives back comes after it.
    if trip.ending != Some(Ending::Presumed) || payment.state != PaymentState::Captured || payment.refunded_minor > 0 {
        return Ok(false);
    }
    let report = transaction.get::<LateReport>(trip.id).await?;
    let Some(report) = report.filter(|report| report.overcharge_minor > 0) else { return Ok(false) };
    let back = Fare {
        charge_minor: report.overcharge_minor,
        driver_pay_minor: report.driver_pay_minor,
        commission_minor: report.commission_minor,
        tax_minor: report.tax_minor,
        tolls_minor: report.tolls_minor,
    };
    begin(transaction, trip, payment, back, now_ns).await?;
    Ok(true)
}

/// Begins a refund. The payment is locked, and the caller writes it.
pub async fn begin<X: Transaction>(
    transaction: &mut X,
    trip: &Trip,
    payment: &mut Payment,
    back: Fare,
    now_ns: i64,
) -> Result<Movement, Failure> {
    let mut number = 1;
    while transaction.get::<Movement>((MovementKind::Refund, trip.id.0, number)).await?.is_some() {
        number += 1;
        if number > REFUNDS_MAX {
            return Err(ApiError::MALFORMED.into());
        }
    }
    let movement = Movement::refund((trip, payment), number, back, now_ns)?;
    transaction.insert(&movement).await?;
    Ok(movement)
}

/// What is asked for is more than there is, or nothing.
impl From<MovementError> for Failure {
    fn from(error: MovementError) -> Self {
        match error {
            MovementError::Amount { .. } => ApiError::MALFORMED.into(),
            MovementError::NotInState { .. } => ApiError::Internal.into(),
        }
    }
}
