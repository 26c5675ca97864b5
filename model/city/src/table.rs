//! CSV tables with named columns, whose errors say file, line and column.

use std::io::Read;

use csv::{Reader, ReaderBuilder, StringRecord, Terminator, Trim};

/// What is wrong with a CSV file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    #[error(
        "{file}:1: there is no column `{column}`; the header must name {}, and names {}",
        list(wanted),
        list(found)
    )]
    MissingColumn { file: String, column: String, wanted: Vec<String>, found: Vec<String> },
    #[error(
        "{file}:1: rows end in a carriage return alone, so that the whole file is one row; end them with a line feed"
    )]
    NoLineFeeds { file: String },
    #[error("{file}:{line}: failed to read the row: {reason}")]
    Unreadable { file: String, line: u64, reason: String },
    #[error("{file}:{line}: column {field} (`{column}`) is \"{text}\"; {hint}")]
    WrongValue { file: String, line: u64, field: usize, column: String, text: String, hint: String },
    #[error("{file}:{line}: the table has no rows below its header")]
    NoRows { file: String, line: u64 },
}

/// A CSV file, read row by row.
pub(crate) struct Table<R> {
    reader: Reader<R>,
    file: String,
    wanted: Vec<String>,
    fields: Vec<usize>,
}

/// One row: the wanted columns, in the order in which they were wanted.
pub(crate) struct Row {
    /// From 1, the header's.
    pub line: u64,
    record: StringRecord,
    fields: Vec<usize>,
}

impl Row {
    /// The text of a wanted column; `None` where the row is too short.
    pub fn get(&self, wanted: usize) -> Option<&str> {
        self.record.get(self.fields[wanted])
    }
}

impl<R: Read> Table<R> {
    /// Reads the header; other columns than the wanted ones may stand between them.
    pub fn open(source: R, file: &str, wanted: &[&str]) -> Result<Table<R>, TableError> {
        // Short rows are the caller's to judge: one reader counts them, another refuses them.
        // Rows are trimmed here, of carriage returns too: as half of a terminator those would make the reader count lines one behind.
        let rows = Terminator::Any(b'\n');
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::Headers).terminator(rows).from_reader(source);
        let header = reader.headers().map_err(|error| unreadable(file, 1, &error))?.clone();
        // Trimmed off the header's ends, it is left where rows begin that were meant to be others.
        if header.iter().any(|name| name.contains('\r')) {
            return Err(TableError::NoLineFeeds { file: file.to_owned() });
        }
        let wanted: Vec<String> = wanted.iter().map(|column| (*column).to_owned()).collect();
        let mut fields = Vec::new();
        for column in &wanted {
            // A byte-order mark belongs to the file, not to the first column's name.
            let Some(field) = header.iter().position(|name| name.trim_start_matches('\u{feff}') == column) else {
                let found = header.iter().map(str::to_owned).collect();
                return Err(TableError::MissingColumn { file: file.to_owned(), column: column.clone(), wanted, found });
            };
            fields.push(field);
        }
        Ok(Table { reader, file: file.to_owned(), wanted, fields })
    }

    /// The next row, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row>, TableError> {
        let mut record = StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(false) => return Ok(None),
                // An empty line.
                Ok(true) if record.len() == 1 && &record[0] == "\r" => {}
                Ok(true) => {
                    record.trim();
                    let line = record.position().map_or(0, csv::Position::line);
                    return Ok(Some(Row { line, record, fields: self.fields.clone() }));
                }
                Err(error) => return Err(unreadable(&self.file, self.reader.position().line(), &error)),
            }
        }
    }

    /// The error for a wanted column that does not hold what it should.
    pub fn wrong(&self, row: &Row, wanted: usize, hint: &str) -> TableError {
        TableError::WrongValue {
            file: self.file.clone(),
            line: row.line,
            field: self.fields[wanted] + 1,
            column: self.wanted[wanted].clone(),
            text: row.get(wanted).unwrap_or_default().to_owned(),
            hint: hint.to_owned(),
        }
    }

    /// The error for a table without rows.
    pub fn no_rows(&self) -> TableError {
        TableError::NoRows { file: self.file.clone(), line: self.reader.position().line() }
    }
}

fn unreadable(file: &str, line: u64, error: &csv::Error) -> TableError {
    let line = error.position().map_or(line, csv::Position::line);
    TableError::Unreadable { file: file.to_owned(), line, reason: error.to_string() }
}

fn list(names: &[String]) -> String {
    // An empty file has a header with one empty name.
    if names.iter().all(String::is_empty) {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
