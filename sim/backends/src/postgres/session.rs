//! One connection to a server: its task, and what it has prepared.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ports::database::{Answer, DatabaseError, Row, TableSchema};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::errors::translate;
use super::sql::{Kind, Queries};
use super::values::{self, Parameter};

pub(super) struct Session {
    client: Client,
    prepared: RefCell<BTreeMap<String, Statement>>,
}

impl Session {
    /// Dials, and starts the connection's task in the current process.
    pub async fn open(config: &Config) -> Result<Self, DatabaseError> {
        let (client, connection) = config.connect(NoTls).await.map_err(|error| translate(&error, None))?;
        drop(runtime::spawn(async move {
            // Whoever uses the client is told why it broke.
            let _ = connection.await;
        }));
        Ok(Session { client, prepared: RefCell::default() })
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Asks the server, on a connection of its own, to stop what this session does; then the session ends.
    pub fn cancel(self) {
        let token = self.client.cancel_token();
        drop(runtime::spawn(async move {
            // If it cannot be reached, it will find the connection closed in its own time.
            let _ = token.cancel_query(NoTls).await;
            drop(self);
        }));
    }

    /// Runs a command without parameters or answer.
    pub async fn control(&self, command: &str) -> Result<(), DatabaseError> {
        self.client.batch_execute(command).await.map_err(|error| translate(&error, None))
    }

    /// Runs the queries of one statement.
    pub async fn run(&self, queries: &Queries<'_>) -> Result<Answer, DatabaseError> {
        let (mut rows, mut changed) = (Vec::new(), 0);
        for query in &queries.each {
            let outcome = match queries.kind {
                Kind::Read => {
                    self.read(queries.table, &query.text, &query.parameters).await.map(|more| rows.extend(more))
                }
                Kind::Write => self.write(&query.text, &query.parameters).await.map(|more| changed += more),
            };
            outcome.map_err(|error| translate(&error, Some(queries.table)))?;
        }
        Ok(match queries.kind {
            Kind::Read => Answer::Rows(rows),
            Kind::Write => Answer::Changed(u32::try_from(changed).unwrap_or(u32::MAX)),
        })
    }

    async fn read(
        &self,
        table: &TableSchema,
        text: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(text).await?;
        let rows = self.client.query(&statement, &references(parameters)).await?;
        rows.iter().map(|row| values::row(table, row)).collect()
    }

    async fn write(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<u64, tokio_postgres::Error> {
        let statement = self.prepare(text).await?;
        self.client.execute(&statement, &references(parameters)).await
    }

    async fn prepare(&self, text: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.prepared.borrow().get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(text).await?;
        self.prepared.borrow_mut().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn references<'a>(parameters: &'a [Parameter<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect()
}
