//! JSON Schemas of the files, for editors, out of the same declarations that read them.

use notation::section::Section;
use serde_json::{Value, json};

use crate::blueprint::Blueprint;
use crate::scenario::Scenario;

/// The JSON Schema of a scenario file.
pub fn scenario() -> Value {
    document("A scenario of Rehearsal", Scenario::schema())
}

/// The JSON Schema of a blueprint file.
pub fn blueprint() -> Value {
    document("A blueprint of Rehearsal", Blueprint::schema())
}

fn document(title: &str, mut schema: Value) -> Value {
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema
}
