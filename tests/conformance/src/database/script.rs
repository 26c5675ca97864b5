//! What several clients do, and in which order they take turns; readable as SQL.

use std::fmt;

use ports::database::{Isolation, Key, Lock, Row, Statement, TableId, TableSchema, Value};
use proptest::sample::Index;

use super::tables::TABLES;

/// A script. It says which of those who can go on goes on, so that it is never stuck.
#[derive(Clone)]
pub struct Script {
    /// What the tables hold before.
    pub rows: Vec<(TableId, Row)>,
    /// What each session does.
    pub sessions: Vec<Vec<Plan>>,
    /// Whose turn it is, among those who do not wait. When they are used up, the first who can go on does.
    pub turns: Vec<Index>,
}

/// A transaction to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub isolation: Isolation,
    pub statements: Vec<Statement>,
    pub is_committed: bool,
}

/// What a session does in its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Runs a statement, in a transaction of this level.
    Execute(Isolation, Statement),
    Commit,
    Rollback,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tables hold:")?;
        for (table, row) in &self.rows {
            writeln!(f, "  {} {}", name(*table), list(row))?;
        }
        for (number, plans) in self.sessions.iter().enumerate() {
            writeln!(f, "session {number}:")?;
            for plan in plans {
                writeln!(f, "  BEGIN {}", level(plan.isolation))?;
                for statement in &plan.statements {
                    writeln!(f, "  {}", Sql(statement))?;
                }
                writeln!(f, "  {}", if plan.is_committed { "COMMIT" } else { "ROLLBACK" })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execute(isolation, statement) => write!(f, "[{}] {}", level(*isolation), Sql(statement)),
            Self::Commit => f.write_str("COMMIT"),
            Self::Rollback => f.write_str("ROLLBACK"),
        }
    }
}

fn level(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "READ COMMITTED",
        Isolation::RepeatableRead => "REPEATABLE READ",
        Isolation::Serializable => "SERIALIZABLE",
    }
}

/// A statement as something like SQL.
struct Sql<'a>(&'a Statement);

impl fmt::Display for Sql<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Statement::Get { table, key, lock } => {
                write!(f, "SELECT FROM {} WHERE {}", name(*table), key_is(*table, key))?;
                f.write_str(if *lock == Lock::ForUpdate { " FOR UPDATE" } else { "" })
            }
            Statement::Insert { table, rows } => {
                let rows: Vec<String> = rows.iter().map(|row| list(row)).collect();
                write!(f, "INSERT INTO {} VALUES {}", name(*table), rows.join(", "))
            }
            Statement::Update { table, row } => write!(f, "UPDATE {} SET ROW {}", name(*table), list(row)),
            Statement::Delete { table, key } => write!(f, "DELETE FROM {} WHERE {}", name(*table), key_is(*table, key)),
            Statement::Scan { table, index, prefix, limit } => {
                let columns = schema(*table).index(*index).map_or(&[][..], |index| index.columns);
                write!(f, "SELECT FROM {}", name(*table))?;
                if !prefix.is_empty() {
                    write!(f, " WHERE {}", equalities(*table, columns, prefix))?;
                }
                let order: Vec<&str> = columns.iter().map(|&column| schema(*table).columns[column].name).collect();
                write!(f, " ORDER BY {} LIMIT {limit}", order.join(", "))
            }
        }
    }
}

fn schema(table: TableId) -> &'static TableSchema {
    TABLES.iter().find(|schema| schema.id == table).expect("scripts are about these tables")
}

fn name(table: TableId) -> &'static str {
    schema(table).name
}

fn key_is(table: TableId, key: &Key) -> String {
    equalities(table, schema(table).primary_key, key)
}

fn equalities(table: TableId, columns: &[usize], values: &[Value]) -> String {
    let each = columns.iter().zip(values);
    let each = each.map(|(&column, value)| format!("{} = {}", schema(table).columns[column].name, literal(value)));
    each.collect::<Vec<_>>().join(" AND ")
}

/// Values in brackets.
pub(super) fn list(values: &[Value]) -> String {
    format!("({})", values.iter().map(literal).collect::<Vec<_>>().join(", "))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!("{bytes:?}"),
    }
}
