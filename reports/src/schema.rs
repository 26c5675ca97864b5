//! The tables that a run leaves behind, column by column: the writer, the reader and `SCHEMA.md` follow this.

use std::fmt::Write;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A signed 64-bit integer.
    Int,
    /// An unsigned 64-bit integer.
    Count,
    /// A 64-bit float.
    Float,
    /// Text in UTF-8.
    Text,
}

impl ColumnType {
    fn name(self) -> &'static str {
        match self {
            ColumnType::Int => "int64",
            ColumnType::Count => "uint64",
            ColumnType::Float => "float64",
            ColumnType::Text => "string",
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name; units are in it.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means.
    pub about: &'static str,
}

/// A table of records: a Parquet file.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The file's name.
    pub file: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
}

const fn column(name: &'static str, column_type: ColumnType, about: &'static str) -> Column {
    Column { name, column_type, nullable: false, about }
}

const fn optional(name: &'static str, column_type: ColumnType, about: &'static str) -> Column {
    Column { name, column_type, nullable: true, about }
}

use ColumnType::{Count, Float, Int, Text};

/// `requests.parquet`
pub const REQUESTS: Table = Table {
    file: "requests.parquet",
    about: "One thing a phone wanted, from the moment it was meant to start to its final answer; retries are inside. In order of ending.",
    columns: &[
        column("meant_at_ns", Int, "When the person or the schedule meant it to start."),
        column(
            "ended_at_ns",
            Int,
            "When the last attempt was answered or given up. Latency is this less `meant_at_ns`.",
        ),
        column("journey", Text, "What was wanted, such as `quote` or `ping`."),
        column("tier", Text, "`critical`, `important` or `standard`."),
        column("actor", Count, "The phone."),
        column("attempts", Count, "Requests sent, the first one included."),
        optional("failure", Text, "Null when it succeeded, otherwise the code of the last attempt's failure."),
    ],
};

/// `component_states.parquet`
pub const COMPONENT_STATES: Table = Table {
    file: "component_states.parquet",
    about: "A component entered a state.",
    columns: &[
        column("at_ns", Int, "When."),
        column("component", Text, "The component."),
        column("zone", Text, "Its availability zone; empty for what has none."),
        column("state", Text, "The state it entered."),
        column("detail", Text, "One sentence for a person."),
        optional(
            "mark",
            Text,
            "The step of a recovery that it was: `detected`, `decided`, `promoted` or `propagated`.",
        ),
    ],
};

/// `faults.parquet`
pub const FAULTS: Table = Table {
    file: "faults.parquet",
    about: "A fault that the scenario injected.",
    columns: &[
        column("id", Count, "Its number in the scenario, from 1."),
        column("kind", Text, "Its kind."),
        column("target", Text, "What it hit."),
        column("onset_ns", Int, "When it began."),
        optional("healed_ns", Int, "When it healed; null if it had not by the horizon."),
        column("description", Text, "One sentence for a person."),
    ],
};

/// `writes.parquet`
pub const WRITES: Table = Table {
    file: "writes.parquet",
    about: "A write that a store acknowledged to a client, and what became of it.",
    columns: &[
        column("store", Text, "The store, as the blueprint names it."),
        column("object", Text, "The object, as table/key."),
        column("position", Count, "Its place in the store's log."),
        column("acknowledged_at_ns", Int, "When the client had its acknowledgement."),
        column(
            "fate",
            Text,
            "`kept`, `lost`, `superseded` (by a later acknowledged write, a deletion or expiry) or `divergent` (acknowledged after the onset by a side that lost).",
        ),
        column("epoch", Count, "The leadership under which it was acknowledged."),
    ],
};

/// `metrics.parquet`
pub const METRICS: Table = Table {
    file: "metrics.parquet",
    about: "A sample of a metric.",
    columns: &[
        column("at_ns", Int, "When."),
        column("component", Text, "The component."),
        column("metric", Text, "The metric; one that ends in `.utilisation` is a share of capacity, 0 to 1."),
        column("value", Float, "Its value."),
    ],
};

/// `oracles.parquet`
pub const ORACLES: Table = Table {
    file: "oracles.parquet",
    about: "A check that must hold in every run.",
    columns: &[
        column("name", Text, "The oracle."),
        column("evaluations", Count, "How often it looked."),
        column("violations", Count, "How often what must hold did not."),
        optional("first_violation", Text, "The first time, in words."),
    ],
};

/// `pending.parquet`
pub const PENDING: Table = Table {
    file: "pending.parquet",
    about: "Something that had not come to rest when the run ended, although everything was healed.",
    columns: &[column("what", Text, "What."), column("why", Text, "What it waits for.")],
};

/// Every table.
pub const TABLES: [&Table; 7] = [&REQUESTS, &COMPONENT_STATES, &FAULTS, &WRITES, &METRICS, &ORACLES, &PENDING];

/// `SCHEMA.md`, which documents the tables for those who read them with other tools.
pub fn markdown() -> String {
    let mut text = String::from(
        "# What a run leaves behind\n\n\
         Every time is signed nanoseconds of simulated time from the end of the warm-up: rows of the warm-up are negative.\n\
         `run.json` says which run it is, what it promised, and whether it is `complete`; `outcome.json` and `report.html` can be\n\
         computed again from `run.json` and these tables alone. This file follows `src/schema.rs`; a test keeps the two equal.\n",
    );
    for table in TABLES {
        let _ = write!(text, "\n## {}\n{}\n\n| column | type | meaning |\n|---|---|---|\n", table.file, table.about);
        for column in table.columns {
            let null = if column.nullable { ", null" } else { "" };
            let _ = writeln!(text, "| `{}` | {}{null} | {} |", column.name, column.column_type.name(), column.about);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_the_code_writes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/SCHEMA.md");
        let written = std::fs::read_to_string(path).expect("SCHEMA.md is beside Cargo.toml");
        assert!(written == markdown(), "SCHEMA.md has fallen behind src/schema.rs; it should read:\n{}", markdown());
    }
}
