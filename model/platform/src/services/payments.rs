//! The payments service: carries out at the processor what the trips' payments have under way, and writes down what came of it.
//!
//! An operation is claimed in its row before the processor hears of it, so that one replica at a time is at it. A time-out makes it
//! unknown, and what is unknown is asked about and not sent. Whatever this process dies of, the loop of a living one finds the row.

pub(super) mod books;
mod movements;
mod payouts;
mod record;

use std::rc::Rc;

use ports::IdempotencyKey;
use ports::database::{Database, Transaction};
use ports::processor::{Operation, Processor, ProcessorError};
use runtime::call::CallContext;

use super::clock::{now_ns, span_ns};
use super::once::once;
use super::peers::Peers;
use super::transaction::{Failure, Store, update};
use super::transition::{lock_payment, lock_trip};
use super::{Config, periodic, refund, server};
use crate::api::payments::{PaymentView, Request, Response};
use crate::api::{ApiError, Reply, users};
use crate::domain::fare::Fare;
use crate::domain::idempotency::{Keyed, Scope, request_hash};
use crate::domain::ids::TripId;
use crate::domain::movement::MovementKind;
use crate::domain::payment::PaymentState;
use crate::domain::schema::Payment;
use record::{Claimed, Finding};

/// The states in which the processor has something to be told or asked.
const OPEN: [PaymentState; 6] = [
    PaymentState::AuthorisationPending,
    PaymentState::AuthorisationUnknown,
    PaymentState::CapturePending,
    PaymentState::CaptureUnknown,
    PaymentState::VoidPending,
    PaymentState::VoidUnknown,
];

/// Most operations that follow from each other at once: a late authorisation, its capture; a capture that never happened, and another.
const STEPS_MAX: u32 = 4;

/// Runs one replica.
pub async fn run<D: Database, P: Processor>(
    config: Rc<Config>,
    users: Peers<users::Request, users::Response>,
    database: D,
    processor: P,
) {
    let store = Store::new(database, &config.calls);
    let payments = Rc::new(Payments { config: config.clone(), store, users, processor });
    let open = payments.clone();
    periodic::every(config.loop_interval, "payments.open", async move || open.round().await);
    let movements = payments.clone();
    periodic::every(config.movement_interval, "payments.movements", async move || movements.movements_round().await);
    drop(runtime::spawn(payments.clone().pay_out_every_period()));
    let _ports = server::open(&config, move |request, context| {
        let payments = payments.clone();
        async move { payments.handle(request, context).await }
    });
    runtime::task::forever().await;
}

struct Payments<D, P> {
    config: Rc<Config>,
    store: Store<D>,
    users: Peers<users::Request, users::Response>,
    processor: P,
}

impl<D: Database, P: Processor> Payments<D, P> {
    async fn handle(self: &Rc<Self>, request: Request, mut context: CallContext) -> Reply<Response> {
        let trip = match request {
            Request::Settle { trip } => {
                self.settle(trip).await?;
                trip
            }
            Request::Refund { operator, trip, amount_minor, key } => {
                let request_hash = request_hash(&request);
                let remembered_for = self.config.retention.keys;
                let keyed = Keyed { scope: Scope::Refund, caller: operator.0, key, request_hash, remembered_for };
                let work = async |transaction: &mut D::Transaction| {
                    let now_ns = now_ns();
                    let begin = async |x: &mut D::Transaction| begin_refund(x, trip, amount_minor, now_ns).await;
                    once(transaction, keyed, now_ns, begin).await
                };
                let number = self.store.run(&mut context, work).await?;
                let payments = self.clone();
                drop(runtime::spawn(async move {
                    payments.move_money((MovementKind::Refund, trip.0, number)).await;
                }));
                trip
            }
        };
        let read = async |transaction: &mut D::Transaction| Ok(transaction.get::<Payment>(trip).await?);
        let payment = self.store.run(&mut context, read).await?.ok_or(ApiError::NotFound)?;
        let Payment { state, authorised_minor, captured_minor, refunded_minor, .. } = payment;
        Ok(Response::Payment(PaymentView { state, authorised_minor, captured_minor, refunded_minor }))
    }

    /// One round of the loop: the operations that have waited for longest.
    async fn round(self: &Rc<Self>) {
        let pause_ns = span_ns(self.config.processor_pause);
        for state in OPEN {
            let scan = async |transaction: &mut D::Transaction| {
                Ok(transaction.scan::<Payment>(Payment::BY_STATE, state, self.config.batch).await?)
            };
            let Ok(open) = self.store.run(&mut self.background(), scan).await else { return };
            let due = open
                .into_iter()
                .filter(|payment| payment.updated_at_ns + pause_ns <= now_ns() && payment.claimed_until_ns <= now_ns());
            let settling: Vec<_> = due
                .map(|payment| {
                    let payments = self.clone();
                    runtime::spawn(async move { payments.settle(payment.trip_id).await })
                })
                .collect();
            for settling in settling {
                // What failed is still in its row.
                let _ = settling.await;
            }
        }
    }

