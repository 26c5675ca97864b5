//! What the processor said, written down with all that follows from it: the payment, the journal, the trip, the next operation.

use ports::database::Transaction;
use ports::processor::Outcome;

use super::books;
use crate::domain::payment::PaymentState;
use crate::domain::schema::Payment;
use crate::services::clock::{now_ns, span_ns};
use crate::services::transaction::{Failure, update};
use crate::services::transition::{lock_payment, lock_trip, settle};
use crate::services::{Config, refund};

/// An operation that is this process's for a while.
pub struct Claimed {
    pub payment: Payment,
    pub until_ns: i64,
}

/// What asking the processor came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Decided(Outcome),
    /// It never saw the operation and will not carry it out any more.
    NeverHappened,
    /// It was told and did not answer.
    Silence,
    /// It was not told, or was asked in vain: nothing is known that was not known before.
    NotAsked,
}

/// Writes the finding down, unless the claim is no longer ours: then whoever has it now finds the same, and what we heard may be about a
/// request that was called off since.
pub async fn record<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    claimed: &Claimed,
    finding: Finding,
) -> Result<(), Failure> {
    let mut trip = lock_trip(transaction, claimed.payment.trip_id).await?;
    let mut payment = lock_payment(transaction, trip.id).await?;
    if payment.claimed_until_ns != claimed.until_ns || payment.pending_key != claimed.payment.pending_key {
        return Ok(());
    }
    let now_ns = now_ns();
    match finding {
        Finding::Decided(outcome) => {
            payment.decided(outcome, now_ns)?;
            books::write(transaction, &trip, &claimed.payment, &payment, now_ns).await?;
            refund::reconcile(transaction, &trip, &mut payment, now_ns).await?;
        }
        Finding::NeverHappened => {
            payment.never_happened(now_ns)?;
            // The rider is still waiting or riding, so the card is still to be asked.
            if let (PaymentState::None, Some(amount_minor)) = (payment.state, claimed.payment.pending_minor)
                && trip.state.is_active()
            {
                payment.begin_authorisation(amount_minor, now_ns)?;
            }
        }
        Finding::Silence => {
            payment.timed_out(now_ns)?;
            payment.claimed_until_ns = now_ns + span_ns(config.processor_pause);
        }
        Finding::NotAsked => {
            payment.updated_at_ns = now_ns;
            payment.claimed_until_ns = now_ns + span_ns(config.processor_pause);
        }
    }
    update(transaction, &payment).await?;
    let settles = matches!(finding, Finding::Decided(_) | Finding::NeverHappened);
    if settles || (finding == Finding::Silence && runtime::planted::is("unknown-taken-for-paid")) {
        settle(transaction, &mut trip, now_ns).await?;
    }
    Ok(())
}
