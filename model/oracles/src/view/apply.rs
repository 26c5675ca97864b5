//! How the view follows one change of one row, forwards and, after a recovery, backwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use platform::domain::driver::DriverState;
use platform::domain::ids::TripId;
use platform::domain::notification::Telling;
use platform::domain::offer::OfferStatus;
use platform::domain::schema::{
    Balance, Driver, JournalEntry, Movement, Offer, OutboxEntry, Quote, ToldNotification, Trip, TripLogEntry, TripNews,
};
use platform::domain::trip::EventKind;
use runtime::Time;

use super::{Account, Book, Dossier, View};
use crate::transaction::{Pair, RowChange};

/// For how long a quote is kept after it expired: a trip that was requested in the last instant may still be committing.
const QUOTE_GRACE_NS: i64 = 300_000_000_000;

impl View {
    /// Takes one change over. The error says how the row before the change differs from what the view holds, if the view holds
    /// that row; the change counts all the same.
    pub(crate) fn apply(&mut self, row: &RowChange, at: Time) -> Result<(), String> {
        match row {
            RowChange::Trip(pair) => self.put_trip(pair),
            RowChange::Log(pair) => self.put_log_entry(pair),
            RowChange::Offer(pair) => self.put_offer(pair),
            RowChange::Driver(pair) => self.put_driver(pair),
            RowChange::Quote(pair) => self.put_quote(pair),
            RowChange::Payment(pair) => {
                let dossier = self.dossiers.entry(pair.any().trip_id).or_default();
                let old = std::mem::replace(&mut dossier.payment, pair.after.clone());
                agree(pair, old.as_ref(), dossier.whole)
            }
            RowChange::Journal(pair) => self.put_journal_entry(pair),
            RowChange::Balance(pair) => {
                let any = pair.any();
                let account = (any.account, any.owner, any.currency);
                agree(pair, put(&mut self.balances, account, pair.after.clone()).as_ref(), false)
            }
            RowChange::Carried(pair) => {
                let any = pair.any();
                let account = (any.account, any.owner, any.currency);
                agree(pair, put(&mut self.carried, account, pair.after.clone()).as_ref(), false)
            }
            RowChange::LateReport(pair) => {
                let dossier = self.dossiers.entry(pair.any().trip_id).or_default();
                let old = std::mem::replace(&mut dossier.late_report, pair.after.clone());
                agree(pair, old.as_ref(), dossier.whole)
            }
            RowChange::Outbox(pair) => {
                self.put_outbox_entry(pair);
                Ok(())
            }
            RowChange::News(pair) => self.put_news(pair, at),
            RowChange::Told(pair) => self.put_told(pair),
            RowChange::Movement(pair) => self.put_movement(pair),
            RowChange::Vehicle(pair) => {
                agree(pair, put(&mut self.vehicles, pair.any().id, pair.after.clone()).as_ref(), false)
            }
            RowChange::Rider(pair) => {
                agree(pair, put(&mut self.riders, pair.any().id, pair.after.clone()).as_ref(), false)
            }
            RowChange::Idempotency(_) | RowChange::Lease(_) => Ok(()),
        }
    }

    /// Closes the books on a commit: marks the trips that it ended, and forgets those that were over `remembered` commits ago.
    pub(crate) fn commit_ended(&mut self, trips: impl Iterator<Item = TripId>, remembered: u64) {
        self.commits += 1;
        for trip in trips {
            let Some(dossier) = self.dossiers.get_mut(&trip).filter(|dossier| !dossier.closed) else { continue };
            if dossier.is_blank() {
                self.dossiers.remove(&trip);
            } else if dossier.is_over() {
                dossier.closed = true;
                self.closed.push_back((trip, self.commits));
            }
        }
        while let Some(&(trip, closed_at)) = self.closed.front()
            && closed_at + remembered < self.commits
        {
            self.closed.pop_front();
            if self.dossiers.get(&trip).is_some_and(Dossier::is_over) {
                self.dossiers.remove(&trip);
            } else if let Some(dossier) = self.dossiers.get_mut(&trip) {
                dossier.closed = false;
            }
        }
    }

    /// Notes that an acknowledged write was lost, of this trip if it was a trip's.
    pub(crate) fn mark_lost(&mut self, trip: Option<TripId>) {
        self.has_losses = true;
        if let Some(dossier) = trip.and_then(|trip| self.dossiers.get_mut(&trip)) {
            dossier.lost_writes = true;
        }
    }

