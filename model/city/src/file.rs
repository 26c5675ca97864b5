//! City files: TOML in, or everything that is wrong with it; TOML out, the same text for the same city.

mod check;
mod formats;
mod meaning;
mod schema;
mod write;

use std::path::Path;

use notation::Problems;
use notation::report::Report;
use notation::section::Section;
use notation::tree::parse;

use crate::city::City;

impl City {
    /// Reads and checks a city file. The text is for whoever tells one version of the file from another.
    ///
    /// # Errors
    /// As [`City::parse`]; or the file cannot be read.
    pub fn load(path: &Path) -> Result<(City, String), Problems> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => City::parse(&text, &name).map(|city| (city, text)),
            Err(error) => {
                let mut report = Report::default();
                let file = report.open(&name, "");
                report.file_problem(file, format!("failed to read the city: {error}"), None);
                Err(report.into_problems())
            }
        }
    }

    /// Checks the text of a city file; `file` is the name that errors show.
    ///
    /// # Errors
    /// Everything that is wrong with it: what cannot be parsed, unknown and missing keys, wrong values, contradictions.
    pub fn parse(text: &str, file: &str) -> Result<City, Problems> {
        let mut report = Report::default();
        let id = report.open(file, text);
        let read = parse(id, text, &mut report).and_then(|root| {
            let read = schema::CityFile::read(&root, None, &mut report);
            check::check(&root, &mut report);
            read
        });
        match read {
            Some(read) if report.is_clean() => Ok(City::new(meaning::parts(read))),
            _ => {
                assert!(!report.is_clean(), "a city that cannot be read has a reported reason");
                Err(report.into_problems())
            }
        }
    }

    /// The city as a file that [`City::parse`] reads. Values are rounded to what the data can bear, so the text is small and stable.
    pub fn to_toml(&self) -> String {
        write::write(self.parts())
    }
}
