//! The tables that a run leaves behind, column by column: the writer, the reader and `SCHEMA.md` follow this.

use std::fmt::Write;

/// Rows that are kept in memory before they become a row group of a table.
pub const ROWS_IN_GROUP: usize = 131_072;

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

/// Declares tables; `[null]` after a type says that the column may be null.
macro_rules! tables {
    (@nullable null) => { true };
    (@nullable) => { false };
    ($($table:ident $file:literal $about:literal { $($column:ident: $kind:ident $([$null:ident])? $meaning:literal,)+ })+) => {
        $(
            #[doc = concat!("`", $file, "`: ", $about)]
            pub const $table: Table = Table {
                file: $file,
                about: $about,
                columns: &[$(Column {
                    name: stringify!($column),
                    column_type: ColumnType::$kind,
                    nullable: tables!(@nullable $($null)?),
                    about: $meaning,
                }),+],
            };
        )+

        /// Every table, in the order of [`crate::records::Record`].
        pub const TABLES: [&Table; [$($file),+].len()] = [$(&$table),+];
    };
}

tables! {
    REQUESTS "requests.parquet"
    "One thing a phone wanted, from the moment it was meant to start to its final answer; retries are inside. In order of ending." {
        meant_at_ns: Int "When the person or the schedule meant it to start.",
        ended_at_ns: Int "When the last attempt was answered or given up. Latency is this less `meant_at_ns`.",
        kept_ns: Int "How long before `meant_at_ns` it was sent: the platform kept it on the push channel, with nothing to say and nobody waiting for an answer.",
        spared: Count "Requests that the phone would have sent meanwhile without the channel.",
        journey: Text "What was wanted, such as `quote` or `ping`.",
        tier: Text "`critical`, `important` or `standard`.",
        actor: Count "The phone: its rider's or driver's number.",
        trip: Int[null] "The trip it was about; null when it was about none, or the phone did not learn which.",
        attempts: Count "Requests sent, the first one included.",
        failure: Text[null] "Null when it succeeded or was refused, otherwise the code of the last attempt's failure.",
        refusal: Text[null] "Null unless the platform answered as it should and the answer was no: then its code.",
    }

    ATTEMPTS "attempts.parquet"
    "An attempt of a request that failed and was followed by another: what `requests.parquet` only counts." {
        began_at_ns: Int "When it was sent.",
        ended_at_ns: Int "When it was answered or given up.",
        journey: Text "What was wanted.",
        actor: Count "The phone: its rider's or driver's number.",
        number: Count "Which attempt of its request it was, from 1.",
        failure: Text "The code of its failure.",
    }

    COMPONENT_STATES "component_states.parquet"
    "A component entered a state." {
        at_ns: Int "When.",
        component: Text "The component.",
        zone: Text "Its availability zone; empty for what has none.",
        state: Text "The state it entered.",
        detail: Text "One sentence for a person.",
        mark: Text[null] "The step of a recovery that it was: `detected`, `decided`, `promoted` or `propagated`.",
    }

    FAULTS "faults.parquet"
    "A fault that the scenario injected." {
        id: Count "Its number in the scenario, from 1.",
        kind: Text "Its kind.",
        target: Text "What it hit.",
        onset_ns: Int "When it began.",
        healed_ns: Int[null] "When it healed; null if it had not by the horizon.",
        description: Text "One sentence for a person.",
    }

    WRITES "writes.parquet"
    "A write that a store acknowledged to a client: a row that says `kept` when it was, and a second one if a recovery left it out." {
        store: Text "The store, as the blueprint names it.",
        object: Text "The object: a database's table/key, a cache's key/element (after its shard, if there are several), an event log's topic-partition/offset.",
        position: Count "Its place in the database's log, in the stream of the cache's shard, or in the partition.",
        acknowledged_at_ns: Int "When the client had its acknowledgement.",
        fate: Text "`kept`, `lost`, `superseded` (nobody misses it: a later acknowledged write or removal went with it, it was a removal itself, or it has expired) or `divergent` (acknowledged after the onset by a side that lost).",
        epoch: Count "The leadership under which it was acknowledged.",
    }

    TRIP_EVENTS "trip_events.parquet"
    "Something that happened to a trip on the platform's side, in the order in which it was committed or decided; `rehearse explain-trip` tells it." {
        at_ns: Int "When it was committed, or decided.",
        trip: Int "The trip.",
        kind: Text "`trip` (a transition), `offer`, `payment`, `processor` (the external processor's decision), `ledger`, `event` (a step of a domain event: from the outbox, into the event log, to its reader), `notification` or `refund`.",
        what: Text "The transition, the offer's, payment's or refund's new state, the processor's operation, the journal, the event's step, or who is told by what.",
        result: Text[null] "The trip's state after a transition; what the processor decided; what came of a notification; null otherwise.",
        party: Int[null] "Whom it is about: the rider of a request or payment, the driver of anything else.",
        amount_minor: Int[null] "The money it is about, in minor units.",
        store: Text[null] "Where it was committed; null for what the processor decided, which no store of the platform's holds.",
        node: Text[null] "The node that committed it; the event log's partition.",
        epoch: Count[null] "The leadership under which it was committed.",
        position: Count[null] "The transaction's place in the store's log, the record's in its partition.",
    }

    METRICS "metrics.parquet"
    "A sample of a metric." {
        at_ns: Int "When.",
        component: Text "The component.",
        metric: Text "The metric; one that ends in `.utilisation` is a share of capacity, 0 to 1.",
        value: Float "Its value.",
    }

    ORACLES "oracles.parquet"
    "A check that must hold in every run." {
        name: Text "The oracle.",
        evaluations: Count "How often it looked.",
        violations: Count "How often what must hold did not.",
        first_violation: Text[null] "The first time, in words.",
    }

    PENDING "pending.parquet"
    "Why the run is not at rest at its end, although everything was healed." {
        kind: Text "`pending` (it waits for something) or `panicked` (a process that crashed on an assertion of its own).",
        what: Text "What.",
        why: Text "What it waits for, or said.",
    }
}

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
