//! The messages of the platform: what phones send to the gateway, and what services send each other. One request and one response
//! enum a service; coordinates, money and times are integers, so every message can be hashed and compared.

pub mod error;
pub mod gateway;
pub mod geo;
pub mod matching;
pub mod payments;
pub mod pricing;
pub mod trips;
pub mod users;

pub use error::ApiError;

use serde::{Deserialize, Serialize};

/// A request with what travels along from the phone to the last service behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call<R> {
    pub context: Context,
    pub request: R,
}

/// What a request carries through all layers. A service copies it into every call that it makes on the request's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Context {
    /// The person's wish that all this is about: the same over all attempts and layers.
    pub journey: u64,
    /// When nobody waits for the answer any more, in nanoseconds since the run's start.
    pub deadline_ns: u64,
    /// How many more times the layers below may repeat a call: shared by all of them, so that retries add up and do not multiply.
    pub retries_left: u8,
}

impl Context {
    /// The context of one repetition more, if the budget allows it.
    pub fn retry(self) -> Option<Self> {
        self.retries_left.checked_sub(1).map(|retries_left| Self { retries_left, ..self })
    }

    /// The context of one of `calls` made side by side: each gets its share of the budget, rounded down.
    pub fn split(self, calls: u8) -> Self {
        Self { retries_left: self.retries_left / calls.max(1), ..self }
    }
}

/// What every service answers.
pub type Reply<R> = Result<R, ApiError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_budget_is_spent_once_over_all_layers() {
        let context = Context { journey: 1, deadline_ns: 2, retries_left: 1 };
        assert_eq!(context.retry(), Some(Context { retries_left: 0, ..context }));
        assert_eq!(context.retry().and_then(Context::retry), None);
        assert_eq!(Context { retries_left: 5, ..context }.split(2).retries_left, 2);
        assert_eq!(context.split(0), context);
    }
}