    /// Carries out what the payment has under way, and what follows from it. It does not stop at the caller's deadline: a processor that has
    /// been told is waited for, whoever still listens.
    async fn settle(&self, trip: TripId) -> Reply<()> {
        for _ in 0..STEPS_MAX {
            let claim = async |transaction: &mut D::Transaction| self.claim(transaction, trip).await;
            let Some(claimed) = self.store.run(&mut self.background(), claim).await? else { return Ok(()) };
            let finding = self.ask_processor(&claimed.payment).await;
            let retry_later = matches!(finding, Finding::Silence | Finding::NotAsked);
            let record = async |transaction: &mut D::Transaction| {
                record::record(transaction, &self.config, &claimed, finding).await
            };
            self.store.run(&mut self.background(), record).await?;
            if retry_later {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the operation under way, if there is one and nobody is at it.
    async fn claim(&self, transaction: &mut D::Transaction, trip: TripId) -> Result<Option<Claimed>, Failure> {
        let mut payment = lock_payment(transaction, trip).await?;
        let now_ns = now_ns();
        let until_ns = now_ns + span_ns(self.config.processor_lease);
        if !payment.claim(until_ns, now_ns) {
            return Ok(None);
        }
        update(transaction, &payment).await?;
        Ok(Some(Claimed { payment, until_ns }))
    }

    async fn ask_processor(&self, payment: &Payment) -> Finding {
        let card_token = match payment.state {
            PaymentState::AuthorisationPending => match self.card_token(payment).await {
                Ok(card_token) => card_token,
                Err(_) => return Finding::NotAsked,
            },
            // Only an authorisation that is sent names the card.
            _ => 0,
        };
        let Some((key, operation)) = payment.operation(card_token) else { return Finding::NotAsked };
        let finding = if payment.is_unknown() { self.query(key).await } else { self.submit(key, operation).await };
        match operation {
            Operation::Authorise { .. } => runtime::fault_point!("payments.after_authorise"),
            Operation::Capture { .. } => runtime::fault_point!("payments.after_capture"),
            Operation::Void { .. } => runtime::fault_point!("payments.after_void"),
            Operation::Refund { .. } | Operation::PayOut { .. } => {}
        }
        finding
    }

    async fn submit(&self, key: IdempotencyKey, operation: Operation) -> Finding {
        let deadline = runtime::now() + self.config.processor_timeout;
        match self.processor.submit(key, operation, deadline).await {
            Ok(outcome) => Finding::Decided(outcome),
            Err(ProcessorError::TimedOut) => Finding::Silence,
            Err(ProcessorError::Unreachable | ProcessorError::Refused) => Finding::NotAsked,
        }
    }

    async fn query(&self, key: IdempotencyKey) -> Finding {
        let deadline = runtime::now() + self.config.processor_timeout;
        match self.processor.query(key, deadline).await {
            Ok(Some(outcome)) => Finding::Decided(outcome),
            Ok(None) => Finding::NeverHappened,
            // It is as unknown as before.
            Err(_) => Finding::NotAsked,
        }
    }

    async fn card_token(&self, payment: &Payment) -> Reply<u64> {
        let request = users::Request::CardToken { rider: payment.rider_id };
        match self.users.call(request, &mut self.background()).await? {
            users::Response::CardToken(token) => Ok(token),
            _ => Err(ApiError::Internal),
        }
    }

    /// The context of what is done on nobody's behalf.
    fn background(&self) -> CallContext {
        CallContext::within(self.config.background_limit, self.config.calls.background_retries)
    }
}

/// Begins a refund that support grants: the platform gives it out of its commission. Its number among the trip's refunds.
async fn begin_refund<X: Transaction>(
    transaction: &mut X,
    trip: TripId,
    amount_minor: i64,
    now_ns: i64,
) -> Result<i64, Failure> {
    let trip = lock_trip(transaction, trip).await?;
    let mut payment = lock_payment(transaction, trip.id).await?;
    let (charge_minor, commission_minor) = (amount_minor, amount_minor);
    let back = Fare { charge_minor, driver_pay_minor: 0, commission_minor, tax_minor: 0, tolls_minor: 0 };
    let movement = refund::begin(transaction, &trip, &mut payment, back, now_ns).await?;
    update(transaction, &payment).await?;
    Ok(movement.number)
}
