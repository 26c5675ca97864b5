//! The port's schemas and statements as SQL.

use std::fmt::Write;

use ports::database::{
    Column, ColumnKind, DatabaseError, Index, Isolation, Key, Lock, RowError, Statement, TableId, TableSchema, Value,
};

use super::values::Parameter;

/// Parameters that one query may have: the wire counts them in 16 bits.
const PARAMETERS_MAX: usize = 65_535;

/// What one statement of the port asks of the server.
#[derive(Debug)]
pub(super) struct Queries<'a> {
    pub table: &'static TableSchema,
    pub kind: Kind,
    /// One, but for an insertion of more values than one query may carry, or of none.
    pub each: Vec<Query<'a>>,
}

#[derive(Debug)]
pub(super) struct Query<'a> {
    pub text: String,
    pub parameters: Vec<Parameter<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// The statements that make a table and its indexes. Text sorts by bytes, as the port's values do.
#[must_use]
pub fn definitions(schema: &TableSchema) -> Vec<String> {
    let column = |column: &Column| {
        let kind = match column.kind {
            ColumnKind::Bool => "boolean",
            ColumnKind::Int => "bigint",
            ColumnKind::Text => "text COLLATE \"C\"",
            ColumnKind::Bytes => "bytea",
        };
        format!("{} {kind}{}, ", quoted(column.name), if column.nullable { "" } else { " NOT NULL" })
    };
    let columns: String = schema.columns.iter().map(column).collect();
    let (name, constraint, key) = (quoted(schema.name), quoted(&key_name(schema)), list(schema, schema.primary_key));
    let table = format!("CREATE TABLE {name} ({columns}CONSTRAINT {constraint} PRIMARY KEY ({key}))");
    let index = |index: &Index| {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let columns = list(schema, index.columns);
        format!("CREATE {unique}INDEX {} ON {name} ({columns})", quoted(&index_name(schema, index)))
    };
    std::iter::once(table).chain(schema.indexes.iter().map(index)).collect()
}

pub(super) fn key_name(schema: &TableSchema) -> String {
    format!("{}_pkey", schema.name)
}

pub(super) fn index_name(schema: &TableSchema, index: &Index) -> String {
    format!("{}_{}", schema.name, index.name)
}

pub(super) fn begin(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
        Isolation::RepeatableRead => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }
}

/// The SQL of a statement, once its rows and keys fit its table.
pub(super) fn queries<'a>(
    tables: &'static [&'static TableSchema],
    statement: &'a Statement,
) -> Result<Queries<'a>, DatabaseError> {
    let find = |id: TableId| {
        let found = tables.iter().find(|schema| schema.id == id);
        found.copied().ok_or(DatabaseError::NoSuchTable { table: id, index: None })
    };
    let (table, kind, each) = match statement {
        Statement::Get { table, key, lock } => {
            let schema = find(*table)?;
            check_key(schema, schema.primary_key, key, true)?;
            let lock = match lock {
                Lock::None => "",
                Lock::ForUpdate => " FOR UPDATE",
            };
            let mut query = Query::new(format!("SELECT {} FROM {}", all(schema), quoted(schema.name)));
            query.restrict(schema, schema.primary_key, key);
            query.text += lock;
            (schema, Kind::Read, vec![query])
        }
        Statement::Insert { table, rows } => {
            let schema = find(*table)?;
            for row in rows {
                schema.check(row)?;
                check_text(schema, &(0..row.len()).collect::<Vec<_>>(), row)?;
            }
            let rows_max = PARAMETERS_MAX / schema.columns.len();
            (schema, Kind::Write, rows.chunks(rows_max).map(|rows| insertion(schema, rows)).collect())
        }
        Statement::Update { table, row } => {
            let schema = find(*table)?;
            schema.check(row)?;
            check_text(schema, &(0..row.len()).collect::<Vec<_>>(), row)?;
            let mut query = Query::new(format!("UPDATE {} SET ", quoted(schema.name)));
            for (position, value) in row.iter().enumerate().filter(|(position, _)| !is_whole_key(schema, *position)) {
                let separator = if query.parameters.is_empty() { "" } else { ", " };
                let number = query.parameter(value);
                write!(query.text, "{separator}{} = ${number}", quoted(schema.columns[position].name))
                    .expect("a string takes all");
            }
            let key: Vec<&Value> = schema.primary_key.iter().map(|&position| &row[position]).collect();
            query.restrict(schema, schema.primary_key, key);
            (schema, Kind::Write, vec![query])
        }
        Statement::Delete { table, key } => {
            let schema = find(*table)?;
            check_key(schema, schema.primary_key, key, true)?;
            let mut query = Query::new(format!("DELETE FROM {}", quoted(schema.name)));
            query.restrict(schema, schema.primary_key, key);
            (schema, Kind::Write, vec![query])
        }
        Statement::Scan { table, index, prefix, limit } => {
            let missing = DatabaseError::NoSuchTable { table: *table, index: Some(*index) };
            let schema = find(*table).map_err(|_| missing.clone())?;
            let index = schema.index(*index).ok_or(missing)?;
            check_key(schema, index.columns, prefix, false)?;
            let mut query = Query::new(format!("SELECT {} FROM {}", all(schema), quoted(schema.name)));
            query.restrict(schema, index.columns, prefix);
            if index.unique {
                query.leave_out_nulls(schema, index);
            }
            let order: Vec<usize> = index.columns.iter().chain(schema.primary_key).copied().collect();
            write!(query.text, " ORDER BY {} LIMIT {limit}", list(schema, &order)).expect("a string takes all");
            (schema, Kind::Read, vec![query])
        }
    };
    Ok(Queries { table, kind, each })
}