    fn put_trip(&mut self, pair: &Pair<Trip>) -> Result<(), String> {
        let id = pair.any().id;
        let dossier = self.dossiers.entry(id).or_default();
        let known = std::mem::replace(&mut dossier.trip, pair.after.clone());
        dossier.whole |= pair.before.is_none();
        if let (None, Some(trip)) = (&dossier.quote, &pair.after) {
            dossier.quote = self.quotes.get(&trip.quote_id).cloned();
        }
        let agreed = agree(pair, known.as_ref(), dossier.whole);
        // A forgotten trip still counts among those in its state.
        if let Some(old) = known.as_ref().or(pair.before.as_ref()) {
            *self.trips_by_state.entry(old.state).or_default() -= 1;
            if let Some(driver) = old.driver_id {
                drop_from(&mut self.active_by_driver, driver, &id);
            }
            drop_from(&mut self.active_by_rider, old.rider_id, &id);
        }
        if let Some(new) = &pair.after {
            *self.trips_by_state.entry(new.state).or_default() += 1;
            if let (true, Some(driver)) = (new.state.has_driver(), new.driver_id) {
                self.active_by_driver.entry(driver).or_default().insert(id);
            }
            if new.state.is_active() {
                self.active_by_rider.entry(new.rider_id).or_default().insert(id);
            }
        }
        agreed
    }

    fn put_log_entry(&mut self, pair: &Pair<TripLogEntry>) -> Result<(), String> {
        let any = pair.any();
        let dossier = self.dossiers.entry(any.trip_id).or_default();
        let old = Dossier::put(&mut dossier.log, |entry| entry.version, &any.version, pair.after.clone());
        let requests = |entry: &Option<TripLogEntry>| {
            i64::from(entry.as_ref().is_some_and(|entry| entry.event == EventKind::Requested))
        };
        self.trips_requested += requests(&pair.after) - requests(&pair.before);
        agree(pair, old.as_ref(), dossier.whole)
    }

    fn put_offer(&mut self, pair: &Pair<Offer>) -> Result<(), String> {
        let any = pair.any();
        let dossier = self.dossiers.entry(any.trip_id).or_default();
        let old = Dossier::put(&mut dossier.offers, |offer| offer.attempt, &any.attempt, pair.after.clone());
        let whole = dossier.whole;
        let place = (any.trip_id, any.attempt);
        if let Some(old) = old.as_ref().or(pair.before.as_ref()) {
            drop_from(&mut self.live_offers_by_driver, old.driver_id, &place);
        }
        if let Some(new) = pair.after.as_ref().filter(|offer| offer.status == OfferStatus::Live) {
            self.live_offers_by_driver.entry(new.driver_id).or_default().insert(place);
        }
        agree(pair, old.as_ref(), whole)
    }

    fn put_outbox_entry(&mut self, pair: &Pair<OutboxEntry>) {
        let place = (pair.any().trip_id, pair.any().sequence);
        match pair.after.as_ref().filter(|entry| entry.published_at_ns.is_none()) {
            Some(waiting) => self.unpublished.insert(place, waiting.at_ns),
            None => self.unpublished.remove(&place),
        };
    }

    fn put_news(&mut self, pair: &Pair<TripNews>, at: Time) -> Result<(), String> {
        let trip = pair.any().trip_id;
        let old = put(&mut self.news, trip, pair.after.clone().map(|news| (news, at)));
        agree(pair, old.as_ref().map(|(news, _)| news), false)
    }

    fn put_told(&mut self, pair: &Pair<ToldNotification>) -> Result<(), String> {
        let any = pair.any();
        let place = (any.trip_id, any.sequence, any.recipient, any.channel);
        let old = put(&mut self.told, place, pair.after.clone());
        if let Some(dossier) = self.dossiers.get_mut(&any.trip_id) {
            let message = (any.sequence, any.recipient);
            match &pair.after {
                Some(_) => dossier.told_and_gone.remove(&message),
                None => any.state == Telling::Told && dossier.told_and_gone.insert(message),
            };
        }
        agree(pair, old.as_ref(), false)
    }

