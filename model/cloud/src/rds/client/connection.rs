//! One session of a pool: frames and answers in step.

use std::cell::Cell;
use std::time::Duration;

use ports::database::DatabaseError;
use runtime::Time;
use runtime::net::{Address, Closed, Connection, connect};

use crate::rds::protocol::{ClientFrame, ServerFrame};

/// An open session.
pub(super) struct Session {
    link: Connection<ClientFrame, ServerFrame>,
    /// Answers under way that nobody wants.
    unwanted: Cell<u32>,
    waiting: Cell<bool>,
    /// When it was last given back to the pool.
    pub idle_since: Cell<Time>,
}

impl Session {
    /// Dials and opens a session.
    pub async fn open(address: Address, limit: Duration) -> Result<Self, DatabaseError> {
        let opening = async {
            let link = connect::<ClientFrame, ServerFrame>(address).await?;
            link.send(ClientFrame::Startup);
            let answer = link.recv().await?;
            Ok::<_, Closed>((link, answer))
        };
        match runtime::timeout(limit, opening).await {
            Ok(Ok((link, ServerFrame::Ready))) => Ok(Session {
                link,
                unwanted: Cell::new(0),
                waiting: Cell::new(false),
                idle_since: Cell::new(runtime::now()),
            }),
            Ok(Ok((_, ServerFrame::Failed(error)))) => Err(error),
            Ok(Ok(_)) => Err(DatabaseError::Protocol),
            Ok(Err(_)) | Err(runtime::time::Elapsed) => Err(DatabaseError::ConnectionLost),
        }
    }

    pub fn send(&self, frame: ClientFrame) {
        self.waiting.set(true);
        self.link.send(frame);
    }

    /// The answer to the last frame.
    pub async fn receive(&self) -> Result<ServerFrame, Closed> {
        while self.unwanted.get() > 0 {
            self.link.recv().await?;
            self.unwanted.set(self.unwanted.get() - 1);
        }
        let answer = self.link.recv().await?;
        self.waiting.set(false);
        Ok(answer)
    }

    /// The answer to the last frame is read past.
    pub fn forget_answer(&self) {
        self.waiting.set(false);
        self.unwanted.set(self.unwanted.get() + 1);
    }

    /// Whether an answer is under way that somebody wanted.
    pub fn is_waiting(&self) -> bool {
        self.waiting.get()
    }

    /// Whether the server answers within `limit`.
    pub async fn is_alive(&self, limit: Duration) -> bool {
        self.send(ClientFrame::Ping);
        matches!(runtime::timeout(limit, self.receive()).await, Ok(Ok(ServerFrame::Pong)))
    }
}
