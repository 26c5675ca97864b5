//! Transactions that survive what databases do to them: deadlocks, failovers, and commits of which nobody knows whether they happened.

use std::rc::Rc;

use ports::Retry;
use ports::database::{Database, DatabaseError, Isolation, Record, Transaction};
use runtime::call::CallContext;

use super::backoff::Backoff;
use super::budget;
use super::config::CallPolicy;
use crate::api::ApiError;

/// How often a transaction that lost to a concurrent one is run again at no cost to the retry budget: nothing was overloaded, and no other
/// layer can tell. Assumption: beyond this the row is so contended that the caller should hear of it.
const CONTENTION_RERUNS: u32 = 3;

/// Why a transaction's work ended without a commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The work looked and decided against it: nothing is written.
    #[error(transparent)]
    Refused(#[from] ApiError),
}

/// A database with the patience to use it.
pub struct Store<D> {
    database: D,
    backoff: Rc<Backoff>,
}

impl<D: Clone> Clone for Store<D> {
    fn clone(&self) -> Self {
        Self { database: self.database.clone(), backoff: self.backoff.clone() }
    }
}

impl<D: Database> Store<D> {
    pub fn new(database: D, policy: &CallPolicy) -> Self {
        Self { database, backoff: Rc::new(Backoff::new(policy, "transactions")) }
    }

    /// Runs `work` in a transaction and commits it; runs it again if it failed in a way that may be repeated, within the context's deadline
    /// and budget.
    ///
    /// `work` must look before it writes, so that running it after its own commit changes nothing and gives the same result: that is how an
    /// unknown commit is resolved. It reads back what it would have written, under the idempotency key or by the state of the row.
    pub async fn run<T>(
        &self,
        context: &mut CallContext,
        mut work: impl AsyncFnMut(&mut D::Transaction) -> Result<T, Failure>,
    ) -> Result<T, ApiError> {
        let mut repetition = 0;
        loop {
            let error = match self.attempt(context, &mut work).await {
                Ok(value) => return Ok(value),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Database(error)) => error,
            };
            let repeat = match error {
                // A concurrent transaction was first: look again at what it left.
                DatabaseError::UniqueViolation { .. }
                | DatabaseError::SerialisationFailure
                | DatabaseError::DeadlockDetected => repetition < CONTENTION_RERUNS || budget::spend(context),
                _ => error.retry() != Retry::Useless && budget::spend(context),
            };
            if !repeat || context.remaining().is_zero() {
                return Err(error.into());
            }
            self.backoff.wait(repetition).await;
            repetition += 1;
        }
    }

    async fn attempt<T>(
        &self,
        context: &CallContext,
        work: &mut impl AsyncFnMut(&mut D::Transaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut transaction = self.database.begin(Isolation::ReadCommitted, context.deadline).await?;
        match work(&mut transaction).await {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            // Dropping a transaction whose connection broke is all that can be done for it.
            Err(failure @ Failure::Database(_)) => Err(failure),
            Err(failure @ Failure::Refused(_)) => {
                // Nothing was to be kept: how the rollback fares does not change the answer.
                let _ = transaction.rollback().await;
                Err(failure)
            }
        }
    }
}

/// Replaces a row that was read under its lock.
pub async fn update<X: Transaction, T: Record>(transaction: &mut X, record: &T) -> Result<(), Failure> {
    match transaction.update(record).await? {
        true => Ok(()),
        // A locked row cannot be gone.
        false => Err(DatabaseError::Protocol.into()),
    }
}
