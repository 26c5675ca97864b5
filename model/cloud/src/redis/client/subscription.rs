//! A stream of messages on a connection of its own.

use std::time::Duration;

use ports::cache::{Bytes, CacheError, Message};
use runtime::net::Address;

use super::session::Session;
use crate::redis::protocol::{ClientFrame, ServerFrame};

/// An open subscription; dropping it ends it.
pub struct Subscription(Session);

impl Subscription {
    pub(super) async fn open(address: Address, channels: Vec<Bytes>, limit: Duration) -> Result<Self, CacheError> {
        let opening = async {
            let session = Session::open(address, limit).await?;
            session.send(ClientFrame::Subscribe(channels));
            match session.receive().await {
                Ok(ServerFrame::Subscribed) => Ok(Subscription(session)),
                Ok(ServerFrame::Failed(error)) => Err(error),
                Ok(_) => Err(CacheError::Protocol),
                Err(_) => Err(CacheError::ConnectionLost),
            }
        };
        runtime::timeout(limit, opening).await.unwrap_or(Err(CacheError::DeadlineExceeded))
    }
}

impl ports::cache::Subscription for Subscription {
    async fn next(&mut self) -> Result<Message, CacheError> {
        match self.0.receive().await {
            Ok(ServerFrame::Message(message)) => Ok(message),
            Ok(ServerFrame::Failed(error)) => Err(error),
            Ok(_) => Err(CacheError::Protocol),
            Err(_) => Err(CacheError::ConnectionLost),
        }
    }
}
