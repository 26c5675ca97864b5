//! Values of the port on PostgreSQL's wire.

use std::error::Error;

use ports::database::{ColumnKind, Row, TableSchema, Value};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};

/// A value that goes to the server. Its kind was checked against the column's.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(truth) => truth.to_sql(kind, out),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BOOL, Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

/// A row that came from the server: all columns of its table, in order.
pub(super) fn row(table: &TableSchema, row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let value = |(position, column): (usize, &ports::database::Column)| match column.kind {
        ColumnKind::Bool => cell(row, position, Value::Bool),
        ColumnKind::Int => cell(row, position, Value::Int),
        ColumnKind::Text => cell(row, position, Value::Text),
        ColumnKind::Bytes => cell(row, position, Value::Bytes),
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn cell<T: FromSqlOwned>(
    row: &tokio_postgres::Row,
    position: usize,
    value: impl FnOnce(T) -> Value,
) -> Result<Value, tokio_postgres::Error> {
    row.try_get::<_, Option<T>>(position).map(|cell| cell.map_or(Value::Null, value))
}
