//! `rehearse city fit`: from trip records to a city file.

use std::fs::File;
use std::path::Path;

use city::fit::{FitOptions, fit as fit_city};

use super::say;
use crate::exit::Exit;

pub fn fit(trips: &Path, zones: &Path, out: Option<&Path>) -> Exit {
    let open = |path: &Path| File::open(path).map_err(|error| format!("failed to read {}: {error}", path.display()));
    let (trip_file, zone_file) = match (open(trips), open(zones)) {
        (Ok(trips), Ok(zones)) => (trips, zones),
        (Err(problem), _) | (_, Err(problem)) => return say::complaint(Exit::BadInput, &problem),
    };
    let file_name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let options = FitOptions::new_york(&file_name(trips), &file_name(zones));
    let (city, report) = match fit_city(trip_file, zone_file, &options) {
        Ok(fitted) => fitted,
        Err(problem) => return say::complaint(Exit::BadInput, &problem),
    };
    eprintln!("{report}");
    let text = city.to_toml();
    match out {
        None => say::and_exit(&text, Exit::Passed),
        Some(path) => match reports::files::write_whole(path, text.as_bytes()) {
            Ok(()) => Exit::Passed,
            Err(problem) => say::complaint(Exit::Internal, &problem),
        },
    }
}
