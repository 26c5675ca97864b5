//! The live Redis behind the cache port: what services of a [`LiveWorld`](crate::live::LiveWorld) use where a simulated world has the model
//! of it.
//!
//! Commands of one client share a connection, as they share the server's one thread; a subscription has one of its own.

mod answers;
mod errors;
mod words;

pub use words::words;

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::StreamExt;
use ports::cache::{self, Bytes, Cache, CacheError, Command, Message, Reply};
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Cmd, RedisResult, Value};
use runtime::Time;

use answers::answer;
use errors::{Phase, translate};

/// A Redis server as one process sees it. Clones share its connection.
#[derive(Clone)]
pub struct Redis(Rc<Shared>);

struct Shared {
    client: Client,
    connection: RefCell<Option<MultiplexedConnection>>,
}

/// An address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {address} as the address of a Redis server, such as redis+unix:///run/redis.sock: {reason}")]
pub struct BadAddress {
    pub address: String,
    pub reason: String,
}

impl Redis {
    /// A client of the server at `address`. Nothing is dialled yet.
    ///
    /// # Errors
    /// That is no address.
    pub fn new(address: &str) -> Result<Self, BadAddress> {
        let bad = |error: redis::RedisError| BadAddress { address: address.to_owned(), reason: error.to_string() };
        let client = Client::open(address).map_err(bad)?;
        Ok(Redis(Rc::new(Shared { client, connection: RefCell::default() })))
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let open = self.0.connection.borrow().clone();
        if let Some(open) = open {
            return Ok(open);
        }
        // Callers have deadlines of their own.
        let patient = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let opened = self.0.client.get_multiplexed_async_connection_with_config(&patient).await?;
        self.0.connection.replace(Some(opened.clone()));
        Ok(opened)
    }

    /// An error of the connection itself ends it; the next command dials again.
    fn give_up(&self, error: &redis::RedisError) {
        if error.is_unrecoverable_error() {
            self.0.connection.take();
        }
    }
}

impl Cache for Redis {
    type Subscription = Subscription;

    async fn execute(&self, command: Command, deadline: Time) -> Result<Reply, CacheError> {
        let dialled = within(deadline, self.connection()).await.ok_or(CacheError::DeadlineExceeded)?;
        let mut connection = dialled.map_err(|error| translate(&error, Phase::Before))?;
        let mut sent = Cmd::new();
        words(&command).iter().for_each(|word| {
            sent.arg(word.as_slice());
        });
        let is_write = command.is_write();
        match within(deadline, connection.send_packed_command(&sent)).await {
            Some(Ok(Value::ServerError(error))) => Err(translate(&error.into(), Phase::Answered)),
            Some(Ok(value)) => answer(&command, value),
            Some(Err(error)) => {
                self.give_up(&error);
                Err(translate(&error, if is_write { Phase::WriteSent } else { Phase::Before }))
            }
            None if is_write => Err(CacheError::OutcomeUnknown),
            None => Err(CacheError::DeadlineExceeded),
        }
    }

    async fn subscribe(&self, channels: Vec<Bytes>, deadline: Time) -> Result<Subscription, CacheError> {
        if channels.is_empty() {
            return Err(CacheError::Arguments);
        }
        let subscribing = async {
            let mut connection = self.0.client.get_async_pubsub().await?;
            connection.subscribe(channels).await?;
            Ok(connection.into_on_message())
        };
        let messages = within(deadline, subscribing).await.ok_or(CacheError::DeadlineExceeded)?;
        messages.map(Subscription).map_err(|error| translate(&error, Phase::Before))
    }
}

/// What a server sends on the channels of one connection.
pub struct Subscription(PubSubStream);

impl cache::Subscription for Subscription {
    async fn next(&mut self) -> Result<Message, CacheError> {
        let message = self.0.next().await.ok_or(CacheError::ConnectionLost)?;
        let channel = message.get_channel().map_err(|_| CacheError::Protocol)?;
        let payload = message.get_payload().map_err(|_| CacheError::Protocol)?;
        Ok(Message { channel, payload })
    }
}

/// What comes before `deadline`.
async fn within<F: Future>(deadline: Time, future: F) -> Option<F::Output> {
    runtime::timeout(deadline.since(runtime::now()), future).await.ok()
}
