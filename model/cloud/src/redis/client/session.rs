//! One open connection to one server: frames and answers in step.

use std::time::Duration;

use ports::cache::CacheError;
use runtime::net::{Address, Closed, Connection, connect};

use crate::redis::protocol::{ClientFrame, ServerFrame};

/// An open session.
pub(super) struct Session(Connection<ClientFrame, ServerFrame>);

impl Session {
    /// Dials and opens a session.
    pub async fn open(address: Address, limit: Duration) -> Result<Self, CacheError> {
        let opening = async {
            let link = connect::<ClientFrame, ServerFrame>(address).await?;
            link.send(ClientFrame::Hello);
            let answer = link.recv().await?;
            Ok::<_, Closed>((link, answer))
        };
        match runtime::timeout(limit, opening).await {
            Ok(Ok((link, ServerFrame::Ready))) => Ok(Session(link)),
            Ok(Ok((_, ServerFrame::Failed(error)))) => Err(error),
            Ok(Ok(_)) => Err(CacheError::Protocol),
            Ok(Err(_)) | Err(runtime::time::Elapsed) => Err(CacheError::ConnectionLost),
        }
    }

    /// Whether nothing has been heard that nobody asked for: the end of the connection, above all.
    pub async fn is_quiet(&self) -> bool {
        runtime::timeout(Duration::ZERO, self.0.recv()).await.is_err()
    }

    pub fn send(&self, frame: ClientFrame) {
        self.0.send(frame);
    }

    pub async fn receive(&self) -> Result<ServerFrame, Closed> {
        self.0.recv().await
    }
}
