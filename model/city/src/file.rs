//! City files: TOML in, errors with file, line and column; TOML out, the same text for the same city.

mod check;
mod errors;
mod schema;
mod write;

use std::path::Path;

pub use errors::{CityError, Problem};

use crate::city::City;

impl City {
    /// Reads and checks a city file.
    pub fn load(path: &Path) -> Result<City, CityError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => City::parse(&text, &file),
            Err(source) => Err(CityError::Unreadable { file, source }),
        }
    }

    /// Checks the text of a city file; `file` is the name that errors show. All that is wrong is said at once, except that a
    /// text which is no TOML of this schema stops at its first error.
    pub fn parse(text: &str, file: &str) -> Result<City, CityError> {
        let refused = |problems| CityError::Refused { file: file.to_owned(), problems };
        let read: schema::CityFile =
            toml::from_str(text).map_err(|error| refused(vec![errors::from_toml(&error, text)]))?;
        check::check(read, text).map(City::new).map_err(refused)
    }

    /// The city as a file that [`City::parse`] reads. Values are rounded to what the data can bear, so the text is small and stable.
    pub fn to_toml(&self) -> String {
        write::write(self.parts())
    }
}
