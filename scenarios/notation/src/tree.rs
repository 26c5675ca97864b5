//! A TOML file as a tree in which every key and every value remembers where it was written.
//!
//! Values of a blueprint may come from the blueprint's file or from a scenario's `[override]`, so a place names its file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::place::{FileId, Place};
use crate::report::Report;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// The kinds of TOML values; dates are kept only to be refused by name.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Date,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, its place, and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

impl Value {
    /// The kind in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Flag(_) => "true or false",
            Value::Date => "a date",
            Value::List(_) => "an array",
            Value::Table(_) => "a table",
        }
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Node {
    /// A table without keys, standing where `place` says.
    pub fn empty_table(place: Place) -> Node {
        Node { place, value: Value::Table(Vec::new()) }
    }

    /// The entries of a table; none for any other kind.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a table with this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a table under this key, or the element of an array with this index.
    pub fn child(&self, step: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(_) => self.entry(step).map(|entry| &entry.node),
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The place of the value at the end of a path such as `["fault", "0", "at"]`; of the last step that exists when the
    /// rest was left to its default.
    pub fn place_of(&self, path: &[&str]) -> &Place {
        let mut node = self;
        for step in path {
            match node.child(step) {
                Some(child) => node = child,
                None => break,
            }
        }
        &node.place
    }
}

/// Parses a file into a tree. Every syntax error is reported, and then there is no tree: half of one would only give
/// rise to complaints about keys that are there.
pub fn parse(file: FileId, text: &str, report: &mut Report) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let syntax_is_good = errors.is_empty();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        report.problem(&Place { file, span }, error.message().to_owned(), None);
    }
    let span = table.span();
    let value = Value::Table(entries(file, table.into_inner(), report));
    syntax_is_good.then_some(Node { place: Place { file, span }, value })
}

fn entries(file: FileId, table: DeTable<'_>, report: &mut Report) -> Vec<Entry> {
    table
        .into_iter()
        .map(|(key, value)| Entry {
            key_place: Place { file, span: key.span() },
            key: key.into_inner().into_owned(),
            node: node(file, value, report),
        })
        .collect()
}

fn node(file: FileId, spanned: Spanned<DeValue<'_>>, report: &mut Report) -> Node {
    let place = Place { file, span: spanned.span() };
    let value = match spanned.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) => Value::Integer(number),
            Err(error) => {
                report.problem(&place, format!("this integer cannot be used: {error}"), None);
                Value::Integer(0)
            }
        },
        DeValue::Float(digits) => Value::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| node(file, item, report)).collect()),
        DeValue::Table(table) => Value::Table(entries(file, table, report)),
    };
    Node { place, value }
}
