//! Scripts drawn at random, over so few rows and values that sessions meet.

use ports::database::{Isolation, Key, Lock, Record, Row, Statement, TableId, TableSchema};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::script::{Plan, Script};
use super::tables::{Item, Note, Seat, TABLES};

/// Sessions that a script may have.
pub const SESSIONS_MAX: usize = 4;

/// Scripts whose transactions are of these isolation levels.
pub fn script(levels: &'static [Isolation]) -> impl Strategy<Value = Script> {
    let sessions = vec(vec(plan(levels), 1..=2), 2..=SESSIONS_MAX);
    (rows(), sessions, vec(any::<Index>(), 0..40)).prop_map(|(rows, sessions, turns)| Script { rows, sessions, turns })
}

fn plan(levels: &'static [Isolation]) -> impl Strategy<Value = Plan> {
    (select(levels), vec(statement(), 1..=4), prop::bool::weighted(0.8))
        .prop_map(|(isolation, statements, is_committed)| Plan { isolation, statements, is_committed })
}

/// Rows to begin with: those of a few drawn that do not stand in each other's way.
fn rows() -> impl Strategy<Value = Vec<(TableId, Row)>> {
    vec(row(), 4..14).prop_map(|drawn| {
        let mut rows: Vec<(TableId, Row)> = Vec::new();
        for (table, row) in drawn {
            let schema = schema(table);
            let fits = |(other_table, other): &(TableId, Row)| {
                let unique = schema.indexes.iter().filter(|index| index.unique).map(|index| index.columns);
                let mut keys = std::iter::once(schema.primary_key).chain(unique);
                *other_table != table || !keys.any(|key| key.iter().all(|&at| row[at] == other[at]))
            };
            if rows.iter().all(fits) {
                rows.push((table, row));
            }
        }
        rows
    })
}

fn row() -> impl Strategy<Value = (TableId, Row)> {
    prop_oneof![
        8 => item().prop_map(|item| (Item::SCHEMA.id, item.to_row())),
        2 => seat().prop_map(|seat| (Seat::SCHEMA.id, seat.to_row())),
        1 => note().prop_map(|note| (Note::SCHEMA.id, note.to_row())),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    (0..3i64, option::weighted(0.4, 0..3i64), 0..2i64, 0..3i64).prop_map(|(id, tag, shelf, amount)| Item {
        id,
        tag,
        shelf,
        amount,
    })
}

fn seat() -> impl Strategy<Value = Seat> {
    (0..2i64, 0..2i64, 0..2i64, option::weighted(0.7, 0..2i64)).prop_map(|(row, number, night, holder)| Seat {
        row,
        number,
        night,
        holder,
    })
}

fn note() -> impl Strategy<Value = Note> {
    let body = option::of(select(vec![vec![], vec![0], vec![0, 255]]));
    (select(vec!["", "B", "a", "ä"]), body, any::<bool>()).prop_map(|(name, body, flag)| Note {
        name: name.to_owned(),
        body,
        flag,
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    prop_oneof![
        2 => (row(), Just(Lock::None)).prop_map(get),
        3 => (row(), Just(Lock::ForUpdate)).prop_map(get),
        3 => row().prop_flat_map(insert),
        5 => row().prop_map(|(table, row)| Statement::Update { table, row }),
        2 => row().prop_map(|(table, row)| Statement::Delete { table, key: schema(table).key_of(&row) }),
        2 => scan(),
    ]
}

fn get(((table, row), lock): ((TableId, Row), Lock)) -> Statement {
    Statement::Get { table, key: schema(table).key_of(&row), lock }
}

/// An insertion of one row, or of two if another is drawn of the same table.
fn insert((table, row): (TableId, Row)) -> impl Strategy<Value = Statement> {
    option::weighted(0.3, self::row()).prop_map(move |second| {
        let second = second.filter(|(other, _)| *other == table).map(|(_, row)| row);
        Statement::Insert { table, rows: std::iter::once(row.clone()).chain(second).collect() }
    })
}

fn scan() -> impl Strategy<Value = Statement> {
    (row(), any::<Index>(), 0..=2usize, prop_oneof![0..=2u32, Just(u32::MAX)]).prop_map(
        |((table, row), index, length, limit)| {
            let (id, index) =
                (0..).zip(schema(table).indexes).nth(index.index(schema(table).indexes.len())).expect("within");
            let mut prefix: Key = index.key_of(&row);
            prefix.truncate(length);
            Statement::Scan { table, index: ports::database::IndexId(id), prefix, limit }
        },
    )
}

fn schema(table: TableId) -> &'static TableSchema {
    TABLES.iter().find(|schema| schema.id == table).expect("scripts are about these tables")
}
