//! From trip records and a list of zones to a city.
//!
//! Rare things are shrunk towards common ones by empirical Bayes: pairs of zones towards distance, hours towards the same hour
//! of similar days, destinations towards gravity. How strongly is itself estimated from the records, never chosen.

mod curve;
mod flows;
mod report;
mod rows;
mod shrink;
mod travel;
mod zones;

use std::io::Read;

pub use report::{FitReport, Reason, Rejected};

use crate::city::{City, Parts, Volume};
use crate::habits::PhoneHabits;
use crate::table::TableError;

/// What the records do not say.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// The city's name.
    pub name: String,
    /// Where the records come from, a line each; written at the top of the city file.
    pub source: Vec<String>,
    /// What the clock of the records is.
    pub time_zone: String,
    /// How busy the city is: the records may be a sample.
    pub volume: Volume,
    /// No trip is faster, km/h; a record that says so is rejected.
    pub speed_cap_km_h: f64,
    /// The names that errors show.
    pub trips_file: String,
    pub zones_file: String,
}

impl FitOptions {
    /// New York, from the TLC's yellow-taxi trip records of early 2019.
    pub fn new_york(trips_file: &str, zones_file: &str) -> FitOptions {
        FitOptions {
            name: "New York City".to_owned(),
            source: vec![
                "NYC Taxi and Limousine Commission trip records (public): yellow taxi, January to March 2019"
                    .to_owned(),
                "10,000 random trips of each month, as shipped in great_expectations (Apache-2.0)".to_owned(),
                "zone centroids and areas computed from the TLC taxi-zone shapefile (EPSG:2263)".to_owned(),
                "trip volume: Uber New York, January to February 2015, TLC response published by FiveThirtyEight"
                    .to_owned(),
            ],
            time_zone: "local wall time of America/New_York; a week has no daylight-saving change".to_owned(),
            volume: Volume {
                // Uber New York, January to February 2015 (TLC response, FiveThirtyEight): 70,004 trips a day on 7,845 vehicles, 8.85
                // being the mean of the bases' own ratios.
                trips_per_vehicle_day: 8.85,
                weekly_trips: 7.0 * 70_004.0,
            },
            // Assumption: 65 mph, the highest limit on a road of New York State; no trip averages more.
            speed_cap_km_h: 105.0,
            trips_file: trips_file.to_owned(),
            zones_file: zones_file.to_owned(),
        }
    }
}

/// Why nothing could be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{file}: zone {id} is there twice, the second time in line {line}")]
    ZoneTwice { file: String, id: u32, line: u64 },
    #[error("{file}: of {rows_read} rows {rows_used} can be used, and a fit needs {needed}\n{report}")]
    TooFewTrips { file: String, rows_read: u64, rows_used: u64, needed: u64, report: Box<FitReport> },
    #[error("{file}: all trips are equally long, so no law of distance can be fitted")]
    OneDistance { file: String },
}

/// Trips below which nothing is fitted. Assumption: one for each hour of the week is the least that has a curve at all.
pub const LEAST_TRIPS: u64 = 168;

/// Fits a city. The same input gives the same city, to the last digit of [`City::to_toml`].
///
/// `trips` needs the columns `pickup_datetime`, `dropoff_datetime` (local wall time, `2019-01-15 03:36:12`), `trip_distance`
/// (miles), `pickup_location_id`, `dropoff_location_id`; `zones` needs `zone_id`, `borough`, `zone`, `latitude`, `longitude`
/// (WGS84), `area_km2`.
pub fn fit(trips: impl Read, zones: impl Read, options: &FitOptions) -> Result<(City, FitReport), FitError> {
    let mut zones = zones::read(zones, &options.zones_file)?;
    let (trips, report) = rows::read(trips, &zones, options)?;
    if report.rows_used < LEAST_TRIPS {
        return Err(FitError::TooFewTrips {
            file: options.trips_file.clone(),
            rows_read: report.rows_read,
            rows_used: report.rows_used,
            needed: LEAST_TRIPS,
            report: Box::new(report),
        });
    }
    flows::count_shares(&trips, &mut zones);
    let curve = curve::fit(&trips, &report.days);
    let Some(roads) = travel::fit(&trips, &zones, options.speed_cap_km_h) else {
        return Err(FitError::OneDistance { file: options.trips_file.clone() });
    };
    let flows = flows::fit(&trips, &zones, &roads);
    let parts = Parts {
        name: options.name.clone(),
        source: options.source.clone(),
        time_zone: options.time_zone.clone(),
        volume: options.volume,
        overdispersion: curve.overdispersion,
        hour_of_week: curve.hour_of_week,
        zones,
        flows,
        travel: roads.travel,
        habits: PhoneHabits::default(),
    };
    Ok((City::new(parts), report))
}
