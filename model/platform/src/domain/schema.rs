//! Every table of the platform. The codes that a column holds stand beside its table; what they mean is in the file of the rules, which
//! gives them out.
//!
//! Three habits run through it. A nullable column under a unique index says "at most one at a time" (one live offer a driver, one active
//! trip a rider), so the database itself refuses what a bug would do. A primary key that is derived from the trip makes an effect
//! happen once however often it is tried. And whatever an invariant speaks of is in a row, so that committed changes alone tell whether
//! it holds.
//!
//! Transactions lock rows in this order, so that they never wait in a circle: idempotency key, rider, trip, offer, driver, payment, movement,
//! balances (ascending), balances carried forward (ascending).

pub(super) mod accounts;
pub(super) mod delivery;
pub(super) mod dispatch;
pub(super) mod money;
pub(super) mod vehicles;

pub use accounts::{Driver, Rider};
pub use delivery::{IdempotencyRecord, Lease, OutboxEntry, ToldNotification, TripNews};
pub use dispatch::{LateReport, Offer, Trip, TripLogEntry};
pub use money::{Balance, CarriedBalance, JournalEntry, Movement, Payment, Quote};
pub use vehicles::Vehicle;

use ports::database::{Record, TableSchema};

/// The tables, ordered by id.
pub const TABLES: &[&TableSchema] = &[
    Trip::SCHEMA,
    TripLogEntry::SCHEMA,
    Offer::SCHEMA,
    Driver::SCHEMA,
    Rider::SCHEMA,
    Quote::SCHEMA,
    Payment::SCHEMA,
    JournalEntry::SCHEMA,
    Balance::SCHEMA,
    OutboxEntry::SCHEMA,
    IdempotencyRecord::SCHEMA,
    LateReport::SCHEMA,
    Movement::SCHEMA,
    Lease::SCHEMA,
    TripNews::SCHEMA,
    ToldNotification::SCHEMA,
    Vehicle::SCHEMA,
    CarriedBalance::SCHEMA,
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::TABLES;

    #[test]
    fn table_numbers_are_unique_and_ordered() {
        assert!(TABLES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn primary_keys_are_never_null() {
        for table in TABLES {
            assert!(table.primary_key.iter().all(|&column| !table.columns[column].nullable), "{table:?}");
        }
    }

    #[test]
    fn keys_and_indexes_are_what_reviewers_agreed_on() {
        let mut text = String::new();
        for table in TABLES {
            let names = |columns: &[usize]| {
                columns.iter().map(|&column| table.columns[column].name).collect::<Vec<_>>().join(", ")
            };
            writeln!(text, "{} {} ({})", table.id.0, table.name, names(table.primary_key)).unwrap();
            for index in table.indexes {
                let unique = if index.unique { "unique" } else { "plain" };
                writeln!(text, "  {unique} {} ({})", index.name, names(index.columns)).unwrap();
            }
        }
        insta::assert_snapshot!(text);
    }
}
