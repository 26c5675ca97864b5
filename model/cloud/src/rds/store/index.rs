//! What an index holds of a row: its entry, the columns' values followed by the primary key's.

use std::collections::BTreeSet;
use std::ops::Bound;

use ports::database::{Index, Value};

/// The entries of an index that begin with `prefix`.
pub(super) fn entries<'a>(index: &'a BTreeSet<Box<[Value]>>, prefix: &'a [Value]) -> impl Iterator<Item = &'a [Value]> {
    index
        .range::<[Value], _>((Bound::Included(prefix), Bound::Unbounded))
        .map(|entry| &**entry)
        .take_while(move |entry| entry.starts_with(prefix))
}

pub(super) fn entry_of(index: &Index, row: &[Value], key: &[Value]) -> Box<[Value]> {
    let mut entry = index.key_of(row);
    entry.extend_from_slice(key);
    entry.into()
}

/// A unique index leaves out rows with a null in it: nulls are distinct.
pub(super) fn is_left_out(index: &Index, row: &[Value]) -> bool {
    index.unique && index.columns.iter().any(|&at| row[at].is_null())
}

pub(super) fn has_values(row: &[Value], columns: &[usize], values: &[Value]) -> bool {
    columns.iter().zip(values).all(|(&at, value)| row[at] == *value)
}

pub(super) fn same_values(left: &[Value], right: &[Value], columns: &[usize]) -> bool {
    columns.iter().all(|&at| left[at] == right[at])
}
