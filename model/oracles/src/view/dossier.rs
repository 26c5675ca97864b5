//! All that is committed about one trip.

use std::collections::BTreeSet;

use platform::domain::ids::DriverId;
use platform::domain::ledger::JournalKind;
use platform::domain::offer::OfferStatus;
use platform::domain::schema::{JournalEntry, LateReport, Offer, Payment, Quote, Trip, TripLogEntry};
use platform::domain::trip::EventKind;

/// One trip with everything that hangs on it.
#[derive(Debug, Default)]
pub struct Dossier {
    pub trip: Option<Trip>,
    /// The quote that the trip was requested on, if it was still known then.
    pub quote: Option<Quote>,
    /// By version.
    pub log: Vec<TripLogEntry>,
    /// By attempt.
    pub offers: Vec<Offer>,
    pub payment: Option<Payment>,
    pub late_report: Option<LateReport>,
    /// By kind and line.
    pub journal: Vec<JournalEntry>,
    /// Whether the trip was watched from its first row on: only then does a missing row prove anything.
    pub whole: bool,
    /// Whether a recovery left out some of its acknowledged writes: it no longer agrees with the world outside, and the loss was
    /// reported as such.
    pub lost_writes: bool,
    /// What was told and is forgotten since, by sequence and recipient: such rows may go a moment before the trip does.
    pub told_and_gone: BTreeSet<(i64, i64)>,
    pub(super) closed: bool,
}

impl Dossier {
    /// The driver and the epoch of the newest assignment before this version of the trip.
    pub fn assignment_before(&self, version: i64) -> Option<(DriverId, i64)> {
        let accepted = self.log.iter().rev().find(|entry| {
            entry.version < version && matches!(entry.event, EventKind::OfferAccepted | EventKind::Reassigned)
        })?;
        match accepted.event {
            EventKind::OfferAccepted => accepted.driver_id.map(|driver| (driver, accepted.epoch)),
            _ => None,
        }
    }

    /// The entries of one journal.
    pub fn journal_of(&self, kind: JournalKind) -> impl Iterator<Item = &JournalEntry> {
        self.journal.iter().filter(move |entry| entry.kind == kind)
    }

    /// Whether it can be compared with what lies outside the store.
    pub fn is_whole(&self) -> bool {
        self.whole && !self.lost_writes
    }

    /// How many rows it holds.
    pub(super) fn rows(&self) -> usize {
        let single = [self.trip.is_some(), self.quote.is_some(), self.payment.is_some(), self.late_report.is_some()];
        let singles = single.into_iter().filter(|held| *held).count();
        1 + singles + self.log.len() + self.offers.len() + self.journal.len() + self.told_and_gone.len()
    }

    /// Whether it holds nothing and proves nothing: what is left of a trip whose rows were deleted long after it was forgotten.
    pub(super) fn is_blank(&self) -> bool {
        self.rows() == 1 && !self.whole && !self.lost_writes
    }

    /// Whether nothing is to be expected of it any more.
    pub(super) fn is_over(&self) -> bool {
        let paid = self.payment.as_ref().is_none_or(|payment| payment.state.is_at_rest());
        let asked = self.offers.iter().any(|offer| offer.status == OfferStatus::Live);
        self.trip.as_ref().is_none_or(|trip| trip.state.is_terminal()) && paid && !asked
    }

    /// Puts a row where its key belongs among `rows`, or takes it out. Returns what was there.
    pub(super) fn put<T, K: Ord>(rows: &mut Vec<T>, key: impl Fn(&T) -> K, at: &K, row: Option<T>) -> Option<T> {
        match (rows.binary_search_by(|other| key(other).cmp(at)), row) {
            (Ok(place), Some(row)) => Some(std::mem::replace(&mut rows[place], row)),
            (Ok(place), None) => Some(rows.remove(place)),
            (Err(place), Some(row)) => {
                rows.insert(place, row);
                None
            }
            (Err(_), None) => None,
        }
    }
}
