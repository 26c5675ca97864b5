//! Reads the records of a run back, a row group at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars_core::error::PolarsResult;
use polars_core::prelude::{ChunkedArray, DataFrame, Float64Type, Int64Type, StringChunked, UInt64Type};
use polars_io::SerReader;
use polars_io::parquet::read::{ParallelStrategy, ParquetReader};

use crate::error::Error;
use crate::files::RUN_FILE;
use crate::records::{
    AttemptRecord, CommitPlace, ComponentStateRecord, Fate, FaultRecord, Mark, MetricRecord, OracleRecord,
    PendingRecord, Record, RequestRecord, Tier, TripEventKind, TripEventRecord, Unrest, WriteRecord,
};
use crate::run::{RunRecord, SCHEMA_VERSION};
use crate::schema::{self, ROWS_IN_GROUP, Table};

/// Reads `run.json`.
pub fn read_run(directory: &Path) -> Result<RunRecord, Error> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        schema_version: u32,
    }
    let path = directory.join(RUN_FILE);
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let Versioned { schema_version } = serde_json::from_str(&text).map_err(Error::json(&path))?;
    if schema_version != SCHEMA_VERSION {
        return Err(Error::Version { path, found: schema_version, expected: SCHEMA_VERSION });
    }
    serde_json::from_str(&text).map_err(Error::json(&path))
}

/// Reads every row of every table, table by table, each in the order in which it was written.
pub fn read_records(directory: &Path, take: impl FnMut(&Record<'_>)) -> Result<(), Error> {
    read_tables(directory, &schema::TABLES, take)
}

/// Reads every row of these tables, table by table in the order of [`schema::TABLES`].
pub fn read_tables(
    directory: &Path,
    wanted: &[&'static Table],
    mut take: impl FnMut(&Record<'_>),
) -> Result<(), Error> {
    let readers: [(&Table, Decode); schema::TABLES.len()] = [
        (&schema::REQUESTS, requests),
        (&schema::ATTEMPTS, attempts),
        (&schema::COMPONENT_STATES, component_states),
        (&schema::FAULTS, faults),
        (&schema::WRITES, writes),
        (&schema::TRIP_EVENTS, trip_events),
        (&schema::METRICS, metrics),
        (&schema::ORACLES, oracles),
        (&schema::PENDING, pending),
    ];
    none_is_missing(directory, wanted)?;
    for (table, decode) in readers.into_iter().filter(|(table, _)| wanted.iter().any(|one| one.file == table.file)) {
        read_table(&directory.join(table.file), decode, &mut take)?;
    }
    Ok(())
}

/// A run that was cut off has no tables, and one that a full disk stopped may lack some: all are named at once, with the reason.
fn none_is_missing(directory: &Path, wanted: &[&'static Table]) -> Result<(), Error> {
    let missing: Vec<&str> =
        wanted.iter().map(|table| table.file).filter(|file| !directory.join(file).exists()).collect();
    let verb = match missing.len() {
        0 => return Ok(()),
        1 => "is",
        _ => "are",
    };
    let run = read_run(directory)?;
    let why = match (run.stopped_by, run.complete) {
        (Some(why), _) => format!("the run was stopped by {why}"),
        (None, true) => "the run had them when it was complete".to_owned(),
        (None, false) => "the run was cut off before it could close them, or is still under way".to_owned(),
    };
    Err(Error::Missing { directory: directory.to_path_buf(), tables: format!("{} {verb}", missing.join(", ")), why })
}

type Take<'t> = &'t mut dyn FnMut(&Record<'_>);
type Decode = fn(&Group<'_>, Take<'_>) -> Result<(), Error>;

fn read_table(path: &Path, decode: Decode, take: Take<'_>) -> Result<(), Error> {
    let open = || File::open(path).map_err(Error::file("open", path)).map(ParquetReader::new);
    let rows = open()?.num_rows().map_err(Error::parquet("read", path))?;
    for first in (0..rows).step_by(ROWS_IN_GROUP) {
        let frame = open()?
            .with_slice(Some((first, ROWS_IN_GROUP.min(rows - first))))
            .read_parallel(ParallelStrategy::None)
            .set_rechunk(true)
            .finish()
            .map_err(Error::parquet("read", path))?;
        decode(&Group { path, first, frame: &frame }, take)?;
    }
    Ok(())
}

/// Rows that are in memory together.
struct Group<'g> {
    path: &'g Path,
    first: usize,
    frame: &'g DataFrame,
}

impl<'g> Group<'g> {
    fn typed<T>(&self, found: PolarsResult<T>) -> Result<T, Error> {
        found.map_err(Error::parquet("understand", self.path))
    }

    fn ints(&self, name: &'static str) -> Result<Cells<'g, ChunkedArray<Int64Type>>, Error> {
        Ok(self.cells(name, self.typed(self.frame.column(name).and_then(|column| column.i64()))?))
    }

    fn counts(&self, name: &'static str) -> Result<Cells<'g, ChunkedArray<UInt64Type>>, Error> {
        Ok(self.cells(name, self.typed(self.frame.column(name).and_then(|column| column.u64()))?))
    }

    fn floats(&self, name: &'static str) -> Result<Cells<'g, ChunkedArray<Float64Type>>, Error> {
        Ok(self.cells(name, self.typed(self.frame.column(name).and_then(|column| column.f64()))?))
    }

    fn texts(&self, name: &'static str) -> Result<Cells<'g, StringChunked>, Error> {
        Ok(self.cells(name, self.typed(self.frame.column(name).and_then(|column| column.str()))?))
    }

    fn cells<A>(&self, column: &'static str, array: &'g A) -> Cells<'g, A> {
        Cells { path: self.path.to_path_buf(), first: self.first, column, array }
    }

    fn rows(&self) -> std::ops::Range<usize> {
        0..self.frame.height()
    }
}

/// One column of a group.
struct Cells<'g, A> {
    path: PathBuf,
    first: usize,
    column: &'static str,
    array: &'g A,
}

impl<A> Cells<'_, A> {
    fn refuse(&self, row: usize, found: &str) -> Error {
        Error::Value { path: self.path.clone(), row: self.first + row, column: self.column, found: found.to_string() }
    }
}

impl Cells<'_, ChunkedArray<Int64Type>> {
    fn maybe(&self, row: usize) -> Option<i64> {
        self.array.get(row)
    }

    fn at(&self, row: usize) -> Result<i64, Error> {
        self.array.get(row).ok_or_else(|| self.refuse(row, "null"))
    }
}

impl Cells<'_, ChunkedArray<UInt64Type>> {
    fn at(&self, row: usize) -> Result<u64, Error> {
        self.array.get(row).ok_or_else(|| self.refuse(row, "null"))
    }

    fn small<T: TryFrom<u64>>(&self, row: usize) -> Result<T, Error> {
        let value = self.at(row)?;
        T::try_from(value).map_err(|_| self.refuse(row, &value.to_string()))
    }
}

impl Cells<'_, ChunkedArray<Float64Type>> {
    fn at(&self, row: usize) -> Result<f64, Error> {
        self.array.get(row).ok_or_else(|| self.refuse(row, "null"))
    }
}

impl<'g> Cells<'g, StringChunked> {
    fn maybe(&self, row: usize) -> Option<&'g str> {
        self.array.get(row)
    }

    fn at(&self, row: usize) -> Result<&'g str, Error> {
        self.maybe(row).ok_or_else(|| self.refuse(row, "null"))
    }

    fn parsed<T>(&self, row: usize, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
        let text = self.at(row)?;
        parse(text).ok_or_else(|| self.refuse(row, &format!("`{text}`")))
    }
}

