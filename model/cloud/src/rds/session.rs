//! One client's session: its frames in order, its transaction, its slot among the server's connections.

use std::rc::Rc;

use ports::database::DatabaseError;
use runtime::net::{Closed, Connection};

use super::protocol::{ClientFrame, ServerFrame};
use super::server::Server;
use super::store::TransactionId;

/// A server's end of a client's connection.
pub(super) type ClientConnection = Connection<ServerFrame, ClientFrame>;

/// What a session is in the middle of.
#[derive(Clone, Copy)]
enum Transaction {
    None,
    Open(TransactionId),
    /// A statement failed: its changes and locks are gone, and the client is still to say so.
    Aborted,
}

/// Answers a client that came while the server starts, recovers or stands by.
pub(super) fn refuse(connection: &ClientConnection, error: DatabaseError) {
    connection.send(ServerFrame::Failed(error));
}

/// Opens a session on its own task, if the server has a slot left.
pub(super) fn open(server: &Rc<Server>, number: u64, connection: ClientConnection) {
    let limit = usize::try_from(server.parameters.max_connections).unwrap_or(usize::MAX);
    if server.sessions.borrow().len() >= limit {
        return refuse(&connection, DatabaseError::TooManyConnections);
    }
    connection.keepalive(server.parameters.keepalive_idle, server.parameters.keepalive_give_up);
    let served = server.clone();
    let task = runtime::spawn(async move {
        let mut transaction = Transaction::None;
        // Why the client went away makes no difference to the server.
        let _: Closed = serve(&served, &connection, &mut transaction).await;
        if let Transaction::Open(id) = transaction {
            served.rollback(id);
        }
        served.sessions.borrow_mut().remove(&number);
        served.session_gauge.add(-1);
    });
    server.sessions.borrow_mut().insert(number, task);
    server.session_gauge.add(1);
}

async fn serve(server: &Server, connection: &ClientConnection, transaction: &mut Transaction) -> Closed {
    loop {
        let frame = match connection.recv().await {
            Ok(frame) => frame,
            Err(reason) => return reason,
        };
        let answer = match frame {
            ClientFrame::Startup => {
                runtime::cpu::work(server.parameters.connection_cpu).await;
                ServerFrame::Ready
            }
            ClientFrame::Ping => ServerFrame::Pong,
            ClientFrame::Execute { begin, statement } => {
                if let (Some(isolation), Transaction::None) = (begin, *transaction) {
                    *transaction = Transaction::Open(server.begin(isolation));
                }
                match *transaction {
                    Transaction::None => ServerFrame::Failed(DatabaseError::Protocol),
                    Transaction::Aborted => ServerFrame::Failed(DatabaseError::TransactionAborted),
                    Transaction::Open(id) => match server.execute(id, &statement).await {
                        Ok(answer) => ServerFrame::Answer(answer),
                        Err(error) => {
                            // PostgreSQL lets go of everything at the error, not at the client's rollback.
                            *transaction = Transaction::Aborted;
                            server.rollback(id);
                            ServerFrame::Failed(error)
                        }
                    },
                }
            }
            ClientFrame::Commit => match std::mem::replace(transaction, Transaction::None) {
                Transaction::None => ServerFrame::Committed(None),
                Transaction::Aborted => ServerFrame::Failed(DatabaseError::TransactionAborted),
                Transaction::Open(id) => match server.commit(id).await {
                    Ok(place) => ServerFrame::Committed(place),
                    Err(error) => ServerFrame::Failed(error),
                },
            },
            ClientFrame::Rollback => {
                if let Transaction::Open(id) = std::mem::replace(transaction, Transaction::None) {
                    server.rollback(id);
                }
                ServerFrame::RolledBack
            }
        };
        connection.send(answer);
    }
}
