//! A service's client of the payment processor.

use std::rc::Rc;

use ports::IdempotencyKey;
use ports::processor::{Operation, Outcome, Processor, ProcessorError};
use runtime::Time;
use runtime::call::CallContext;
use runtime::net::Address;

use super::parameters::ClientParameters;
use super::protocol::{Request, Response};
use crate::caller_pool::Pool;

struct Inner {
    pool: Pool<Request, Response>,
    parameters: ClientParameters,
}

/// Asks the payment processor. Clones share its connection; it belongs to one process.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

impl Client {
    #[must_use]
    pub fn new(processor: Address, parameters: ClientParameters) -> Self {
        Client(Rc::new(Inner { pool: Pool::new(processor, 1), parameters }))
    }

    async fn ask(&self, request: Request, deadline: Time) -> Result<Response, ProcessorError> {
        let Inner { pool, parameters } = &*self.0;
        let dial_limit = parameters.connect_timeout.min(deadline.since(runtime::now()));
        let connection = pool.borrow(dial_limit).await.map_err(|_| ProcessorError::Unreachable)?;
        if runtime::now() >= deadline {
            return Err(ProcessorError::Unreachable);
        }
        // The processor does not retry on our behalf.
        let context = CallContext { deadline, retry_budget: 0 }.at_most(parameters.request_timeout);
        connection.caller.call(request, context).await.map_err(|_| {
            pool.give_up(&connection);
            ProcessorError::TimedOut
        })
    }
}

impl Processor for Client {
    async fn submit(
        &self,
        key: IdempotencyKey,
        operation: Operation,
        deadline: Time,
    ) -> Result<Outcome, ProcessorError> {
        match self.ask(Request::Submit { key, operation }, deadline).await? {
            Response::Decided(outcome) => Ok(outcome),
            Response::Refused => Err(ProcessorError::Refused),
            // An answer to another question says nothing about this one.
            Response::Found(_) => Err(ProcessorError::TimedOut),
        }
    }

    async fn query(&self, key: IdempotencyKey, deadline: Time) -> Result<Option<Outcome>, ProcessorError> {
        match self.ask(Request::Query { key }, deadline).await? {
            Response::Found(outcome) => Ok(outcome),
            Response::Refused => Err(ProcessorError::Refused),
            Response::Decided(_) => Err(ProcessorError::TimedOut),
        }
    }
}