fn requests(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (meant_at_ns, ended_at_ns) = (group.ints("meant_at_ns")?, group.ints("ended_at_ns")?);
    let (journey, tier, failure) = (group.texts("journey")?, group.texts("tier")?, group.texts("failure")?);
    let (actor, attempts) = (group.counts("actor")?, group.counts("attempts")?);
    let (trip, refusal) = (group.ints("trip")?, group.texts("refusal")?);
    let (kept_ns, spared) = (group.ints("kept_ns")?, group.counts("spared")?);
    for row in group.rows() {
        take(&Record::Request(RequestRecord {
            meant_at_ns: meant_at_ns.at(row)?,
            ended_at_ns: ended_at_ns.at(row)?,
            kept_ns: kept_ns.at(row)?,
            spared: spared.small(row)?,
            journey: journey.at(row)?,
            tier: tier.parsed(row, Tier::parse)?,
            actor: actor.at(row)?,
            trip: trip.maybe(row),
            attempts: attempts.small(row)?,
            failure: failure.maybe(row),
            refusal: refusal.maybe(row),
        }));
    }
    Ok(())
}

fn attempts(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (began_at_ns, ended_at_ns) = (group.ints("began_at_ns")?, group.ints("ended_at_ns")?);
    let (journey, failure) = (group.texts("journey")?, group.texts("failure")?);
    let (actor, number) = (group.counts("actor")?, group.counts("number")?);
    for row in group.rows() {
        take(&Record::Attempt(AttemptRecord {
            began_at_ns: began_at_ns.at(row)?,
            ended_at_ns: ended_at_ns.at(row)?,
            journey: journey.at(row)?,
            actor: actor.at(row)?,
            number: number.small(row)?,
            failure: failure.at(row)?,
        }));
    }
    Ok(())
}

