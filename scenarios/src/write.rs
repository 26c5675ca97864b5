//! From a scenario to the text of its file: what is written here loads as the same scenario.

use notation::section::Section;
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::scenario::Scenario;

impl Scenario {
    /// The scenario as a file, defaults filled in.
    pub fn to_toml(&self) -> String {
        let shown = self.show();
        let mut text = String::new();
        // In the order of the declaration, in which plain values come before tables, as TOML wants them.
        for &key in Scenario::KEYS {
            match &shown[key] {
                Value::Object(entries) => table(key, entries, &mut text),
                Value::Array(items) => items.iter().for_each(|item| {
                    text.push_str(&format!("\n[[{key}]]\n"));
                    lines(item.as_object().expect("arrays of a scenario hold tables"), &value, &mut text);
                }),
                Value::Null => {}
                plain => text.push_str(&format!("{key} = {}\n", value(plain))),
            }
        }
        text
    }
}

/// One entry of `[[fault]]`.
pub(crate) fn fault(fault: &Fault) -> String {
    let mut text = "[[fault]]\n".to_owned();
    lines(fault.show().as_object().expect("a fault is a table"), &value, &mut text);
    text
}

fn table(key: &str, entries: &Map<String, Value>, text: &mut String) {
    if entries.is_empty() {
        return;
    }
    text.push_str(&format!("\n[{key}]\n"));
    // Overrides are kept as the TOML that they were.
    let as_it_is = |written: &Value| written.as_str().unwrap_or_default().to_owned();
    if key == "override" { lines(entries, &as_it_is, text) } else { lines(entries, &value, text) }
}

fn lines(entries: &Map<String, Value>, write: &dyn Fn(&Value) -> String, text: &mut String) {
    for (key, entry) in entries.iter().filter(|(_, entry)| !entry.is_null()) {
        text.push_str(&format!("{} = {}\n", name(key), write(entry)));
    }
}

/// A value on one line.
pub(crate) fn value(shown: &Value) -> String {
    match shown {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .filter(|(_, entry)| !entry.is_null())
                .map(|(key, entry)| format!("{} = {}", name(key), value(entry)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A key, in quotes where TOML wants them.
fn name(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if key.bytes().all(bare) && !key.is_empty() { key.to_owned() } else { value(&Value::String(key.to_owned())) }
}
