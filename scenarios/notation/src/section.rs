//! A table with declared keys: the one declaration from which its type, reader, unknown-key check, schema and hash come.

use serde_json::{Map, json};

use crate::name;
use crate::place::Place;
use crate::report::Report;
use crate::tree::{Node, Value};
use crate::value::Format;

/// A type that is written as a table.
pub trait Section: Sized {
    /// Every key, in the order of the declaration.
    const KEYS: &'static [&'static str];

    /// Reads the table; reports every mistake in it, unknown keys included. Keys that are left out are taken from `base`, if
    /// there is one, and then from the declared defaults.
    fn read(node: &Node, base: Option<Self>, report: &mut Report) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> serde_json::Value;

    /// The table as it would be written, defaults filled in.
    fn show(&self) -> serde_json::Value;

    /// Whether some key has no default, so that the table may not be left out.
    fn required() -> bool;
}

/// The format of a [`Section`].
pub struct Nested;

impl<S: Section> Format<S> for Nested {
    fn read(node: &Node, report: &mut Report) -> Option<S> {
        S::read(node, None, report)
    }

    fn read_over(node: &Node, default: S, report: &mut Report) -> Option<S> {
        S::read(node, Some(default), report)
    }

    fn schema() -> serde_json::Value {
        S::schema()
    }

    fn show(value: &S) -> serde_json::Value {
        value.show()
    }

    fn required() -> bool {
        S::required()
    }

    fn absent(key: &str, table: &Place, report: &mut Report) -> Option<S> {
        if S::required() {
            let suggestion = format!("add a table `{key}` with the keys {}", S::KEYS.join(", "));
            report.problem(table, format!("the table `{key}` is missing"), Some(suggestion));
            return None;
        }
        S::read(&Node::empty_table(table.clone()), None, report)
    }

    fn example() -> String {
        format!("{{ {} = ... }}", S::KEYS.first().copied().unwrap_or_default())
    }
}

/// Checks that a node is a table whose keys are all known.
pub fn check_table(node: &Node, keys: &[&str], report: &mut Report) -> bool {
    let Value::Table(entries) = &node.value else {
        let message = format!("expected a table, found {}", node.value.kind());
        report.problem(&node.place, message, Some(format!("with the keys {}", keys.join(", "))));
        return false;
    };
    for entry in entries {
        if !keys.contains(&entry.key.as_str()) {
            // A key that this file has already given is not what was meant; one that it overrides in another file may be.
            let possible =
                |key: &&str| node.entry(key).is_none_or(|present| present.key_place.file != entry.key_place.file);
            let possible: Vec<&str> = keys.iter().copied().filter(possible).collect();
            let suggestion = name::suggest(&entry.key, if possible.is_empty() { keys } else { &possible });
            report.problem(&entry.key_place, format!("unknown key `{}`", entry.key), suggestion);
        }
    }
    true
}

/// Reads one key of a table; `fallback` is what holds when it is left out, if it may be.
///
/// It also stands in for a value that is wrong and has been reported as such, so that the rest of the file can be checked
/// for contradictions; with anything reported, nothing is loaded in the end.
pub fn read_key<T: Clone, F: Format<T>>(node: &Node, key: &str, fallback: Option<T>, report: &mut Report) -> Option<T> {
    match (node.entry(key), fallback) {
        (Some(entry), Some(fallback)) => F::read_over(&entry.node, fallback.clone(), report).or(Some(fallback)),
        (Some(entry), None) => F::read(&entry.node, report),
        (None, Some(fallback)) => Some(fallback),
        (None, None) => F::absent(key, &node.place, report),
    }
}

/// The schema of one key: its format, what it means, and its default.
pub fn describe<T, F: Format<T>>(doc: &[&str], default: Option<T>) -> serde_json::Value {
    let mut schema = F::schema();
    schema["description"] = json!(doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "));
    if let Some(default) = default {
        schema["default"] = F::show(&default);
        // A table that has a default may be written in part.
        schema.as_object_mut().map(|schema| schema.remove("required"));
    }
    schema
}

/// The schema of a table out of its keys' schemas.
pub fn describe_table(properties: Map<String, serde_json::Value>, required: &[&str]) -> serde_json::Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

/// Declares a table. Each key reads `name: Type as Format`, then `= default` when it may be left out; `name("key")` when the
/// key in the file is not the field's name. The field's documentation goes into the schema.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $visibility:vis struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident $(($key:literal))? : $type:ty as $format:ty $(= $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type, )*
        }

        impl $crate::section::Section for $name {
            const KEYS: &'static [&'static str] = &[$( $crate::section!(@key $field $($key)?) ),*];

            fn read(
                node: &$crate::tree::Node,
                base: Option<Self>,
                report: &mut $crate::report::Report,
            ) -> Option<Self> {
                if !$crate::section::check_table(node, Self::KEYS, report) {
                    return None;
                }
                // All keys are read before any failure counts, so that every mistake is reported.
                $(
                    let base_value: Option<$type> = base.as_ref().map(|base| base.$field.clone());
                    let default: Option<$type> = $crate::section!(@default $($default)?);
                    let key = $crate::section!(@key $field $($key)?);
                    let fallback = base_value.or(default);
                    let $field = $crate::section::read_key::<$type, $format>(node, key, fallback, report);
                )*
                Some(Self { $( $field: $field?, )* })
            }

            fn schema() -> serde_json::Value {
                let mut properties = serde_json::Map::new();
                let mut required: Vec<&str> = Vec::new();
                $(
                    let key = $crate::section!(@key $field $($key)?);
                    let default: Option<$type> = $crate::section!(@default $($default)?);
                    if default.is_none() && <$format as $crate::value::Format<$type>>::required() {
                        required.push(key);
                    }
                    properties.insert(
                        key.to_owned(),
                        $crate::section::describe::<$type, $format>(&[$($field_doc),+], default),
                    );
                )*
                $crate::section::describe_table(properties, &required)
            }

            fn show(&self) -> serde_json::Value {
                let mut shown = serde_json::Map::new();
                $( shown.insert(
                    $crate::section!(@key $field $($key)?).to_owned(),
                    <$format as $crate::value::Format<$type>>::show(&self.$field),
                ); )*
                serde_json::Value::Object(shown)
            }

            fn required() -> bool {
                [$( {
                    let default: Option<$type> = $crate::section!(@default $($default)?);
                    default.is_none() && <$format as $crate::value::Format<$type>>::required()
                } ),*].contains(&true)
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
}
