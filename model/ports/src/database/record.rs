//! Typed rows, and the macro that declares a table and its record in one place.

use serde::{Deserialize, Serialize};

use super::{Cell, Key, Row, TableId, TableSchema, Value};

/// A typed row of one table. Declare one with [`record!`](crate::record).
pub trait Record: Sized {
    const SCHEMA: &'static TableSchema;

    fn to_row(&self) -> Row;

    fn from_row(row: &[Value]) -> Result<Self, RowError>;

    /// The record's primary key.
    fn key(&self) -> Key {
        Self::SCHEMA.key_of(&self.to_row())
    }
}

/// Why a row does not fit a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum RowError {
    #[error("a row of table {} has {found} columns instead of {expected}", table.0)]
    Width { table: TableId, expected: usize, found: usize },
    #[error("column {column} of table {} holds a value of the wrong kind or range", table.0)]
    Value { table: TableId, column: u16 },
}

/// What may name a row or the beginning of an index: one cell, a tuple of cells, or `()` for the whole index.
pub trait IntoKey {
    fn into_key(self) -> Key;
}

impl IntoKey for Key {
    fn into_key(self) -> Key {
        self
    }
}

impl IntoKey for () {
    fn into_key(self) -> Key {
        Key::new()
    }
}

impl<A: Cell> IntoKey for A {
    fn into_key(self) -> Key {
        vec![self.to_value()]
    }
}

impl<A: Cell, B: Cell> IntoKey for (A, B) {
    fn into_key(self) -> Key {
        vec![self.0.to_value(), self.1.to_value()]
    }
}

impl<A: Cell, B: Cell, C: Cell> IntoKey for (A, B, C) {
    fn into_key(self) -> Key {
        vec![self.0.to_value(), self.1.to_value(), self.2.to_value()]
    }
}