impl<'a> Query<'a> {
    fn new(text: String) -> Self {
        Query { text, parameters: Vec::new() }
    }

    /// Adds a parameter, and says its number.
    fn parameter(&mut self, value: &'a Value) -> usize {
        self.parameters.push(Parameter(value));
        self.parameters.len()
    }

    /// Only rows whose columns begin with these values.
    fn restrict(&mut self, schema: &TableSchema, columns: &[usize], values: impl IntoIterator<Item = &'a Value>) {
        for (position, (&column, value)) in columns.iter().zip(values).enumerate() {
            let word = if position == 0 { "WHERE" } else { "AND" };
            let column = quoted(schema.columns[column].name);
            if value.is_null() {
                write!(self.text, " {word} {column} IS NULL").expect("a string takes all");
            } else {
                let number = self.parameter(value);
                write!(self.text, " {word} {column} = ${number}").expect("a string takes all");
            }
        }
    }

    /// Only rows that a unique index of the port has.
    fn leave_out_nulls(&mut self, schema: &TableSchema, index: &Index) {
        for &column in index.columns.iter().filter(|&&column| schema.columns[column].nullable) {
            let word = if self.text.contains(" WHERE ") { "AND" } else { "WHERE" };
            write!(self.text, " {word} {} IS NOT NULL", quoted(schema.columns[column].name))
                .expect("a string takes all");
        }
    }
}

fn insertion<'a>(schema: &TableSchema, rows: &'a [Vec<Value>]) -> Query<'a> {
    let mut query = Query::new(format!("INSERT INTO {} ({}) VALUES ", quoted(schema.name), all(schema)));
    for (count, row) in rows.iter().enumerate() {
        let numbers: Vec<String> = row.iter().map(|value| format!("${}", query.parameter(value))).collect();
        let separator = if count == 0 { "" } else { ", " };
        write!(query.text, "{separator}({})", numbers.join(", ")).expect("a string takes all");
    }
    query
}

/// Whether an update leaves this column alone: a key never changes. Of a table that is nothing but its key, one column is written
/// all the same, as UPDATE must set something.
fn is_whole_key(schema: &TableSchema, position: usize) -> bool {
    let is_key = schema.primary_key.contains(&position);
    is_key && (schema.primary_key.len() < schema.columns.len() || position > 0)
}

/// Whether values are of their columns' kinds, and as many as are wanted.
fn check_key(schema: &TableSchema, columns: &[usize], values: &Key, is_whole: bool) -> Result<(), RowError> {
    let (expected, found) = (columns.len(), values.len());
    if found > expected || (is_whole && found < expected) {
        return Err(RowError::Width { table: schema.id, expected, found });
    }
    for (&column, value) in columns.iter().zip(values) {
        let fits = match value {
            Value::Null => true,
            Value::Bool(_) => schema.columns[column].kind == ColumnKind::Bool,
            Value::Int(_) => schema.columns[column].kind == ColumnKind::Int,
            Value::Text(_) => schema.columns[column].kind == ColumnKind::Text,
            Value::Bytes(_) => schema.columns[column].kind == ColumnKind::Bytes,
        };
        if !fits {
            return Err(misfit(schema, column));
        }
    }
    check_text(schema, columns, values)
}

/// PostgreSQL's text holds every character but U+0000 (documentation, 8.3).
fn check_text(schema: &TableSchema, columns: &[usize], values: &[Value]) -> Result<(), RowError> {
    for (&column, value) in columns.iter().zip(values) {
        if matches!(value, Value::Text(text) if text.contains('\0')) {
            return Err(misfit(schema, column));
        }
    }
    Ok(())
}

fn misfit(schema: &TableSchema, column: usize) -> RowError {
    RowError::Value { table: schema.id, column: u16::try_from(column).unwrap_or(u16::MAX) }
}

fn all(schema: &TableSchema) -> String {
    list(schema, &(0..schema.columns.len()).collect::<Vec<_>>())
}

