//! Streams the records of a run into a directory, in memory that does not grow with the run.
//!
//! A directory is marked incomplete by its `run.json` from the first moment; tables grow under `*.parquet.partial` and take
//! their names when the run is finished, so that nobody reads half a table as a whole one. Where the file system takes no more,
//! what it has is closed as tables that can be read, and `run.json` says what they lack: room for that is set aside from the start.

mod reserve;
mod sink;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use polars_core::error::PolarsError;
use polars_core::prelude::{
    ChunkedBuilder, Column as PolarsColumn, DataFrame, DataType, Field, Float64Type, Int64Type, IntoColumn, IntoSeries,
    PrimitiveChunkedBuilder, Schema, StringChunkedBuilder, UInt64Type,
};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use crate::error::Error;
use crate::files::{OUTCOME_FILE, REPORT_FILE, RUN_FILE, partial_name, write_json};
use crate::format;
use crate::records::Record;
use crate::run::{RunRecord, STOPPED_BY_FILE_SYSTEM};
use crate::schema::{self, ColumnType, ROWS_IN_GROUP, Table};
use reserve::Reserve;
use sink::Sink;

/// The bytes with which a Parquet file begins.
const MAGIC_BYTES: u64 = 4;

/// Writes one run. Dropped unfinished, it takes its partial tables away and leaves `run.json`, which says `"complete": false`.
#[derive(Debug)]
pub struct Writer {
    directory: PathBuf,
    tables: Vec<TableWriter>,
    failure: Option<Error>,
    reserve: Option<Reserve>,
}

impl Writer {
    /// Makes the directory if need be, takes away what an earlier run left in it, marks it incomplete, and sets room aside for its end.
    pub fn create(directory: &Path, run: &RunRecord) -> Result<Writer, Error> {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let stale = schema::TABLES.iter().map(|table| table.file).chain([OUTCOME_FILE, REPORT_FILE]);
        for file in stale {
            remove(&directory.join(file))?;
        }
        write_json(&directory.join(RUN_FILE), &RunRecord { complete: false, ..run.clone() })?;
        let reserve = Some(Reserve::create(directory)?);
        let mut writer = Writer { directory: directory.to_path_buf(), tables: Vec::new(), failure: None, reserve };
        for table in schema::TABLES {
            writer.tables.push(TableWriter::create(directory, table)?);
        }
        Ok(writer)
    }

    /// Writes a row. Once the file system refused one, none is written any more: all tables end at the same moment.
    pub fn write(&mut self, record: &Record<'_>) {
        if self.failure.is_none() {
            self.failure = self.push(record).err();
        }
    }

    /// Whether the file system refused something: [`finish`](Writer::finish) will say what.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The next group of this table is refused as by a full disk.
    #[cfg(test)]
    pub(crate) fn refuse_once(&self, file: &str) {
        self.tables.iter().filter(|table| table.table.file == file).for_each(|table| table.sink.refuse_once());
    }

