//! Riders who want to be forgotten. From the wish on nobody signs in as the rider, and no trip begins; when all that is owed is settled and
//! the wish is old enough, the row keeps a number and nothing of the person. The books keep that number for ever, since the law wants them
//! kept; a trip, with the places that it went between, goes when its time of keeping is over, as anybody's does.
//!
//! By then no cache knows the rider: what it is told at a sign-in goes by itself sooner than a wish is carried out.

use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use crate::api::ApiError;
use crate::domain::ids::RiderId;
use crate::domain::payment::PaymentState;
use crate::domain::rider::Erasure;
use crate::domain::schema::{Payment, Rider};
use crate::services::Config;
use crate::services::clock::{now_ns, span_ns};
use crate::services::transaction::{Failure, Store, update};

/// Notes the wish.
pub async fn ask<X: Transaction>(transaction: &mut X, rider: RiderId) -> Result<(), Failure> {
    let mut rider = transaction.get_for_update::<Rider>(rider).await?.ok_or(ApiError::NotFound)?;
    match rider.ask_erasure(now_ns()) {
        true => update(transaction, &rider).await,
        false => Ok(()),
    }
}

/// One round: the oldest wishes first. What cannot be done yet is looked at again in the next.
pub async fn round<D: Database>(store: &Store<D>, config: &Config) {
    let context = || CallContext::within(config.background_limit, config.calls.background_retries);
    let scan = async |transaction: &mut D::Transaction| {
        Ok(transaction.scan::<Rider>(Rider::BY_ERASURE, Erasure::Asked, config.batch).await?)
    };
    let Ok(asked) = store.run(&mut context(), scan).await else { return };
    for rider in asked.into_iter().filter(|rider| rider.is_erasure_due(span_ns(config.erasure_delay), now_ns())) {
        // What failed is still in its row.
        let _ = store.run(&mut context(), async |transaction| erase(transaction, config, rider.id).await).await;
    }
}

/// The row is locked before the payments are read: a trip that is about to begin has locked it, too.
async fn erase<X: Transaction>(transaction: &mut X, config: &Config, id: RiderId) -> Result<(), Failure> {
    let rider = transaction.get_for_update::<Rider>(id).await?;
    let now_ns = now_ns();
    let Some(mut rider) = rider.filter(|rider| rider.is_erasure_due(span_ns(config.erasure_delay), now_ns)) else {
        return Ok(());
    };
    for state in PaymentState::ALL.iter().filter(|state| !state.is_at_rest()) {
        if !transaction.scan::<Payment>(Payment::BY_RIDER, (id, *state), 1).await?.is_empty() {
            return Ok(());
        }
    }
    rider.erase(now_ns);
    update(transaction, &rider).await
}
