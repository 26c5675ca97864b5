//! Streams the records of a run into a directory, in memory that does not grow with the run.
//!
//! A directory is marked incomplete by its `run.json` from the first moment; tables grow under `*.parquet.partial` and take
//! their names when the run is finished, so that nobody reads half a table as a whole one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use polars_core::error::PolarsError;
use polars_core::prelude::{
    ChunkedBuilder, Column as PolarsColumn, DataFrame, DataType, Field, Float64Type, Int64Type, IntoColumn, IntoSeries,
    PrimitiveChunkedBuilder, Schema, StringChunkedBuilder, UInt64Type,
};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use crate::error::Error;
use crate::records::Record;
use crate::run::RunRecord;
use crate::schema::{self, ColumnType, Table};

/// The file that says which run a directory holds and whether it is complete.
pub const RUN_FILE: &str = "run.json";

/// Rows that are kept in memory before they become a row group of the file.
pub const ROWS_IN_GROUP: usize = 131_072;

/// Writes one run. Dropped unfinished, it takes its partial tables away and leaves `run.json`, which says `"complete": false`.
#[derive(Debug)]
pub struct Writer {
    directory: PathBuf,
    tables: Vec<TableWriter>,
}

impl Writer {
    /// Makes the directory if need be, takes away what an earlier run left in it, and marks it incomplete.
    pub fn create(directory: &Path, run: &RunRecord) -> Result<Writer, Error> {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let stale = schema::TABLES
            .iter()
            .map(|table| table.file)
            .chain([crate::rebuild::OUTCOME_FILE, crate::rebuild::REPORT_FILE]);
        for file in stale {
            remove(&directory.join(file))?;
        }
        write_json(&directory.join(RUN_FILE), &RunRecord { complete: false, ..run.clone() })?;
        let tables =
            schema::TABLES.into_iter().map(|table| TableWriter::create(directory, table)).collect::<Result<_, _>>()?;
        Ok(Writer { directory: directory.to_path_buf(), tables })
    }

    /// Writes a row. After an error the run cannot be finished: drop the writer.
    pub fn write(&mut self, record: &Record<'_>) -> Result<(), Error> {
        match *record {
            Record::Request(row) => self.tables[0].push(&[
                Cell::Int(Some(row.meant_at_ns)),
                Cell::Int(Some(row.ended_at_ns)),
                Cell::Int(Some(row.kept_ns)),
                Cell::Count(Some(u64::from(row.spared))),
                Cell::Text(Some(row.journey)),
                Cell::Text(Some(row.tier.name())),
                Cell::Count(Some(row.actor)),
                Cell::Int(row.trip),
                Cell::Count(Some(u64::from(row.attempts))),
                Cell::Text(row.failure),
                Cell::Text(row.refusal),
            ]),
            Record::Attempt(row) => self.tables[1].push(&[
                Cell::Int(Some(row.began_at_ns)),
                Cell::Int(Some(row.ended_at_ns)),
                Cell::Text(Some(row.journey)),
                Cell::Count(Some(row.actor)),
                Cell::Count(Some(u64::from(row.number))),
                Cell::Text(Some(row.failure)),
            ]),
            Record::ComponentState(row) => self.tables[2].push(&[
                Cell::Int(Some(row.at_ns)),
                Cell::Text(Some(row.component)),
                Cell::Text(Some(row.zone)),
                Cell::Text(Some(row.state)),
                Cell::Text(Some(row.detail)),
                Cell::Text(row.mark.map(|mark| mark.name())),
            ]),
            Record::Fault(row) => self.tables[3].push(&[
                Cell::Count(Some(u64::from(row.id))),
                Cell::Text(Some(row.kind)),
                Cell::Text(Some(row.target)),
                Cell::Int(Some(row.onset_ns)),
                Cell::Int(row.healed_ns),
                Cell::Text(Some(row.description)),
            ]),
            Record::Write(row) => self.tables[4].push(&[
                Cell::Text(Some(row.store)),
                Cell::Text(Some(row.object)),
                Cell::Count(Some(row.position)),
                Cell::Int(Some(row.acknowledged_at_ns)),
                Cell::Text(Some(row.fate.name())),
                Cell::Count(Some(row.epoch)),
            ]),
            Record::TripEvent(row) => self.tables[5].push(&[
                Cell::Int(Some(row.at_ns)),
                Cell::Int(Some(row.trip)),
                Cell::Text(Some(row.kind.name())),
                Cell::Text(Some(row.what)),
                Cell::Text(row.result),
                Cell::Int(row.party),
                Cell::Int(row.amount_minor),
                Cell::Text(row.place.map(|place| place.store)),
                Cell::Text(row.place.map(|place| place.node)),
                Cell::Count(row.place.map(|place| place.epoch)),
                Cell::Count(row.place.map(|place| place.position)),
            ]),
            Record::Metric(row) => self.tables[6].push(&[
                Cell::Int(Some(row.at_ns)),
                Cell::Text(Some(row.component)),
                Cell::Text(Some(row.metric)),
                Cell::Float(row.value),
            ]),
            Record::Oracle(row) => self.tables[7].push(&[
                Cell::Text(Some(row.name)),
                Cell::Count(Some(row.evaluations)),
                Cell::Count(Some(row.violations)),
                Cell::Text(row.first_violation),
            ]),
            Record::Pending(row) => self.tables[8].push(&[
                Cell::Text(Some(row.kind.name())),
                Cell::Text(Some(row.what)),
                Cell::Text(Some(row.why)),
            ]),
        }
    }

