//! Carries refunds and payouts out at the processor, and writes down what came of it.

use std::rc::Rc;

use ports::database::{Database, Transaction};
use ports::processor::Processor;

use super::record::Finding;
use super::{Payments, books};
use crate::domain::ids::TripId;
use crate::domain::movement::{MovementKind, MovementState, refunded_trip};
use crate::domain::schema::{Movement, Payment, Trip};
use crate::services::Config;
use crate::services::clock::{now_ns, span_ns};
use crate::services::transaction::{Failure, update};
use crate::services::transition::lock_payment;

/// What names a movement.
type Place = (MovementKind, i64, i64);

impl<D: Database, P: Processor> Payments<D, P> {
    /// One round of the loop: the movements that have waited for longest.
    pub(super) async fn movements_round(self: &Rc<Self>) {
        for state in [MovementState::Pending, MovementState::Unknown] {
            let scan = async |transaction: &mut D::Transaction| {
                Ok(transaction.scan::<Movement>(Movement::BY_STATE, state, self.config.batch).await?)
            };
            let Ok(open) = self.store.run(&mut self.background(), scan).await else { return };
            for movement in open.into_iter().filter(|movement| movement.claimed_until_ns <= now_ns()) {
                self.move_money((movement.kind, movement.owner, movement.number)).await;
            }
        }
    }

    /// Tells the processor of a movement, or asks it about one that is unknown. What fails is still in its row.
    pub(super) async fn move_money(&self, place: Place) {
        let until_ns = now_ns() + span_ns(self.config.processor_lease);
        let claim = async |transaction: &mut D::Transaction| claim(transaction, place, until_ns).await;
        let Ok(Some(movement)) = self.store.run(&mut self.background(), claim).await else { return };
        let key = movement.pending_key;
        let finding = match movement.operation() {
            Some(operation) if movement.state == MovementState::Pending => self.submit(key, operation).await,
            Some(_) => self.query(key).await,
            None => Finding::NotAsked,
        };
        runtime::fault_point!("payments.after_movement");
        let record =
            async |transaction: &mut D::Transaction| record(transaction, &self.config, &movement, finding).await;
        let _ = self.store.run(&mut self.background(), record).await;
    }
}

async fn claim<X: Transaction>(transaction: &mut X, place: Place, until_ns: i64) -> Result<Option<Movement>, Failure> {
    let Some(mut movement) = transaction.get_for_update::<Movement>(place).await? else { return Ok(None) };
    if !movement.claim(until_ns, now_ns()) {
        return Ok(None);
    }
    update(transaction, &movement).await?;
    Ok(Some(movement))
}

/// Writes the finding down, unless the claim is no longer ours.
async fn record<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    claimed: &Movement,
    finding: Finding,
) -> Result<(), Failure> {
    let refunded = match refunded_trip(claimed) {
        Some(id) => read_refunded(transaction, id).await?,
        None => None,
    };
    let place = (claimed.kind, claimed.owner, claimed.number);
    let Some(mut movement) = transaction.get_for_update::<Movement>(place).await? else { return Ok(()) };
    if movement != *claimed {
        return Ok(());
    }
    let now_ns = now_ns();
    match finding {
        Finding::Decided(outcome) => movement.decided(outcome, now_ns)?,
        Finding::NeverHappened => movement.never_happened(now_ns)?,
        Finding::Silence => movement.timed_out(now_ns)?,
        Finding::NotAsked => movement.updated_at_ns = now_ns,
    }
    if movement.is_open() {
        movement.claimed_until_ns = now_ns + span_ns(config.processor_pause);
    }
    books::post(transaction, &movement.journal(refunded.as_ref().map(|(trip, _)| trip), now_ns)).await?;
    if let (MovementState::Refused, Some((_, mut payment))) = (movement.state, refunded) {
        payment.refunded_minor -= movement.amount_minor;
        update(transaction, &payment).await?;
    }
    update(transaction, &movement).await
}

/// The trip of a refund and its payment, locked.
async fn read_refunded<X: Transaction>(transaction: &mut X, id: TripId) -> Result<Option<(Trip, Payment)>, Failure> {
    let Some(trip) = transaction.get::<Trip>(id).await? else { return Ok(None) };
    Ok(Some((trip, lock_payment(transaction, id).await?)))
}
