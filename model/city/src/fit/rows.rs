//! Trip records: each row becomes a trip, or is counted under the first reason why it cannot.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

use super::report::{FitReport, Reason};
use super::{FitError, FitOptions};
use crate::calendar::{WeekMinute, parse_local_seconds, week_minute_of, year_month};
use crate::table::{Row, Table};
use crate::zones::{Zone, ZoneIndex};

const COLUMNS: [&str; 5] =
    ["pickup_datetime", "dropoff_datetime", "trip_distance", "pickup_location_id", "dropoff_location_id"];

const SECONDS_A_DAY: i64 = 86_400;

const METRES_A_MILE: f64 = 1_609.344;

/// Seconds after which a record is a forgotten meter. Assumption: the records of 2019 have next to none between three hours and twenty.
pub(super) const LONGEST_TRIP_S: i64 = 3 * 3600;

/// A month with a smaller share of the rows is strays (a wrong clock), not part of the records. Assumption.
const LEAST_SHARE_OF_A_MONTH: f64 = 0.01;

/// A usable record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    /// Local seconds since 1970.
    pub pickup_s: i64,
    pub from: ZoneIndex,
    pub to: ZoneIndex,
    /// Above 0.
    pub duration_s: f64,
    /// Driven metres, above 0.
    pub distance_m: f64,
}

impl Trip {
    pub fn minute(&self) -> WeekMinute {
        week_minute_of(self.pickup_s)
    }
}

/// A row as written.
struct Record {
    line: u64,
    pickup_s: i64,
    dropoff_s: i64,
    distance_m: f64,
    from_id: u32,
    to_id: u32,
}

pub(super) fn read(
    source: impl Read,
    zones: &[Zone],
    options: &FitOptions,
) -> Result<(Vec<Trip>, FitReport), FitError> {
    let mut table = Table::open(source, &options.trips_file, &COLUMNS)?;
    let mut report = FitReport {
        file: options.trips_file.clone(),
        rows_read: 0,
        rows_used: 0,
        rejected: BTreeMap::new(),
        unlisted_zones: BTreeMap::new(),
        days: 0..0,
    };
    let mut records = Vec::new();
    while let Some(row) = table.next()? {
        report.rows_read += 1;
        match parse(&row) {
            Some(record) => records.push(record),
            None => report.rejected.entry(Reason::Unparsable).or_default().add(row.line),
        }
    }
    report.days = days_covered(&records);
    let zones: BTreeMap<u32, ZoneIndex> =
        zones.iter().enumerate().map(|(index, zone)| (zone.id, ZoneIndex(index))).collect();
    let mut trips = Vec::new();
    for record in &records {
        match judge(record, &zones, &report.days, options.speed_cap_km_h) {
            Ok(trip) => trips.push(trip),
            Err(reason) => {
                report.rejected.entry(reason).or_default().add(record.line);
                if reason == Reason::UnlistedZone {
                    let mut unlisted: Vec<u32> =
                        [record.from_id, record.to_id].into_iter().filter(|id| !zones.contains_key(id)).collect();
                    unlisted.dedup();
                    unlisted.into_iter().for_each(|id| *report.unlisted_zones.entry(id).or_default() += 1);
                }
            }
        }
    }
    report.rows_used = trips.len() as u64;
    let rejected: u64 = report.rejected.values().map(|rejected| rejected.count).sum();
    assert_eq!(report.rows_used + rejected, report.rows_read, "every row is used or rejected");
    Ok((trips, report))
}

fn parse(row: &Row) -> Option<Record> {
    let miles: f64 = row.get(2)?.parse().ok().filter(|miles: &f64| miles.is_finite())?;
    Some(Record {
        line: row.line,
        pickup_s: parse_local_seconds(row.get(0)?)?,
        dropoff_s: parse_local_seconds(row.get(1)?)?,
        distance_m: miles * METRES_A_MILE,
        from_id: row.get(3)?.parse().ok()?,
        to_id: row.get(4)?.parse().ok()?,
    })
}

fn judge(
    record: &Record,
    zones: &BTreeMap<u32, ZoneIndex>,
    days: &Range<i64>,
    speed_cap_km_h: f64,
) -> Result<Trip, Reason> {
    let zone = |id: u32| zones.get(&id).copied().ok_or(Reason::UnlistedZone);
    let (from, to) = (zone(record.from_id)?, zone(record.to_id)?);
    let seconds = record.dropoff_s - record.pickup_s;
    if !days.contains(&record.pickup_s) {
        Err(Reason::OutsideDates)
    } else if seconds <= 0 {
        Err(Reason::NotLater)
    } else if seconds > LONGEST_TRIP_S {
        Err(Reason::TooLong)
    } else if record.distance_m <= 0.0 {
        Err(Reason::NoDistance)
    } else if record.distance_m / seconds as f64 * 3.6 > speed_cap_km_h {
        Err(Reason::TooFast)
    } else {
        Ok(Trip { pickup_s: record.pickup_s, from, to, duration_s: seconds as f64, distance_m: record.distance_m })
    }
}

/// From the first midnight to the last of the days that have records, strays left out.
fn days_covered(records: &[Record]) -> Range<i64> {
    let mut rows_of_month: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    for record in records {
        *rows_of_month.entry(year_month(record.pickup_s)).or_default() += 1;
    }
    let least = LEAST_SHARE_OF_A_MONTH * records.len() as f64;
    let days = records
        .iter()
        .filter(|record| rows_of_month[&year_month(record.pickup_s)] as f64 >= least)
        .map(|record| record.pickup_s.div_euclid(SECONDS_A_DAY));
    match (days.clone().min(), days.max()) {
        (Some(first), Some(last)) => first * SECONDS_A_DAY..(last + 1) * SECONDS_A_DAY,
        _ => 0..0,
    }
}
