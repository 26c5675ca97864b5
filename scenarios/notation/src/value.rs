//! The formats of single values: how each is read, described to an editor, and written back.

use std::time::Duration;

use serde_json::json;

use crate::name;
use crate::place::Place;
use crate::report::Report;
use crate::tree::{Node, Value};
use crate::units;

/// How a `T` is written in a file.
pub trait Format<T> {
    /// Reads the value, or reports what is wrong with it.
    fn read(node: &Node, report: &mut Report) -> Option<T>;

    /// Reads a value that has a default: a table takes from it what it leaves out, any other value takes its place.
    fn read_over(node: &Node, _default: T, report: &mut Report) -> Option<T> {
        Self::read(node, report)
    }

    /// Its JSON Schema.
    fn schema() -> serde_json::Value;

    /// The value as it would be written, for defaults in the schema and for the scenario's hash.
    fn show(value: &T) -> serde_json::Value;

    /// Whether the key may not be left out.
    fn required() -> bool {
        true
    }

    /// The value when its key is left out; `table` is where it is missing.
    fn absent(key: &str, table: &Place, report: &mut Report) -> Option<T> {
        report.problem(
            table,
            format!("the key `{key}` is missing here"),
            Some(format!("add `{key} = {}`", Self::example())),
        );
        None
    }

    /// A value in TOML, to show what the format looks like.
    fn example() -> String;
}

/// Reports that a value is of the wrong kind or out of range.
pub fn refuse(node: &Node, report: &mut Report, expected: &str, suggestion: Option<String>) {
    let found = match &node.value {
        Value::Text(text) => format!("\"{text}\""),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        other => other.kind().to_owned(),
    };
    report.problem(&node.place, format!("expected {expected}, found {found}"), suggestion);
}

/// Declares formats of quantities that are written as text with a unit.
macro_rules! quantities {
    ($( $(#[doc = $doc:literal])+ $format:ident: $type:ty, $expected:literal, $example:literal, $parse:expr, $write:expr, $accept:expr; )*) => {$(
        $(#[doc = $doc])+
        pub struct $format;

        impl Format<$type> for $format {
            fn read(node: &Node, report: &mut Report) -> Option<$type> {
                let parsed = match &node.value {
                    Value::Text(text) => $parse(text),
                    Value::Integer(number) => $parse(&number.to_string()),
                    Value::Float(number) => $parse(&number.to_string()),
                    _ => Err(None),
                };
                match parsed {
                    Ok(value) if $accept(&value) => Some(value),
                    Ok(_) => {
                        refuse(node, report, $expected, None);
                        None
                    }
                    Err(corrected) => {
                        let suggestion = corrected.map_or_else(
                            || format!("such as \"{}\"", $example),
                            |corrected| format!("did you mean \"{corrected}\"?"),
                        );
                        refuse(node, report, $expected, Some(suggestion));
                        None
                    }
                }
            }

            fn schema() -> serde_json::Value {
                json!({ "type": "string", "examples": [$example] })
            }

            fn show(value: &$type) -> serde_json::Value {
                json!($write(*value))
            }

            fn example() -> String {
                format!("\"{}\"", $example)
            }
        }
    )*};
}

quantities! {
    /// A length of time: `"90s"`, `"1h30m"`.
    Length: Duration, "a duration with its unit", "90s", units::duration, units::duration_text, |_: &Duration| true;
    /// A length of time that is not zero.
    PositiveLength: Duration, "a duration with its unit, above zero", "90s", units::duration, units::duration_text, |length: &Duration| !length.is_zero();
    /// An amount of memory or storage: `"64GiB"`.
    Size: u64, "a size with its unit", "64GiB", units::size, units::size_text, |_: &u64| true;
    /// Bytes a second: `"10Gbit/s"`, `"500MiB/s"`.
    Speed: u64, "a bandwidth with its unit", "500MiB/s", units::speed, |bytes| format!("{bytes}B/s"), |_: &u64| true;
    /// Events a second: `"400/s"`.
    Rate: f64, "a rate above zero", "400/s", units::rate, |rate| format!("{rate}/s"), |rate: &f64| *rate > 0.0;
    /// A share: `"0.1%"`.
    Ratio: f64, "a percentage from 0% to 100%", "0.1%", units::ratio, units::ratio_text, |_: &f64| true;
}

/// A text that is not empty: a name, mostly.
pub struct Text;

impl Format<String> for Text {
    fn read(node: &Node, report: &mut Report) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => {
                refuse(node, report, "a text in quotes", None);
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }

    fn show(value: &String) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "\"...\"".to_owned()
    }
}

/// `true` or `false`.
pub struct Flag;

impl Format<bool> for Flag {
    fn read(node: &Node, report: &mut Report) -> Option<bool> {
        match &node.value {
            Value::Flag(flag) => Some(*flag),
            Value::Text(text) if text == "true" || text == "false" => {
                refuse(node, report, "true or false", Some(format!("without quotes: {text}")));
                None
            }
            _ => {
                refuse(node, report, "true or false", None);
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "boolean" })
    }

    fn show(value: &bool) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "true".to_owned()
    }
}

