//! The types of values, each with a count of its bytes.

use std::collections::{BTreeMap, BTreeSet};

use ports::cache::Bytes;
use serde::{Deserialize, Serialize};

use super::SortedSet;

/// What a field or member takes beside its own bytes, in a compact encoding or a table. Assumption.
pub(super) const ELEMENT_BYTES: u64 = 16;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    String(Bytes),
    Hash(Hash),
    Set(Set),
    Sorted(SortedSet),
}

/// Fields and their values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash {
    pub(super) fields: BTreeMap<Bytes, Bytes>,
    pub(super) bytes: u64,
}

/// Members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    pub(super) members: BTreeSet<Bytes>,
    pub(super) bytes: u64,
}

impl Value {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Value::String(bytes) => bytes.len() as u64,
            Value::Hash(hash) => hash.bytes,
            Value::Set(set) => set.bytes,
            Value::Sorted(sorted) => sorted.bytes(),
        }
    }

    /// How many elements are freed with it.
    pub(super) fn elements(&self) -> u64 {
        match self {
            Value::String(_) => 1,
            Value::Hash(hash) => hash.fields.len() as u64,
            Value::Set(set) => set.members.len() as u64,
            Value::Sorted(sorted) => sorted.len() as u64,
        }
    }
}

impl Hash {
    /// True if the field is new.
    pub(super) fn set(&mut self, field: Bytes, value: Bytes) -> bool {
        let (field_bytes, value_bytes) = (field.len() as u64, value.len() as u64);
        match self.fields.insert(field, value) {
            Some(former) => {
                self.bytes = self.bytes + value_bytes - former.len() as u64;
                false
            }
            None => {
                self.bytes += ELEMENT_BYTES + field_bytes + value_bytes;
                true
            }
        }
    }

    /// True if the field was there.
    pub(super) fn remove(&mut self, field: &Bytes) -> bool {
        let Some(former) = self.fields.remove(field) else { return false };
        self.bytes -= ELEMENT_BYTES + (field.len() + former.len()) as u64;
        true
    }
}

impl Set {
    /// True if the member is new.
    pub(super) fn add(&mut self, member: &Bytes) -> bool {
        let new = self.members.insert(member.clone());
        if new {
            self.bytes += ELEMENT_BYTES + member.len() as u64;
        }
        new
    }

    /// True if the member was there.
    pub(super) fn remove(&mut self, member: &Bytes) -> bool {
        let there = self.members.remove(member);
        if there {
            self.bytes -= ELEMENT_BYTES + member.len() as u64;
        }
        there
    }
}