    /// Ends every table, gives them their names, and writes `run.json` as it is given, `complete` or not.
    pub fn finish(mut self, run: &RunRecord) -> Result<(), Error> {
        self.tables.iter_mut().try_for_each(TableWriter::end)?;
        for table in &self.tables {
            fs::rename(&table.partial, &table.path).map_err(Error::file("name", &table.path))?;
        }
        write_json(&self.directory.join(RUN_FILE), run)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        for table in &self.tables {
            // A finished table has left this name; a partial one has no footer and nobody could read it.
            let _ = fs::remove_file(&table.partial);
        }
    }
}

/// Writes JSON beside its name and moves it there, so that nobody reads half of it.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(Error::json(path))?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Writes a file beside its name and moves it there.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let partial = partial_name(path);
    fs::write(&partial, contents).map_err(Error::file("write", path))?;
    fs::rename(&partial, path).map_err(Error::file("name", path))
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A value on its way into a column.
enum Cell<'a> {
    Int(Option<i64>),
    Count(Option<u64>),
    Float(f64),
    Text(Option<&'a str>),
}

/// The rows of one column that are not in the file yet.
enum Buffer {
    Int(PrimitiveChunkedBuilder<Int64Type>),
    Count(PrimitiveChunkedBuilder<UInt64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Text(StringChunkedBuilder),
}

impl Buffer {
    fn new(column: &schema::Column) -> Buffer {
        let name = column.name.into();
        match column.column_type {
            ColumnType::Int => Buffer::Int(PrimitiveChunkedBuilder::new(name, 0)),
            ColumnType::Count => Buffer::Count(PrimitiveChunkedBuilder::new(name, 0)),
            ColumnType::Float => Buffer::Float(PrimitiveChunkedBuilder::new(name, 0)),
            ColumnType::Text => Buffer::Text(StringChunkedBuilder::new(name, 0)),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Buffer::Int(builder), Cell::Int(value)) => builder.append_option(*value),
            (Buffer::Count(builder), Cell::Count(value)) => builder.append_option(*value),
            (Buffer::Float(builder), Cell::Float(value)) => builder.append_value(*value),
            (Buffer::Text(builder), Cell::Text(value)) => builder.append_option(*value),
            _ => unreachable!("a row is made of the cells that its table's schema names"),
        }
    }

    fn finish(self) -> PolarsColumn {
        match self {
            Buffer::Int(builder) => builder.finish().into_series().into_column(),
            Buffer::Count(builder) => builder.finish().into_series().into_column(),
            Buffer::Float(builder) => builder.finish().into_series().into_column(),
            Buffer::Text(builder) => builder.finish().into_series().into_column(),
        }
    }
}

/// A file that remembers the operating system's first refusal: Parquet's own errors tell of it only in prose.
struct Witness {
    file: File,
    refusal: Arc<OnceLock<i32>>,
}

impl Witness {
    fn heard<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Some(code) = result.as_ref().err().and_then(io::Error::raw_os_error) {
            self.refusal.get_or_init(|| code);
        }
        result
    }
}

impl Write for Witness {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.file.write(bytes);
        self.heard(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.file.flush();
        self.heard(result)
    }
}

struct TableWriter {
    table: &'static Table,
    path: PathBuf,
    partial: PathBuf,
    file: BatchedWriter<BufWriter<Witness>>,
    refusal: Arc<OnceLock<i32>>,
    buffers: Vec<Buffer>,
    rows: usize,
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TableWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl TableWriter {
    fn create(directory: &Path, table: &'static Table) -> Result<TableWriter, Error> {
        let path = directory.join(table.file);
        let partial = partial_name(&path);
        let file = File::create(&partial).map_err(Error::file("create", &path))?;
        let fields = table.columns.iter().map(|column| Field::new(column.name.into(), data_type(column.column_type)));
        let refusal = Arc::new(OnceLock::new());
        let file = Witness { file, refusal: Arc::clone(&refusal) };
        let file = ParquetWriter::new(BufWriter::new(file))
            .with_compression(ParquetCompression::Snappy)
            .with_row_group_size(Some(ROWS_IN_GROUP))
            .set_parallel(false)
            .batched(&Schema::from_iter(fields))
            .map_err(Error::parquet("create", &path))?;
        let buffers = table.columns.iter().map(Buffer::new).collect();
        Ok(TableWriter { table, path, partial, file, refusal, buffers, rows: 0 })
    }

    fn push(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        assert_eq!(cells.len(), self.buffers.len(), "a row of {} has a cell for each column", self.table.file);
        self.buffers.iter_mut().zip(cells).for_each(|(buffer, cell)| buffer.push(cell));
        self.rows += 1;
        if self.rows < ROWS_IN_GROUP { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let fresh = self.table.columns.iter().map(Buffer::new).collect();
        let columns = std::mem::replace(&mut self.buffers, fresh).into_iter().map(Buffer::finish).collect();
        let rows = std::mem::take(&mut self.rows);
        let frame = DataFrame::new(rows, columns).map_err(Error::parquet("fill", &self.path))?;
        self.file.write_batch(&frame).map_err(|error| self.error("write", error))
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.finish().map_err(|error| self.error("finish", error))?;
        Ok(())
    }

    fn error(&self, action: &'static str, error: PolarsError) -> Error {
        match self.refusal.get() {
            Some(&code) => Error::file(action, &self.path)(io::Error::from_raw_os_error(code)),
            None => Error::parquet(action, &self.path)(error),
        }
    }
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Int => DataType::Int64,
        ColumnType::Count => DataType::UInt64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Text => DataType::String,
    }
}