/// How many: a whole number above zero.
pub struct Count;

impl<T: TryFrom<i64> + Into<u64> + Copy> Format<T> for Count {
    fn read(node: &Node, report: &mut Report) -> Option<T> {
        let number = match &node.value {
            Value::Integer(number) if *number > 0 => T::try_from(*number).ok(),
            _ => None,
        };
        if number.is_none() {
            refuse(node, report, "a whole number above zero", None);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "integer", "minimum": 1 })
    }

    fn show(value: &T) -> serde_json::Value {
        let number: u64 = (*value).into();
        json!(number)
    }

    fn example() -> String {
        "3".to_owned()
    }
}

/// How often something is done again: a whole number from 0 to 100, which is as good as for ever.
pub struct Repetitions;

impl Format<u8> for Repetitions {
    fn read(node: &Node, report: &mut Report) -> Option<u8> {
        let number = match &node.value {
            Value::Integer(number @ 0..=100) => u8::try_from(*number).ok(),
            _ => None,
        };
        if number.is_none() {
            refuse(node, report, "a whole number from 0 to 100", None);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "integer", "minimum": 0, "maximum": 100 })
    }

    fn show(value: &u8) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "2".to_owned()
    }
}

/// The number that a value is. Beyond 2^53 a whole one would not survive as `f64`; no amount in these files comes near.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) if number.unsigned_abs() <= 1 << 53 => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}

/// How much, without a unit: a number above zero.
pub struct Amount;

impl Format<f64> for Amount {
    fn read(node: &Node, report: &mut Report) -> Option<f64> {
        let number = number(&node.value).filter(|number| *number > 0.0);
        if number.is_none() {
            refuse(node, report, "a number above zero", None);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "number", "exclusiveMinimum": 0 })
    }

    fn show(value: &f64) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        "2.5".to_owned()
    }
}

/// A number within bounds, both of them included.
pub struct Within<const LEAST: i32, const MOST: i32>;

impl<const LEAST: i32, const MOST: i32> Format<f64> for Within<LEAST, MOST> {
    fn read(node: &Node, report: &mut Report) -> Option<f64> {
        let number = number(&node.value).filter(|number| (f64::from(LEAST)..=f64::from(MOST)).contains(number));
        if number.is_none() {
            refuse(node, report, &format!("a number from {LEAST} to {MOST}"), None);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "number", "minimum": LEAST, "maximum": MOST })
    }

    fn show(value: &f64) -> serde_json::Value {
        json!(value)
    }

    fn example() -> String {
        LEAST.to_string()
    }
}

/// A key that may be left out, which means something of its own.
pub struct Maybe<F>(std::marker::PhantomData<F>);

impl<T, F: Format<T>> Format<Option<T>> for Maybe<F> {
    fn read(node: &Node, report: &mut Report) -> Option<Option<T>> {
        F::read(node, report).map(Some)
    }

    fn schema() -> serde_json::Value {
        F::schema()
    }

    fn show(value: &Option<T>) -> serde_json::Value {
        value.as_ref().map_or(serde_json::Value::Null, F::show)
    }

    fn required() -> bool {
        false
    }

    fn absent(_: &str, _: &Place, _: &mut Report) -> Option<Option<T>> {
        Some(None)
    }

    fn example() -> String {
        F::example()
    }
}

/// Several values of one format.
pub struct List<F>(std::marker::PhantomData<F>);

impl<T, F: Format<T>> Format<Vec<T>> for List<F> {
    fn read(node: &Node, report: &mut Report) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            refuse(node, report, "an array", Some(format!("such as [{}]", F::example())));
            return None;
        };
        // Every element is read before any failure counts, so that all mistakes are reported.
        let read: Vec<Option<T>> = items.iter().map(|item| F::read(item, report)).collect();
        read.into_iter().collect()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "array", "items": F::schema() })
    }

    fn show(value: &Vec<T>) -> serde_json::Value {
        value.iter().map(F::show).collect()
    }

    fn example() -> String {
        format!("[{}]", F::example())
    }
}

/// A value out of a few that have names.
pub trait Words: Sized + Copy + PartialEq + 'static {
    /// Every name and what it stands for.
    const WORDS: &'static [(&'static str, Self)];

    /// The name of this value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}

/// One of the words of a [`Words`] type.
pub struct Word;

impl<T: Words> Format<T> for Word {
    fn read(node: &Node, report: &mut Report) -> Option<T> {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let written = match &node.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let found = T::WORDS.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
        if found.is_none() {
            refuse(node, report, &format!("one of {}", words.join(", ")), name::suggest(written, &words));
        }
        found
    }

    fn schema() -> serde_json::Value {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json!({ "enum": words })
    }

    fn show(value: &T) -> serde_json::Value {
        json!(value.word())
    }

    fn example() -> String {
        format!("\"{}\"", T::WORDS[0].0)
    }
}