/// Where a name stands among names; a name that is missing is a compile error where the result is a constant.
#[doc(hidden)]
pub const fn position(names: &[&str], name: &str) -> usize {
    let mut position = 0;
    while position < names.len() {
        if same(names[position].as_bytes(), name.as_bytes()) {
            return position;
        }
        position += 1;
    }
    panic!("a key or an index names a column that the record does not have")
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Declares a record, its table and its indexes.
///
/// ```
/// ports::record! {
///     /// A seat in a theatre.
///     pub struct Seat in "seats" as 1 {
///         row: i64,
///         number: i64,
///         /// Whoever holds it: one seat each.
///         holder: Option<i64>,
///     }
///     key(row, number)
///     unique BY_HOLDER(holder)
/// }
/// use ports::database::Record;
/// assert_eq!(Seat::SCHEMA.name, "seats");
/// assert_eq!(Seat::SCHEMA.primary_key, [0, 1]);
/// assert!(Seat::SCHEMA.index(Seat::BY_HOLDER).unwrap().unique);
/// ```
///
/// A unique index leaves out rows with a null in it; `plain` in place of `unique` gives an index that is not.
#[macro_export]
macro_rules! record {
    (@unique unique) => { true };
    (@unique plain) => { false };
    (
        $(#[$meta:meta])*
        $visibility:vis struct $record:ident in $table:literal as $id:literal {
            $($(#[$field_meta:meta])* $field:ident: $kind:ty,)+
        }
        key($($key:ident),+)
        $($uniqueness:ident $index:ident($($column:ident),+))*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $visibility struct $record {
            $($(#[$field_meta])* pub $field: $kind,)+
        }

        impl $record {
            const COLUMN_NAMES: &'static [&'static str] = &[$(stringify!($field)),+];
            const INDEX_NAMES: &'static [&'static str] = &[$(stringify!($index)),*];
            $(
                #[doc = concat!("The index `", stringify!($index), "`.")]
                pub const $index: $crate::database::IndexId = $crate::database::IndexId(
                    $crate::database::position(Self::INDEX_NAMES, stringify!($index)) as u8
                );
            )*
        }

        impl $crate::database::Record for $record {
            const SCHEMA: &'static $crate::database::TableSchema = &$crate::database::TableSchema {
                id: $crate::database::TableId($id),
                name: $table,
                columns: &[$($crate::database::Column {
                    name: stringify!($field),
                    kind: <$kind as $crate::database::Cell>::KIND,
                    nullable: <$kind as $crate::database::Cell>::NULLABLE,
                }),+],
                primary_key: &[$($crate::database::position(Self::COLUMN_NAMES, stringify!($key))),+],
                indexes: &[$($crate::database::Index {
                    name: stringify!($index),
                    columns: &[$($crate::database::position(Self::COLUMN_NAMES, stringify!($column))),+],
                    unique: $crate::record!(@unique $uniqueness),
                }),*],
            };

            fn to_row(&self) -> $crate::database::Row {
                vec![$($crate::database::Cell::to_value(&self.$field)),+]
            }

            fn from_row(row: &[$crate::database::Value]) -> Result<Self, $crate::database::RowError> {
                let schema = <Self as $crate::database::Record>::SCHEMA;
                if row.len() != schema.columns.len() {
                    return Err($crate::database::RowError::Width {
                        table: schema.id,
                        expected: schema.columns.len(),
                        found: row.len(),
                    });
                }
                Ok(Self {
                    $($field: {
                        const POSITION: usize = $crate::database::position($record::COLUMN_NAMES, stringify!($field));
                        $crate::database::Cell::from_value(&row[POSITION]).ok_or(
                            $crate::database::RowError::Value { table: schema.id, column: POSITION as u16 }
                        )?
                    },)+
                })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::database::{ColumnKind, Index};

    record! {
        struct Parcel in "parcels" as 7 {
            depot: i64,
            number: u32,
            label: String,
            seal: Option<Vec<u8>>,
            fragile: bool,
        }
        key(depot, number)
        plain BY_LABEL(label, depot)
        unique BY_SEAL(seal)
    }

    #[test]
    fn a_record_declares_its_table() {
        let schema = Parcel::SCHEMA;
        assert_eq!(schema.primary_key, [0, 1]);
        assert_eq!(schema.index(Parcel::BY_LABEL), Some(&Index { name: "BY_LABEL", columns: &[2, 0], unique: false }));
        assert_eq!(schema.index(Parcel::BY_SEAL), Some(&Index { name: "BY_SEAL", columns: &[3], unique: true }));
        assert_eq!(schema.columns[3].kind, ColumnKind::Bytes);
        assert!(schema.columns[3].nullable && !schema.columns[2].nullable);
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused() {
        let row = Parcel { depot: 1, number: 2, label: "x".into(), seal: None, fragile: true }.to_row();
        let short = row[..4].to_vec();
        assert_eq!(Parcel::from_row(&short), Err(RowError::Width { table: TableId(7), expected: 5, found: 4 }));
        assert!(Parcel::SCHEMA.check(&short).is_err());
        let mut negative = row.clone();
        negative[1] = Value::Int(-1);
        assert_eq!(Parcel::from_row(&negative), Err(RowError::Value { table: TableId(7), column: 1 }));
        let mut null = row;
        null[2] = Value::Null;
        assert_eq!(Parcel::SCHEMA.check(&null), Err(RowError::Value { table: TableId(7), column: 2 }));
        assert!(Parcel::from_row(&null).is_err());
    }

    proptest! {
        #[test]
        fn rows_keep_what_records_hold(depot: i64, number: u32, label: String, seal: Option<Vec<u8>>, fragile: bool) {
            let parcel = Parcel { depot, number, label, seal, fragile };
            let row = parcel.to_row();
            prop_assert_eq!(Parcel::SCHEMA.check(&row), Ok(()));
            prop_assert_eq!(parcel.key(), (depot, number).into_key());
            prop_assert_eq!(Parcel::from_row(&row), Ok(parcel));
        }
    }
}
