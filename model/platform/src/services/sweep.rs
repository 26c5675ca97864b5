//! Deletes what is over, in batches: expired idempotency keys, expired quotes, events that were published, trips that ended long ago.
//!
//! A round that finds nothing costs one scan a table. A row is judged by [`retention`](crate::domain::retention), under its lock where it may
//! still change.

use ports::database::{Database, IndexId, IntoKey, Record, Transaction};
use runtime::call::CallContext;

use super::Config;
use super::clock::now_ns;
use super::transaction::{Failure, Store, update};
use crate::domain::ledger::balance_changes;
use crate::domain::movement::MovementKind;
use crate::domain::retention;
use crate::domain::schema::{
    CarriedBalance, IdempotencyRecord, JournalEntry, LateReport, Movement, Offer, OutboxEntry, Payment, Quote,
    ToldNotification, Trip, TripLogEntry, TripNews,
};
use crate::domain::trip::State;

/// Most batches of one table in one round: a backlog is worked off over several, and does not crowd out what is urgent. Assumption.
const BATCHES_MAX: u32 = 10;

/// One round over idempotency keys.
pub async fn keys<D: Database>(store: &Store<D>, config: &Config) {
    let delete = async |transaction: &mut D::Transaction, record: &IdempotencyRecord| {
        let key = (record.scope, record.caller, record.idempotency_key);
        // Somebody may be using it anew.
        let current = transaction.get_for_update::<IdempotencyRecord>(key).await?;
        let over = current.is_some_and(|current| retention::is_over_key(&current, now_ns()));
        Ok(over && transaction.delete::<IdempotencyRecord>(key).await?)
    };
    let is_over = |record: &IdempotencyRecord| retention::is_over_key(record, now_ns());
    sweep(store, config, (IdempotencyRecord::BY_EXPIRY, ()), is_over, delete).await;
}

/// One round over quotes.
pub async fn quotes<D: Database>(store: &Store<D>, config: &Config) {
    let is_over = |quote: &Quote| config.retention.is_over_quote(quote, now_ns());
    let delete =
        async |transaction: &mut D::Transaction, quote: &Quote| Ok(transaction.delete::<Quote>(quote.id).await?);
    sweep(store, config, (Quote::BY_EXPIRY, ()), is_over, delete).await;
}

/// One round over events.
pub async fn events<D: Database>(store: &Store<D>, config: &Config) {
    let is_over = |entry: &OutboxEntry| config.retention.is_over_event(entry, now_ns());
    let delete = async |transaction: &mut D::Transaction, entry: &OutboxEntry| {
        Ok(transaction.delete::<OutboxEntry>((entry.trip_id, entry.sequence)).await?)
    };
    // The published ones come first, the oldest before the others; and then the rest, the oldest first.
    sweep(store, config, (OutboxEntry::BY_PUBLICATION, ()), is_over, delete).await;
}

/// One round over trips.
pub async fn trips<D: Database>(store: &Store<D>, config: &Config) {
    let is_over = |trip: &Trip| config.retention.is_over_trip(trip, now_ns());
    let delete = async |transaction: &mut D::Transaction, trip: &Trip| delete_trip(transaction, config, trip).await;
    for &state in State::ALL.iter().filter(|state| state.is_terminal()) {
        sweep(store, config, (Trip::BY_STATE, state), is_over, delete).await;
    }
}

/// One round over what the notifications service remembers.
pub async fn notifications<D: Database>(store: &Store<D>, config: &Config) {
    let is_over = |at_ns: i64| retention::is_past(at_ns, config.retention.trips, now_ns());
    let news = async |transaction: &mut D::Transaction, news: &TripNews| {
        Ok(transaction.delete::<TripNews>(news.trip_id).await?)
    };
    sweep(store, config, (TripNews::BY_AGE, ()), |news: &TripNews| is_over(news.at_ns), news).await;
    let told = async |transaction: &mut D::Transaction, told: &ToldNotification| {
        Ok(transaction.delete::<ToldNotification>(told.key()).await?)
    };
    sweep(store, config, (ToldNotification::BY_AGE, ()), |told: &ToldNotification| is_over(told.at_ns), told).await;
}

/// Deletes rows in the order of an index for as long as they are over, a batch a transaction.
async fn sweep<D: Database, T: Record>(
    store: &Store<D>,
    config: &Config,
    (index, prefix): (IndexId, impl IntoKey + Copy),
    is_over: impl Fn(&T) -> bool,
    delete: impl AsyncFn(&mut D::Transaction, &T) -> Result<bool, Failure>,
) {
    for _ in 0..BATCHES_MAX {
        let batch = async |transaction: &mut D::Transaction| {
            let rows = transaction.scan::<T>(index, prefix, config.batch).await?;
            let (mut deleted, full) = (false, rows.len() == config.batch as usize);
            for row in rows.iter().take_while(|row| is_over(row)) {
                deleted |= delete(transaction, row).await?;
            }
            Ok(full && deleted)
        };
        let mut context = CallContext::within(config.background_limit, config.calls.background_retries);
        // What cannot be deleted now is still there in the next round.
        if !store.run(&mut context, batch).await.unwrap_or(false) {
            return;
        }
    }
}

/// Deletes a trip with all that hangs on it, if its money is at rest.
async fn delete_trip<X: Transaction>(transaction: &mut X, config: &Config, seen: &Trip) -> Result<bool, Failure> {
    let Some(trip) = transaction.get_for_update::<Trip>(seen.id).await? else { return Ok(false) };
    let payment = transaction.get_for_update::<Payment>(trip.id).await?;
    let mut refunds = Vec::new();
    while let Some(refund) =
        transaction.get::<Movement>((MovementKind::Refund, trip.id.0, refunds.len() as i64 + 1)).await?
    {
        refunds.push(refund);
    }
    let now_ns = now_ns();
    let retention = &config.retention;
    if !retention.is_over_trip(&trip, now_ns) || !retention.is_over_money(payment.as_ref(), &refunds, now_ns) {
        return Ok(false);
    }
    for version in 1..=trip.version {
        transaction.delete::<TripLogEntry>((trip.id, version)).await?;
    }
    for attempt in 1..=trip.attempt {
        transaction.delete::<Offer>((trip.id, attempt)).await?;
    }
    for refund in &refunds {
        transaction.delete::<Movement>((refund.kind, refund.owner, refund.number)).await?;
    }
    if trip.ending == Some(crate::domain::trip::Ending::Presumed) {
        transaction.delete::<LateReport>(trip.id).await?;
    }
    transaction.delete::<Payment>(trip.id).await?;
    let entries = transaction.scan::<JournalEntry>(JournalEntry::BY_TRIP, trip.id, u32::MAX).await?;
    for entry in &entries {
        transaction.delete::<JournalEntry>((entry.trip_id, entry.kind, entry.line)).await?;
    }
    for change in balance_changes(&entries) {
        let key = (change.account, change.owner, change.currency);
        let carried = transaction.get_for_update::<CarriedBalance>(key).await?;
        let is_new = carried.is_none();
        let carried = CarriedBalance::after(carried, &change);
        if is_new { transaction.insert(&carried).await? } else { update(transaction, &carried).await? }
    }
    Ok(transaction.delete::<Trip>(trip.id).await?)
}
