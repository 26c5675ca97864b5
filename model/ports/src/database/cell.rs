//! Rust types that fit in a column.

use super::{ColumnKind, Value};
use crate::IdempotencyKey;

/// A type that one column holds.
pub trait Cell: Sized {
    /// What the column stores.
    const KIND: ColumnKind;
    /// Whether the column may be null.
    const NULLABLE: bool = false;

    fn to_value(&self) -> Value;

    /// None if the value is of another kind or out of the type's range.
    fn from_value(value: &Value) -> Option<Self>;
}

impl Cell for i64 {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        Value::Int(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// Narrower integers are stored as [`Value::Int`] and checked when they are read back.
macro_rules! narrow_integer {
    ($($narrow:ty),*) => {$(
        impl Cell for $narrow {
            const KIND: ColumnKind = ColumnKind::Int;

            fn to_value(&self) -> Value {
                Value::Int(i64::from(*self))
            }

            fn from_value(value: &Value) -> Option<Self> {
                i64::from_value(value).and_then(|number| Self::try_from(number).ok())
            }
        }
    )*};
}

narrow_integer!(u8, i32, u32);

impl Cell for bool {
    const KIND: ColumnKind = ColumnKind::Bool;

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

impl Cell for String {
    const KIND: ColumnKind = ColumnKind::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl Cell for Vec<u8> {
    const KIND: ColumnKind = ColumnKind::Bytes;

    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

/// Sixteen bytes, most significant first, so that bytes sort as keys do.
impl Cell for IdempotencyKey {
    const KIND: ColumnKind = ColumnKind::Bytes;

    fn to_value(&self) -> Value {
        Value::Bytes(self.0.to_be_bytes().to_vec())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok().map(|bytes| Self(u128::from_be_bytes(bytes))),
            _ => None,
        }
    }
}

impl<T: Cell> Cell for Option<T> {
    const KIND: ColumnKind = T::KIND;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Cell::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_value(value).map(Some) }
    }
}
