//! Invariants 24 and 25: what an idempotency key promises.

use platform::domain::schema::IdempotencyRecord;

use crate::oracle::{Oracle, Tally};
use crate::transaction::{Pair, Transaction};
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(SameKeySameResponse), Box::new(OtherParametersRejected)]
}

/// The record before and after a change within one life of its key; none if the key is new, or expired and used anew.
fn same_life(pair: &Pair<IdempotencyRecord>) -> Option<(&IdempotencyRecord, &IdempotencyRecord)> {
    match (&pair.before, &pair.after) {
        (Some(before), Some(after)) if after.created_at_ns < before.expires_at_ns => Some((before, after)),
        _ => None,
    }
}

/// Invariant 24. The effect and the response are written in one transaction, so a response that is set once is an effect that happens
/// once.
struct SameKeySameResponse;

impl Oracle for SameKeySameResponse {
    fn name(&self) -> &'static str {
        "same-key-same-response"
    }

    fn statement(&self) -> &'static str {
        "while a key lives, its response is written once and stays"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.idempotency_records() {
            let Some((before, after)) = same_life(pair) else { continue };
            tally.check(transaction.at, before.response.is_none() || before.response == after.response, || {
                format!(
                    "key {} of caller {} for {:?} was answered {:?} and then {:?}",
                    after.idempotency_key, after.caller, after.scope, before.response, after.response
                )
            });
        }
    }
}

/// Invariant 25.
struct OtherParametersRejected;

impl Oracle for OtherParametersRejected {
    fn name(&self) -> &'static str {
        "other-parameters-rejected"
    }

    fn statement(&self) -> &'static str {
        "while a key lives, only the request that first came with it has an effect"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.idempotency_records() {
            let Some((before, after)) = same_life(pair) else { continue };
            tally.check(transaction.at, before.request_hash == after.request_hash, || {
                format!(
                    "key {} of caller {} for {:?} was taken over by other parameters: {:016x} became {:016x}",
                    after.idempotency_key, after.caller, after.scope, before.request_hash, after.request_hash
                )
            });
        }
    }
}
