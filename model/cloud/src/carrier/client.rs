//! A service's client of the provider.

use std::rc::Rc;

use runtime::Time;
use runtime::call::CallContext;
use runtime::net::Address;

use super::parameters::ClientParameters;
use super::protocol::{Channel, Request, Response};
use crate::caller_pool::Pool;

/// Why a message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It refused the message, or gave no answer in time: then nobody knows.
    #[error("failed to deliver: the provider did not take the message in time")]
    Unavailable,
    #[error("failed to deliver: the channel does not reach this person")]
    NoSuchRecipient,
}

struct Inner {
    pool: Pool<Request, Response>,
    parameters: ClientParameters,
}

/// Asks the provider. Clones share its connection; it belongs to one process.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

impl Client {
    #[must_use]
    pub fn new(provider: Address, parameters: ClientParameters) -> Self {
        Client(Rc::new(Inner { pool: Pool::new(provider, 1), parameters }))
    }

    /// Has a message brought to the person of this number.
    ///
    /// # Errors
    /// It was not, or nobody knows whether it was.
    pub async fn deliver(&self, channel: Channel, recipient: i64, deadline: Time) -> Result<(), DeliveryError> {
        let Inner { pool, parameters } = &*self.0;
        let dial_limit = parameters.connect_timeout.min(deadline.since(runtime::now()));
        let connection = pool.borrow(dial_limit).await.map_err(|_| DeliveryError::Unavailable)?;
        // The provider does not retry on our behalf.
        let context = CallContext { deadline, retry_budget: 0 };
        match connection.caller.call(Request { channel, recipient }, context).await {
            Ok(Response::Taken) => Ok(()),
            Ok(Response::Unknown) => Err(DeliveryError::NoSuchRecipient),
            Ok(Response::Refused) => Err(DeliveryError::Unavailable),
            Err(_) => {
                pool.give_up(&connection);
                Err(DeliveryError::Unavailable)
            }
        }
    }
}