fn component_states(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (at_ns, component, zone) = (group.ints("at_ns")?, group.texts("component")?, group.texts("zone")?);
    let (state, detail, mark) = (group.texts("state")?, group.texts("detail")?, group.texts("mark")?);
    for row in group.rows() {
        take(&Record::ComponentState(ComponentStateRecord {
            at_ns: at_ns.at(row)?,
            component: component.at(row)?,
            zone: zone.at(row)?,
            state: state.at(row)?,
            detail: detail.at(row)?,
            mark: mark.maybe(row).map(|_| mark.parsed(row, Mark::parse)).transpose()?,
        }));
    }
    Ok(())
}

fn faults(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (id, kind, target) = (group.counts("id")?, group.texts("kind")?, group.texts("target")?);
    let (onset_ns, healed_ns, description) =
        (group.ints("onset_ns")?, group.ints("healed_ns")?, group.texts("description")?);
    for row in group.rows() {
        take(&Record::Fault(FaultRecord {
            id: id.small(row)?,
            kind: kind.at(row)?,
            target: target.at(row)?,
            onset_ns: onset_ns.at(row)?,
            healed_ns: healed_ns.maybe(row),
            description: description.at(row)?,
        }));
    }
    Ok(())
}

fn writes(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (store, object, fate) = (group.texts("store")?, group.texts("object")?, group.texts("fate")?);
    let (position, epoch) = (group.counts("position")?, group.counts("epoch")?);
    let acknowledged_at_ns = group.ints("acknowledged_at_ns")?;
    for row in group.rows() {
        take(&Record::Write(WriteRecord {
            store: store.at(row)?,
            object: object.at(row)?,
            position: position.at(row)?,
            acknowledged_at_ns: acknowledged_at_ns.at(row)?,
            fate: fate.parsed(row, Fate::parse)?,
            epoch: epoch.at(row)?,
        }));
    }
    Ok(())
}

fn trip_events(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (at_ns, trip, kind) = (group.ints("at_ns")?, group.ints("trip")?, group.texts("kind")?);
    let (what, result) = (group.texts("what")?, group.texts("result")?);
    let (party, amount_minor) = (group.ints("party")?, group.ints("amount_minor")?);
    let (store, node) = (group.texts("store")?, group.texts("node")?);
    let (epoch, position) = (group.counts("epoch")?, group.counts("position")?);
    for row in group.rows() {
        let place = |store| -> Result<CommitPlace<'_>, Error> {
            Ok(CommitPlace { store, node: node.at(row)?, epoch: epoch.at(row)?, position: position.at(row)? })
        };
        take(&Record::TripEvent(TripEventRecord {
            at_ns: at_ns.at(row)?,
            trip: trip.at(row)?,
            kind: kind.parsed(row, TripEventKind::parse)?,
            what: what.at(row)?,
            result: result.maybe(row),
            party: party.maybe(row),
            amount_minor: amount_minor.maybe(row),
            place: store.maybe(row).map(place).transpose()?,
        }));
    }
    Ok(())
}

fn metrics(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (at_ns, value) = (group.ints("at_ns")?, group.floats("value")?);
    let (component, metric) = (group.texts("component")?, group.texts("metric")?);
    for row in group.rows() {
        take(&Record::Metric(MetricRecord {
            at_ns: at_ns.at(row)?,
            component: component.at(row)?,
            metric: metric.at(row)?,
            value: value.at(row)?,
        }));
    }
    Ok(())
}

fn oracles(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (name, first_violation) = (group.texts("name")?, group.texts("first_violation")?);
    let (evaluations, violations) = (group.counts("evaluations")?, group.counts("violations")?);
    for row in group.rows() {
        take(&Record::Oracle(OracleRecord {
            name: name.at(row)?,
            evaluations: evaluations.at(row)?,
            violations: violations.at(row)?,
            first_violation: first_violation.maybe(row),
        }));
    }
    Ok(())
}

fn pending(group: &Group<'_>, take: Take<'_>) -> Result<(), Error> {
    let (kind, what, why) = (group.texts("kind")?, group.texts("what")?, group.texts("why")?);
    for row in group.rows() {
        let kind = kind.parsed(row, Unrest::parse)?;
        take(&Record::Pending(PendingRecord { kind, what: what.at(row)?, why: why.at(row)? }));
    }
    Ok(())
}
