//! The external payment processor: the one party whose money is not in our database.
//!
//! A time-out tells nothing about what happened over there. Whoever gets one asks with [`Processor::query`] under the same key
//! and never sends the operation again under another.

use runtime::Time;
use serde::{Deserialize, Serialize};

use crate::{IdempotencyKey, Retry};

/// An operation on one payment. Amounts are minor units of the payment's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Reserves the amount on the card that the token stands for.
    Authorise { card_token: u64, amount_minor: i64 },
    /// Takes the amount from what was authorised under `authorisation`, and lets go of the rest.
    Capture { authorisation: IdempotencyKey, amount_minor: i64 },
    /// Lets go of all that was authorised under `authorisation`.
    Void { authorisation: IdempotencyKey },
    /// Gives back a part of what was captured from `authorisation`; several parts may be given back, at most all of it.
    Refund { authorisation: IdempotencyKey, amount_minor: i64 },
    /// Sends the amount to the bank account that the token stands for.
    PayOut { account_token: u64, amount_minor: i64 },
}

/// What the processor decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    Approved,
    Declined(Decline),
}

/// Why the processor declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decline {
    /// The card's bank said no.
    Card,
    /// There is no such authorisation, or it was captured or voided already.
    NoAuthorisation,
    /// More than was authorised, or than is left to give back.
    AmountTooLarge,
    /// The key was used for another operation.
    KeyReused,
}

/// Why no decision was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum ProcessorError {
    /// The request was sent and no answer came: what happened is unknown.
    #[error("failed to hear from the payment processor: the outcome is unknown")]
    TimedOut,
    /// The request was never sent.
    #[error("failed to reach the payment processor")]
    Unreachable,
    /// The processor refused to look at the request: too many at once.
    #[error("failed to use the payment processor: it is refusing requests")]
    Refused,
}

impl ProcessorError {
    /// Whether the operation may be sent again.
    pub fn retry(self) -> Retry {
        match self {
            Self::TimedOut => Retry::OnlyIdempotent,
            Self::Unreachable | Self::Refused => Retry::Safe,
        }
    }
}

/// A client of the payment processor.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Processor: Clone + 'static {
    /// Does the operation once per key: the same key and operation get the first decision again.
    async fn submit(
        &self,
        key: IdempotencyKey,
        operation: Operation,
        deadline: Time,
    ) -> Result<Outcome, ProcessorError>;

    /// What became of the operation with this key; none if the processor never saw it. A key that was asked about and not found
    /// is burnt: a late copy of its request is declined, so that "none" stays true.
    async fn query(&self, key: IdempotencyKey, deadline: Time) -> Result<Option<Outcome>, ProcessorError>;
}