    fn push(&mut self, record: &Record<'_>) -> Result<(), Error> {
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
    ///
    /// # Errors
    /// [`Error::Incomplete`]: not everything could be written. What could be is whole, and `run.json` says that the run is incomplete
    /// and what its tables lack; if it was refused too, it is that of the start, which says only that the run is incomplete.
    pub fn finish(mut self, run: &RunRecord) -> Result<(), Error> {
        for table in &mut self.tables {
            if let Err(error) = table.flush() {
                self.failure.get_or_insert(error);
            }
        }
        // Not before the last rows: on a full disk they would take the room that footers and `run.json` need.
        drop(self.reserve.take());
        let mut lacks = Vec::new();
        for table in &mut self.tables {
            // What could not be ended in full is still named as far as it goes.
            let (ended, named) = (table.end(), table.name());
            if let Err(error) = ended.and(named) {
                self.failure.get_or_insert(error);
            }
            lacks.extend(table.lacks());
        }
        let path = self.directory.join(RUN_FILE);
        let told = match &self.failure {
            None => write_json(&path, run),
            Some(failure) => {
                let stopped_by = Some(format!("{STOPPED_BY_FILE_SYSTEM}{failure}; {}", lacks.join(", ")));
                write_json(&path, &RunRecord { complete: false, stopped_by, ..run.clone() })
            }
        };
        if let Err(error) = told {
            self.failure.get_or_insert(error);
            lacks.push(format!("{RUN_FILE} is still that of a run under way"));
        }
        match self.failure.take() {
            None => Ok(()),
            Some(failure) => Err(Error::Incomplete { source: Box::new(failure), lacks: lacks.join(", ") }),
        }
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

struct TableWriter {
    table: &'static Table,
    path: PathBuf,
    partial: PathBuf,
    file: BatchedWriter<Sink>,
    sink: Sink,
    buffers: Vec<Buffer>,
    /// Rows in the buffers.
    rows: usize,
    /// Rows in whole groups of the file, and the length of the file up to there.
    kept: usize,
    kept_bytes: u64,
    /// Rows that the file system did not take.
    lost: usize,
    /// Whether a footer may be written after what the file has.
    sound: bool,
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
        let sink = Sink::new(file);
        let file = ParquetWriter::new(sink.clone())
            .with_compression(ParquetCompression::Snappy)
            .with_row_group_size(Some(ROWS_IN_GROUP))
            .set_parallel(false)
            .batched(&Schema::from_iter(fields))
            .map_err(Error::parquet("create", &path))?;
        let buffers = table.columns.iter().map(Buffer::new).collect();
        let (rows, kept, lost) = (0, 0, 0);
        Ok(TableWriter {
            table,
            path,
            partial,
            file,
            sink,
            buffers,
            rows,
            kept,
            kept_bytes: MAGIC_BYTES,
            lost,
            sound: true,
        })
    }

    fn push(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        assert_eq!(cells.len(), self.buffers.len(), "a row of {} has a cell for each column", self.table.file);
        self.buffers.iter_mut().zip(cells).for_each(|(buffer, cell)| buffer.push(cell));
        self.rows += 1;
        if self.rows < ROWS_IN_GROUP { Ok(()) } else { self.flush() }
    }

    /// Writes the rows in the buffers as a group. One that does not fit is taken back: the footer, which closes those before it, needs the room.
    fn flush(&mut self) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let fresh = self.table.columns.iter().map(Buffer::new).collect();
        let columns = std::mem::replace(&mut self.buffers, fresh).into_iter().map(Buffer::finish).collect();
        let rows = std::mem::take(&mut self.rows);
        let frame = DataFrame::new(rows, columns).map_err(Error::parquet("fill", &self.path))?;
        match self.file.write_batch(&frame) {
            Ok(()) => {
                self.kept += rows;
                self.kept_bytes = self.sink.length();
                Ok(())
            }
            Err(error) => {
                self.lost += rows;
                let error = self.error("write", error);
                self.sound = self.sink.cut(self.kept_bytes).is_ok();
                Err(error)
            }
        }
    }

    /// Writes the footer after the last group. A table that cannot be closed is replaced by one without rows, which is no failure where it
    /// was given none.
    fn end(&mut self) -> Result<(), Error> {
        let closed = if self.sound { self.close() } else { Ok(()) };
        if closed.is_err() || !self.sound {
            self.empty();
        }
        closed.or_else(|error| self.lacks().map_or(Ok(()), |_| Err(error)))
    }

    fn close(&mut self) -> Result<(), Error> {
        self.file.finish().map(|_| ()).map_err(|error| self.error("finish", error))
    }

    /// What cannot be closed makes room for a table that says that it has nothing; if not even that fits, there is none.
    fn empty(&mut self) {
        let lost = self.lost + self.kept;
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let begun = remove(&self.partial).and_then(|()| TableWriter::create(directory, self.table));
        self.sound = begun.is_ok();
        if let Ok(begun) = begun {
            *self = begun;
            self.sound = self.close().is_ok();
        }
        (self.kept, self.lost) = (0, lost);
    }

    /// Takes its name, if it can be read.
    fn name(&mut self) -> Result<(), Error> {
        if self.sound {
            let named = fs::rename(&self.partial, &self.path).map_err(Error::file("name", &self.path));
            self.sound = named.is_ok();
            named?;
        }
        Ok(())
    }

    /// What it has not of what it was given, if that is anything.
    fn lacks(&self) -> Option<String> {
        let Table { file, .. } = self.table;
        let count = |rows: usize| format::count(rows as u64);
        match (self.sound, self.kept, self.lost) {
            (false, ..) => Some(format!("{file} is missing")),
            (true, _, 0) => None,
            (true, 0, lost) => Some(format!("{file} lacks all of its {} rows", count(lost))),
            (true, kept, lost) => {
                Some(format!("{file} lacks the last {} of its {} rows", count(lost), count(kept + lost)))
            }
        }
    }

    fn error(&self, action: &'static str, error: PolarsError) -> Error {
        match self.sink.refusal() {
            Some(code) => Error::file(action, &self.path)(io::Error::from_raw_os_error(code)),
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