fn list(schema: &TableSchema, columns: &[usize]) -> String {
    let names: Vec<String> = columns.iter().map(|&column| quoted(schema.columns[column].name)).collect();
    names.join(", ")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use ports::database::{IndexId, IntoKey, Record};

    use super::*;

    ports::record! {
        struct Item in "items" as 3 {
            id: i64,
            tag: Option<i64>,
            label: String,
        }
        key(id)
        unique BY_TAG(tag)
        plain BY_LABEL(label, tag)
    }

    static TABLES: &[&TableSchema] = &[Item::SCHEMA];

    fn text(statement: &Statement) -> String {
        let queries = queries(TABLES, statement).unwrap();
        let texts = queries.each.iter().map(|query| format!("{} {:?}", query.text, query.parameters));
        texts.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_schema_is_what_the_port_means() {
        insta::assert_snapshot!(definitions(Item::SCHEMA).join("\n"), @r#"
        CREATE TABLE "items" ("id" bigint NOT NULL, "tag" bigint, "label" text COLLATE "C" NOT NULL, CONSTRAINT "items_pkey" PRIMARY KEY ("id"))
        CREATE UNIQUE INDEX "items_BY_TAG" ON "items" ("tag")
        CREATE INDEX "items_BY_LABEL" ON "items" ("label", "tag")
        "#);
    }

    #[test]
    fn statements_carry_their_values_as_parameters() {
        let table = Item::SCHEMA.id;
        let row = Item { id: 1, tag: None, label: "a".into() }.to_row();
        let scan = |index: IndexId, prefix: Key| Statement::Scan { table, index, prefix, limit: 9 };
        let statements = [
            Statement::Get { table, key: 1i64.into_key(), lock: Lock::None },
            Statement::Get { table, key: 1i64.into_key(), lock: Lock::ForUpdate },
            Statement::Insert { table, rows: vec![row.clone(), row.clone()] },
            Statement::Update { table, row },
            Statement::Delete { table, key: 1i64.into_key() },
            scan(Item::BY_TAG, vec![]),
            scan(Item::BY_LABEL, ("a".to_owned(), None::<i64>).into_key()),
        ];
        insta::assert_snapshot!(statements.each_ref().map(text).join("\n"), @r#"
        SELECT "id", "tag", "label" FROM "items" WHERE "id" = $1 [Parameter(Int(1))]
        SELECT "id", "tag", "label" FROM "items" WHERE "id" = $1 FOR UPDATE [Parameter(Int(1))]
        INSERT INTO "items" ("id", "tag", "label") VALUES ($1, $2, $3), ($4, $5, $6) [Parameter(Int(1)), Parameter(Null), Parameter(Text("a")), Parameter(Int(1)), Parameter(Null), Parameter(Text("a"))]
        UPDATE "items" SET "tag" = $1, "label" = $2 WHERE "id" = $3 [Parameter(Null), Parameter(Text("a")), Parameter(Int(1))]
        DELETE FROM "items" WHERE "id" = $1 [Parameter(Int(1))]
        SELECT "id", "tag", "label" FROM "items" WHERE "tag" IS NOT NULL ORDER BY "tag", "id" LIMIT 9 []
        SELECT "id", "tag", "label" FROM "items" WHERE "label" = $1 AND "tag" IS NULL ORDER BY "label", "tag", "id" LIMIT 9 [Parameter(Text("a"))]
        "#);
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_sent() {
        let table = Item::SCHEMA.id;
        let refused = |statement: Statement| queries(TABLES, &statement).unwrap_err();
        let missing = |table, index| DatabaseError::NoSuchTable { table, index };
        assert_eq!(refused(Statement::Delete { table: TableId(9), key: vec![] }), missing(TableId(9), None));
        let (index, prefix) = (IndexId(7), vec![]);
        assert_eq!(refused(Statement::Scan { table, index, prefix, limit: 1 }), missing(table, Some(index)));
        assert_eq!(
            refused(Statement::Delete { table, key: vec![] }),
            RowError::Width { table, expected: 1, found: 0 }.into()
        );
        assert_eq!(
            refused(Statement::Delete { table, key: vec![Value::Bool(true)] }),
            RowError::Value { table, column: 0 }.into()
        );
        let row = Item { id: 1, tag: None, label: "\0".into() }.to_row();
        assert_eq!(refused(Statement::Update { table, row }), RowError::Value { table, column: 2 }.into());
    }

    #[test]
    fn many_rows_take_several_queries_and_none_takes_none() {
        let rows = |count| vec![Item { id: 1, tag: None, label: String::new() }.to_row(); count];
        let count = |rows| queries(TABLES, &Statement::Insert { table: Item::SCHEMA.id, rows }).unwrap().each.len();
        assert_eq!([count(rows(0)), count(rows(21_845)), count(rows(21_846))], [0, 1, 2]);
    }
}
