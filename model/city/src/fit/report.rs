//! What a fit read, used and rejected.

use std::collections::BTreeMap;
use std::fmt;

use crate::calendar::date_text;
use crate::zones::rows_by_zone;

/// Why a trip record cannot be used, in the order in which it is judged: the first that holds is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A column is missing, or holds no time, number or zone.
    Unparsable,
    /// A zone that the list of zones does not have (the TLC's 264 and 265 mean "unknown" and "outside").
    UnlistedZone,
    /// The pickup lies outside the days that the records are of.
    OutsideDates,
    /// The drop-off is not after the pickup.
    NotLater,
    /// Longer than [`super::rows::LONGEST_TRIP_S`]: a meter that nobody stopped.
    TooLong,
    /// No distance was driven.
    NoDistance,
    /// Faster than the city's speed cap.
    TooFast,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::Unparsable => "unparsable row",
            Reason::UnlistedZone => "zone not in the list of zones",
            Reason::OutsideDates => "pickup outside the days of the records",
            Reason::NotLater => "drop-off not after pickup",
            Reason::TooLong => "longer than three hours",
            Reason::NoDistance => "no distance driven",
            Reason::TooFast => "faster than the speed cap",
        }
    }
}

/// The rows rejected for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    pub count: u64,
    /// The first lines, at most [`Rejected::LINES_KEPT`], in the order of the file.
    pub first_lines: Vec<u64>,
}

impl Rejected {
    /// Lines kept of each reason.
    pub const LINES_KEPT: usize = 5;

    pub(super) fn add(&mut self, line: u64) {
        self.count += 1;
        if self.first_lines.len() < Rejected::LINES_KEPT {
            self.first_lines.push(line);
        }
    }
}

/// What became of the rows of the trip records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitReport {
    pub file: String,
    pub rows_read: u64,
    pub rows_used: u64,
    pub rejected: BTreeMap<Reason, Rejected>,
    /// Rows that name each unlisted zone, by the zone's number.
    pub unlisted_zones: BTreeMap<u32, u64>,
    /// The days that the records cover: local seconds since 1970 of the first midnight, and of the midnight after the last day.
    pub days: std::ops::Range<i64>,
}

impl FitReport {
    /// Rows rejected for `reason`.
    pub fn rejected_for(&self, reason: Reason) -> u64 {
        self.rejected.get(&reason).map_or(0, |rejected| rejected.count)
    }
}

impl fmt::Display for FitReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} rows read, {} used", self.file, self.rows_read, self.rows_used)?;
        if self.days.end > self.days.start {
            write!(out, ", {} to {}", date_text(self.days.start), date_text(self.days.end - 1))?;
        }
        for (reason, rejected) in &self.rejected {
            let lines: Vec<String> = rejected.first_lines.iter().map(u64::to_string).collect();
            let more = if rejected.count > rejected.first_lines.len() as u64 { ", ..." } else { "" };
            let noun = if rejected.count == 1 { "line" } else { "lines" };
            write!(out, "\n{:>8} {} ({noun} {}{more})", rejected.count, reason.text(), lines.join(", "))?;
        }
        if !self.unlisted_zones.is_empty() {
            write!(out, "\nunlisted zones: {}", rows_by_zone(&self.unlisted_zones))?;
        }
        Ok(())
    }
}
