//! A kind of fault in words, out of the same declarations that read it.

use std::time::Duration;

use crate::fault::{Fault, FaultKind};
use crate::write;

/// What a kind of fault is, does and takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What it is, in a sentence or two.
    pub meaning: String,
    /// Through what it acts on a run.
    pub acts: &'static str,
    /// What takes it away again.
    pub heals: &'static str,
    /// Its parameters, in order of their keys.
    pub parameters: Vec<Parameter>,
    /// A stanza as in a scenario file, that loads with the blueprint `aws-microservice`.
    pub example: String,
}

/// A parameter of a kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key.
    pub key: String,
    /// What it says.
    pub meaning: String,
    /// How it is written: a value with its unit, or the words to choose from.
    pub written: String,
    /// What holds when it is left out; `None` when it may not be, or its absence means something of its own.
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
}

impl FaultKind {
    /// Explains the kind of this key, if there is one.
    pub fn explain(key: &str) -> Option<Explanation> {
        let example = FaultKind::example(key)?;
        let schema = FaultKind::schema_of(key)?;
        let (acts, heals) = example.acts_and_heals();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect();
        let parameter = |(key, schema): (&String, &serde_json::Value)| Parameter {
            key: key.clone(),
            meaning: schema["description"].as_str().unwrap_or_default().to_owned(),
            written: written(schema),
            default: schema.get("default").filter(|default| !default.is_null()).map(write::value),
            required: required.contains(&key.as_str()),
        };
        Some(Explanation {
            meaning: example.meaning(),
            acts,
            heals,
            parameters: schema["properties"].as_object().into_iter().flatten().map(parameter).collect(),
            example: write::fault(&Fault { at: Duration::from_secs(300), kind: example }),
        })
    }
}

fn written(schema: &serde_json::Value) -> String {
    let list = |values: &serde_json::Value, between: &str| {
        values.as_array().into_iter().flatten().map(write::value).collect::<Vec<_>>().join(between)
    };
    match (schema.get("enum"), schema.get("examples"), schema["type"].as_str()) {
        (Some(words), ..) => list(words, " or "),
        (_, Some(examples), _) => format!("such as {}", list(examples, ", ")),
        (.., Some("integer")) => "a whole number".to_owned(),
        (.., Some("number")) => "a number".to_owned(),
        _ => "a name in quotes".to_owned(),
    }
}
