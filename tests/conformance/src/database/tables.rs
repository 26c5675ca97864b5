//! The tables that scripts are about: every kind of column, keys of one and of two columns, unique indexes with nulls and plain ones.

use ports::database::{IndexId, Key, Record, Statement, TableSchema};
use ports::record;

record! {
    /// Two indexes, one of them unique over a nullable column.
    pub struct Item in "items" as 1 {
        id: i64,
        tag: Option<i64>,
        shelf: i64,
        amount: i64,
    }
    key(id)
    unique BY_TAG(tag)
    plain BY_SHELF(shelf, amount)
}

record! {
    /// A key and a unique index of two columns each.
    pub struct Seat in "seats" as 2 {
        row: i64,
        number: i64,
        night: i64,
        holder: Option<i64>,
    }
    key(row, number)
    unique BY_HOLDER(night, holder)
    plain BY_NUMBER(number)
}

record! {
    /// Text, bytes and truth, and nulls in an index that is not unique.
    pub struct Note in "notes" as 3 {
        name: String,
        body: Option<Vec<u8>>,
        flag: bool,
    }
    key(name)
    plain BY_FLAG(flag, body)
}

pub static TABLES: &[&TableSchema] = &[Item::SCHEMA, Seat::SCHEMA, Note::SCHEMA];

/// Statements that read every row of every table.
#[must_use]
pub fn read_everything() -> Vec<Statement> {
    let indexes = [(Item::SCHEMA, Item::BY_SHELF), (Seat::SCHEMA, Seat::BY_NUMBER), (Note::SCHEMA, Note::BY_FLAG)];
    let scan = |(schema, index): (&TableSchema, IndexId)| {
        let (table, prefix, limit) = (schema.id, Key::new(), u32::MAX);
        Statement::Scan { table, index, prefix, limit }
    };
    indexes.map(scan).into()
}
