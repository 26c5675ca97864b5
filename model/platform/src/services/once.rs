//! Doing what a request with an idempotency key asks, once.

use ports::database::{DatabaseError, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::transaction::Failure;
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::domain::idempotency::{Decision, Keyed, decide};
use crate::domain::schema::IdempotencyRecord;
use crate::domain::session::Caller;

/// Does `work` and keeps its answer under the key, in one transaction; or gives the answer kept before. A request that is refused leaves
/// nothing behind: it had no effect, and may be allowed later.
///
/// The key's row is written first: a twin of the request waits for it, finds it taken, and on its next run finds the answer. Were it written
/// last, the twin would get as far as the rows that the first has changed, and be refused for it.
pub async fn once<X: Transaction, A: Serialize + DeserializeOwned>(
    transaction: &mut X,
    request: Keyed,
    now_ns: i64,
    work: impl AsyncFnOnce(&mut X) -> Result<A, Failure>,
) -> Result<A, Failure> {
    let stored = transaction.get_for_update::<IdempotencyRecord>((request.scope, request.caller, request.key)).await?;
    let mut record = match decide(request, stored.as_ref(), now_ns) {
        Decision::Proceed(record) => record,
        Decision::Replay(response) => {
            return postcard::from_bytes(&response).map_err(|_| ApiError::Internal.into());
        }
        Decision::InFlight => return Err(ApiError::InFlight.into()),
        Decision::OtherParameters => return Err(ApiError::Rejected { reason: Rejection::KeyReused }.into()),
    };
    if stored.is_none() {
        transaction.insert(&record).await?;
    }
    let answer = work(transaction).await?;
    let response = postcard::to_stdvec(&answer).map_err(|_| ApiError::Internal)?;
    record.response = Some(response);
    match transaction.update(&record).await? {
        true => Ok(answer),
        false => Err(DatabaseError::Protocol.into()),
    }
}

/// The caller as a number under which keys are stored: riders and drivers are numbered separately, and their keys must not meet. What
/// operators do has scopes of its own.
pub fn caller_number(caller: Caller) -> i64 {
    match caller {
        Caller::Rider(rider) => rider.0,
        Caller::Operator(operator) => operator.0,
        Caller::Driver(driver) => !driver.0,
    }
}
