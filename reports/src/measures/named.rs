//! Maps by name that are filled from borrowed rows.

use std::collections::BTreeMap;

/// What the map has under this name, new if need be; the name is copied only then.
pub(super) fn named<'m, V: Default>(map: &'m mut BTreeMap<String, V>, name: &str) -> &'m mut V {
    if !map.contains_key(name) {
        map.insert(name.to_string(), V::default());
    }
    map.get_mut(name).expect("inserted above")
}
