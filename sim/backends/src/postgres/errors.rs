//! From the server's errors to the port's.

use ports::database::{DatabaseError, IndexId, RowError, TableSchema};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::sql::{index_name, key_name};

/// What an error means to the port. `table` is the one that the statement was about.
pub(super) fn translate(error: &Error, table: Option<&'static TableSchema>) -> DatabaseError {
    let Some(server) = error.as_db_error() else {
        // Anything but a broken connection is a disagreement about types.
        let is_connection =
            error.is_closed() || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
        return if is_connection { DatabaseError::ConnectionLost } else { DatabaseError::Protocol };
    };
    let (state, constraint) = (server.code(), server.constraint());
    match (code_alone(state), table) {
        (Some(error), _) => error,
        (None, Some(table)) => about_table(state, constraint, table),
        (None, None) => DatabaseError::Protocol,
    }
}

fn code_alone(state: &SqlState) -> Option<DatabaseError> {
    Some(match *state {
        SqlState::T_R_SERIALIZATION_FAILURE => DatabaseError::SerialisationFailure,
        SqlState::T_R_DEADLOCK_DETECTED => DatabaseError::DeadlockDetected,
        SqlState::LOCK_NOT_AVAILABLE => DatabaseError::LockTimeout,
        SqlState::IN_FAILED_SQL_TRANSACTION => DatabaseError::TransactionAborted,
        SqlState::QUERY_CANCELED => DatabaseError::DeadlineExceeded,
        SqlState::TOO_MANY_CONNECTIONS => DatabaseError::TooManyConnections,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            DatabaseError::NotAccepting
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => DatabaseError::ReadOnly,
        SqlState::IO_ERROR => DatabaseError::Disk,
        _ => return None,
    })
}

fn about_table(state: &SqlState, constraint: Option<&str>, schema: &'static TableSchema) -> DatabaseError {
    let table = schema.id;
    match *state {
        SqlState::UNIQUE_VIOLATION if constraint == Some(&key_name(schema)) => {
            DatabaseError::UniqueViolation { table, index: None }
        }
        SqlState::UNIQUE_VIOLATION => {
            let named = |&(index, _): &(&_, u8)| constraint == Some(&index_name(schema, index));
            let index = schema.indexes.iter().zip(0..).find(named).map(|(_, position)| IndexId(position));
            index.map_or(DatabaseError::Protocol, |index| DatabaseError::UniqueViolation { table, index: Some(index) })
        }
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_OBJECT => DatabaseError::NoSuchTable { table, index: None },
        // Rows are checked before they are sent; the server's table has other columns than the schema says.
        SqlState::NOT_NULL_VIOLATION | SqlState::UNDEFINED_COLUMN => {
            DatabaseError::Row(RowError::Width { table, expected: schema.columns.len(), found: 0 })
        }
        _ => DatabaseError::Protocol,
    }
}
