//! Recorded trips instead of drawn ones.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use rand::Rng;

use crate::calendar::{MINUTES_A_WEEK, NANOSECONDS_A_MINUTE, WeekMinute, parse_local_seconds, week_minute_of};
use crate::city::City;
use crate::demand::TripWish;
use crate::table::{Table, TableError};
use crate::zones::{ZoneIndex, rows_by_zone};

const COLUMNS: [&str; 3] = ["pickup_datetime", "pickup_location_id", "dropoff_location_id"];

/// Why recorded trips cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{file}: none of {rows_read} recorded trips starts in the {} minutes from {start}; {unlisted} start or end in unlisted zones", window.as_secs() / 60)]
    NothingToReplay { file: String, rows_read: u64, unlisted: u64, start: WeekMinute, window: Duration },
    #[error("recorded trips repeat by the week, so a run of {} hours cannot replay them; keep it to 168", window.as_secs() / 3600)]
    LongerThanAWeek { window: Duration },
}

/// The recorded trips that fall into a run's window, in order of time.
///
/// Records of several weeks are laid over one another by time of the week: a trip of any Friday 17:35 starts five minutes into
/// a run that starts on Friday at 17:30.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    trips: Vec<(u64, ZoneIndex, ZoneIndex)>,
    /// The file as errors name it.
    file: String,
    /// Rows below the header.
    pub rows_read: u64,
    /// Rows whose time of the week lies outside the window.
    pub outside_window: u64,
    /// Rows left out because they name a zone that the city lacks, by the zone's number (the pickup's where both are unlisted).
    pub unlisted_zones: BTreeMap<u32, u64>,
}

impl Replay {
    /// Reads the columns `pickup_datetime`, `pickup_location_id` and `dropoff_location_id`; a row that cannot be read is an error.
    pub fn read(
        source: impl Read,
        file: &str,
        city: &City,
        start: WeekMinute,
        window: Duration,
    ) -> Result<Replay, ReplayError> {
        let week_ns = MINUTES_A_WEEK as u64 * NANOSECONDS_A_MINUTE;
        let window_ns = u64::try_from(window.as_nanos()).ok().filter(|window_ns| *window_ns <= week_ns);
        let window_ns = window_ns.ok_or(ReplayError::LongerThanAWeek { window })?;
        let zones: BTreeMap<u32, ZoneIndex> =
            city.zones().iter().enumerate().map(|(index, zone)| (zone.id, ZoneIndex(index))).collect();
        let mut table = Table::open(source, file, &COLUMNS)?;
        let mut replay = Replay {
            trips: Vec::new(),
            file: file.to_owned(),
            rows_read: 0,
            outside_window: 0,
            unlisted_zones: BTreeMap::new(),
        };
        while let Some(row) = table.next()? {
            replay.rows_read += 1;
            let pickup_s = row
                .get(0)
                .and_then(parse_local_seconds)
                .ok_or_else(|| table.wrong(&row, 0, "write a local time, like 2019-01-15 03:36:12"))?;
            let zone = |wanted: usize| {
                let id: Option<u32> = row.get(wanted).and_then(|text| text.parse().ok());
                id.ok_or_else(|| table.wrong(&row, wanted, "write the zone's number, like 230"))
            };
            let (from, to) = (zone(1)?, zone(2)?);
            let (Some(from_zone), Some(to_zone)) = (zones.get(&from), zones.get(&to)) else {
                let unlisted = if zones.contains_key(&from) { to } else { from };
                *replay.unlisted_zones.entry(unlisted).or_default() += 1;
                continue;
            };
            let minutes = (week_minute_of(pickup_s).index() + MINUTES_A_WEEK - start.index()) % MINUTES_A_WEEK;
            let offset_ns =
                minutes as u64 * NANOSECONDS_A_MINUTE + pickup_s.rem_euclid(60).unsigned_abs() * 1_000_000_000;
            if offset_ns < window_ns {
                replay.trips.push((offset_ns, *from_zone, *to_zone));
            } else {
                replay.outside_window += 1;
            }
        }
        if replay.trips.is_empty() {
            let (unlisted, Replay { file, rows_read, .. }) = (replay.unlisted(), replay);
            return Err(ReplayError::NothingToReplay { file, rows_read, unlisted, start, window });
        }
        // Stable, so that trips of one second keep the order of the file.
        replay.trips.sort_by_key(|(offset_ns, _, _)| *offset_ns);
        Ok(replay)
    }

    /// Rows left out because they name a zone that the city lacks.
    fn unlisted(&self) -> u64 {
        self.unlisted_zones.values().sum()
    }

    /// What a run of these trips does not have of its records, as a sentence; none if nothing is left out of its window.
    pub fn left_out(&self) -> Option<String> {
        let (unlisted, zones) = (self.unlisted(), rows_by_zone(&self.unlisted_zones));
        let text = format!(
            "{unlisted} of the {} recorded trips: they start or end in zones that the city does not list ({zones}).",
            self.rows_read
        );
        (unlisted > 0).then_some(text)
    }

    /// How many trips fall into the window; never 0.
    pub fn trips(&self) -> usize {
        self.trips.len()
    }

    /// Nanoseconds since the start of the run and what the rider wants, in order of time. Records name zones only: the points are drawn.
    pub fn wishes<'a>(&'a self, city: &'a City, rng: &'a mut impl Rng) -> impl Iterator<Item = (u64, TripWish)> + 'a {
        self.trips.iter().map(move |(offset_ns, from, to)| {
            let pickup = city.draw_place(*from, rng);
            (*offset_ns, TripWish::between(pickup, city.draw_place(*to, rng)))
        })
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} rows read, {} replayed", self.file, self.rows_read, self.trips.len())?;
        for (count, what) in
            [(self.outside_window, "outside the run's time of the week"), (self.unlisted(), "zone not in the city")]
        {
            if count > 0 {
                write!(out, "\n{count:>8} {what}")?;
            }
        }
        if !self.unlisted_zones.is_empty() {
            write!(out, "\nunlisted zones: {}", rows_by_zone(&self.unlisted_zones))?;
        }
        Ok(())
    }
}
