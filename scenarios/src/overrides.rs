//! A scenario's changes to its blueprint, made before the blueprint is read: so that they are checked as if written in it.

use notation::name;
use notation::report::Report;
use notation::tree::{Entry, Node, Value};
use notation::value::Format;
use serde_json::json;

/// One value of the blueprint that a scenario changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The dotted path within the blueprint.
    pub path: String,
    /// The value as TOML.
    pub value: String,
}

/// The format of `[override]`: dotted paths as keys, any values. Whether path and value are right, the blueprint's reader
/// says.
pub(crate) struct Overrides;

impl Format<Vec<Override>> for Overrides {
    fn read(node: &Node, report: &mut Report) -> Option<Vec<Override>> {
        if !matches!(node.value, Value::Table(_)) {
            let suggestion = Some("such as { \"rds.promote\" = \"60s\" }".to_owned());
            report.problem(
                &node.place,
                format!("expected a table of overrides, found {}", node.value.kind()),
                suggestion,
            );
            return None;
        }
        let mut overrides = Vec::new();
        list(node, "", &mut overrides);
        Some(overrides)
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "object" })
    }

    fn show(value: &Vec<Override>) -> serde_json::Value {
        value.iter().map(|changed| (changed.path.clone(), json!(changed.value))).collect()
    }

    fn example() -> String {
        "{ \"rds.promote\" = \"60s\" }".to_owned()
    }
}

/// Lists every changed value by its full path; tables are descended into.
fn list(node: &Node, prefix: &str, overrides: &mut Vec<Override>) {
    for entry in node.entries() {
        let path = format!("{prefix}{}", entry.key);
        match &entry.node.value {
            Value::Table(_) => list(&entry.node, &format!("{path}."), overrides),
            _ => overrides.push(Override { path, value: toml_text(&entry.node) }),
        }
    }
}

fn toml_text(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Date => "a date".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        Value::Table(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|entry| format!("{} = {}", entry.key, toml_text(&entry.node))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// Puts a scenario's overrides into the tree of its blueprint. Wrong steps of a path become unknown keys there, which the
/// blueprint's reader reports at the place in the scenario.
pub(crate) fn apply(blueprint: &mut Node, overrides: &Node, report: &mut Report) {
    for entry in overrides.entries() {
        let steps: Vec<&str> = entry.key.split('.').collect();
        descend(blueprint, &steps, entry, report);
    }
}

fn descend(node: &mut Node, steps: &[&str], entry: &Entry, report: &mut Report) {
    let Some((step, rest)) = steps.split_first() else {
        // A table changes what it names and leaves the rest; any other value takes the place of what was there.
        match (&node.value, &entry.node.value) {
            (Value::Table(_) | Value::List(_), Value::Table(_)) => apply(node, &entry.node, report),
            _ => *node = entry.node.clone(),
        }
        return;
    };
    match &mut node.value {
        Value::Table(entries) => {
            let known = entries.iter().position(|known| known.key == *step);
            let index = known.unwrap_or_else(|| {
                entries.push(Entry {
                    key: (*step).to_owned(),
                    key_place: entry.key_place.clone(),
                    node: Node::empty_table(entry.node.place.clone()),
                });
                entries.len() - 1
            });
            descend(&mut entries[index].node, rest, entry, report);
        }
        Value::List(items) => {
            let names: Vec<String> = items.iter().filter_map(element_name).map(str::to_owned).collect();
            match items.iter_mut().find(|item| element_name(item) == Some(step)) {
                Some(item) => descend(item, rest, entry, report),
                None => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let message = format!("`{step}` in this path names no element of the blueprint");
                    report.problem(&entry.key_place, message, name::suggest(step, &names));
                }
            }
        }
        other => {
            let message = format!("`{step}` in this path lies below {}, which has no keys", other.kind());
            report.problem(&entry.key_place, message, None);
        }
    }
}

/// The `name` of an element of an array of tables.
fn element_name(node: &Node) -> Option<&str> {
    match &node.child("name")?.value {
        Value::Text(name) => Some(name),
        _ => None,
    }
}
