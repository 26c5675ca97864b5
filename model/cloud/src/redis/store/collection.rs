//! Values that hold elements: how a command finds one, makes one, and leaves none that is empty.

use ports::cache::{CacheError, Key};

use super::run::Run;
use super::{Entry, Hash, Set, SortedSet, Store, Value, is_expired};

/// A type of value that holds elements.
pub(super) trait Collection: Default {
    fn into_value(self) -> Value;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn is_empty(&self) -> bool;
}

macro_rules! collection {
    ($kind:ident, $type:ty, $collection:ident => $is_empty:expr) => {
        impl Collection for $type {
            fn into_value(self) -> Value {
                Value::$kind(self)
            }

            fn of(value: &Value) -> Option<&Self> {
                if let Value::$kind(held) = value { Some(held) } else { None }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$kind(held) = value { Some(held) } else { None }
            }

            fn is_empty(&self) -> bool {
                let $collection = self;
                $is_empty
            }
        }
    };
}

collection!(Hash, Hash, hash => hash.fields.is_empty());
collection!(Set, Set, set => set.members.is_empty());
collection!(Sorted, SortedSet, sorted => sorted.len() == 0);

impl Run<'_> {
    /// The value at a key, unless it is hidden from this reader.
    pub(super) fn value(&self, key: &Key) -> Option<&Value> {
        let entry = self.store.entries.get(key)?;
        (self.role == super::As::Repeat || !is_expired(entry.expires_at, self.now)).then_some(&entry.value)
    }

    /// The collection at a key.
    pub(super) fn read<C: Collection>(&self, key: &Key) -> Result<Option<&C>, CacheError> {
        self.value(key).map(|value| C::of(value).ok_or(CacheError::WrongType)).transpose()
    }

    /// Changes the collection at a key, none if there is no key. A collection that is empty afterwards is gone.
    pub(super) fn change<C: Collection, R>(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut C) -> R,
    ) -> Result<Option<R>, CacheError> {
        let Store { entries, used_bytes, .. } = &mut *self.store;
        let Some(Entry { value, .. }) = entries.get_mut(key) else { return Ok(None) };
        let before = value.bytes();
        let collection = C::of_mut(value).ok_or(CacheError::WrongType)?;
        let result = change(collection);
        let is_empty = collection.is_empty();
        *used_bytes = *used_bytes + value.bytes() - before;
        if is_empty {
            self.store.remove(key);
        }
        Ok(Some(result))
    }

    /// Changes the collection at a key, an empty one if there is no key.
    pub(super) fn change_or_create<C: Collection, R>(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut C) -> R,
    ) -> Result<R, CacheError> {
        if !self.store.entries.contains_key(key) {
            self.store.put(key.clone(), C::default().into_value(), None, self.now);
        }
        Ok(self.change(key, change)?.expect("it was created if it was not there"))
    }
}