    fn put_movement(&mut self, pair: &Pair<Movement>) -> Result<(), String> {
        let any = pair.any();
        let place = (any.kind, any.owner, any.number);
        let open = pair.after.as_ref().filter(|movement| movement.is_open()).cloned();
        let old = put(&mut self.open_movements, place, open);
        agree(pair, old.as_ref(), false)
    }

    fn put_driver(&mut self, pair: &Pair<Driver>) -> Result<(), String> {
        let id = pair.any().id;
        let old = put(&mut self.drivers, id, pair.after.clone());
        let bound = |driver: &Driver| driver.trip_id.filter(|_| DriverState::has_trip(driver.state));
        if let Some(trip) = old.as_ref().or(pair.before.as_ref()).and_then(bound) {
            drop_from(&mut self.drivers_bound_to, trip, &id);
        }
        if let Some(trip) = pair.after.as_ref().and_then(bound) {
            self.drivers_bound_to.entry(trip).or_default().insert(id);
        }
        if let Some(vehicle) = old.as_ref().or(pair.before.as_ref()).and_then(|driver| driver.vehicle_id) {
            drop_from(&mut self.drivers_on_duty_in, vehicle, &id);
        }
        let on_duty = pair.after.as_ref().filter(|driver| driver.state != DriverState::Offline);
        if let Some(vehicle) = on_duty.and_then(|driver| driver.vehicle_id) {
            self.drivers_on_duty_in.entry(vehicle).or_default().insert(id);
        }
        agree(pair, old.as_ref(), false)
    }

    fn put_quote(&mut self, pair: &Pair<Quote>) -> Result<(), String> {
        let old = put(&mut self.quotes, pair.any().id, pair.after.clone());
        if let Some(old) = &old {
            self.quotes_by_expiry.remove(&(old.expires_at_ns, old.id));
        }
        if let Some(new) = &pair.after {
            self.quotes_by_expiry.insert((new.expires_at_ns, new.id));
            while let Some(&(expires_at_ns, id)) = self.quotes_by_expiry.first()
                && expires_at_ns.saturating_add(QUOTE_GRACE_NS) < new.created_at_ns
            {
                self.quotes_by_expiry.pop_first();
                self.quotes.remove(&id);
            }
        }
        agree(pair, old.as_ref(), false)
    }

    fn put_journal_entry(&mut self, pair: &Pair<JournalEntry>) -> Result<(), String> {
        let any = pair.any();
        let dossier = self.dossiers.entry(any.trip_id).or_default();
        let place = (any.kind, any.line);
        let old = Dossier::put(&mut dossier.journal, |entry| (entry.kind, entry.line), &place, pair.after.clone());
        let whole = dossier.whole;
        for (entry, sign) in [(old.as_ref().or(pair.before.as_ref()), -1), (pair.after.as_ref(), 1)] {
            let Some(entry) = entry else { continue };
            *self.books.entry((Book::of(entry.account), entry.currency)).or_default() +=
                i128::from(sign * entry.amount_minor);
            if entry.account.has_balance() {
                let account: Account = (entry.account, entry.owner, entry.currency);
                self.folds
                    .entry(account)
                    .or_insert_with(|| Balance::empty(account.0, account.1, account.2))
                    .add(sign * entry.amount_minor, sign);
            }
        }
        agree(pair, old.as_ref(), whole)
    }
}

/// Keeps `row` at its key, or nothing. Returns what was there.
fn put<K: Ord, T>(rows: &mut BTreeMap<K, T>, key: K, row: Option<T>) -> Option<T> {
    match row {
        Some(row) => rows.insert(key, row),
        None => rows.remove(&key),
    }
}

/// Whether a change began from the row that the view holds. `whole` says that a row which the view does not hold does not exist.
fn agree<T: PartialEq + Debug>(pair: &Pair<T>, held: Option<&T>, whole: bool) -> Result<(), String> {
    let same = match (held, &pair.before) {
        (Some(held), Some(before)) => held == before,
        (Some(_), None) => false,
        (None, Some(_)) => !whole,
        (None, None) => true,
    };
    if same { Ok(()) } else { Err(format!("a change began from {:?} where {held:?} was committed", pair.before)) }
}

fn drop_from<K: Ord, V: Ord>(index: &mut BTreeMap<K, BTreeSet<V>>, key: K, value: &V) {
    if let Some(set) = index.get_mut(&key) {
        set.remove(value);
        if set.is_empty() {
            index.remove(&key);
        }
    }
}
