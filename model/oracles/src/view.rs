//! What is committed, as oracles want to ask for it: each table decoded once for each change, indexed the way invariants speak.
//!
//! The indexes are built from states and owners, never from the columns under the database's own unique indexes: those are what a bug
//! would get wrong.

mod apply;
mod dossier;
mod processor;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use platform::domain::ids::{DriverId, QuoteId, RiderId, TripId, VehicleId};
use platform::domain::ledger::AccountKind;
use platform::domain::money::Currency;
use platform::domain::movement::MovementKind;
use platform::domain::notification::Channel;
use platform::domain::schema::{
    Balance, CarriedBalance, Driver, Movement, Quote, Rider, ToldNotification, TripNews, Vehicle,
};
use platform::domain::trip::State;
use runtime::Time;

pub use dossier::Dossier;
pub use processor::{Authorisation, ProcessorBook};

use crate::history::History;

/// An account: what it is for, whose, and in which currency.
pub type Account = (AccountKind, i64, Currency);

/// What is told: trip and version, to whom, and over which channel.
type Telling = (TripId, i64, i64, Channel);

/// The two books of the ledger, neither of which lends to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// What is held on cards.
    Holds,
    /// What was taken and who gets it.
    Money,
}

impl Book {
    /// The book in which the account is kept.
    pub fn of(account: AccountKind) -> Self {
        match account {
            AccountKind::RiderHold | AccountKind::HoldsContra => Self::Holds,
            _ => Self::Money,
        }
    }
}

/// What is committed now.
#[derive(Debug, Default)]
pub struct View {
    dossiers: BTreeMap<TripId, Dossier>,
    /// Trips that are over, with the number of the commit that closed them, oldest first.
    closed: VecDeque<(TripId, u64)>,
    drivers: BTreeMap<DriverId, Driver>,
    riders: BTreeMap<RiderId, Rider>,
    vehicles: BTreeMap<VehicleId, Vehicle>,
    drivers_on_duty_in: BTreeMap<VehicleId, BTreeSet<DriverId>>,
    /// Quotes until some time after they expire, and their order of expiry.
    quotes: BTreeMap<QuoteId, Quote>,
    quotes_by_expiry: BTreeSet<(i64, QuoteId)>,
    active_by_driver: BTreeMap<DriverId, BTreeSet<TripId>>,
    active_by_rider: BTreeMap<RiderId, BTreeSet<TripId>>,
    drivers_bound_to: BTreeMap<TripId, BTreeSet<DriverId>>,
    live_offers_by_driver: BTreeMap<DriverId, BTreeSet<(TripId, i64)>>,
    balances: BTreeMap<Account, Balance>,
    carried: BTreeMap<Account, CarriedBalance>,
    folds: BTreeMap<Account, Balance>,
    books: BTreeMap<(Book, Currency), i128>,
    /// The events that wait to be published, and since when.
    unpublished: BTreeMap<(TripId, i64), i64>,
    /// What the notifications service knows of trips, and when it learnt it.
    news: BTreeMap<TripId, (TripNews, Time)>,
    told: BTreeMap<Telling, ToldNotification>,
    /// Refunds and payouts that are under way.
    open_movements: BTreeMap<(MovementKind, i64, i64), Movement>,
    /// Whether a recovery ever left acknowledged writes out.
    has_losses: bool,
    trips_by_state: BTreeMap<State, i64>,
    trips_requested: i64,
    processor: ProcessorBook,
    history: History,
    commits: u64,
}

impl View {
    /// What is known of the trip; none if it was never seen, or was over so long ago that it is forgotten.
    pub fn dossier(&self, trip: TripId) -> Option<&Dossier> {
        self.dossiers.get(&trip)
    }

    /// All trips that are not forgotten, ascending. For the end of a run only.
    pub fn dossiers(&self) -> impl Iterator<Item = (&TripId, &Dossier)> {
        self.dossiers.iter()
    }

    pub fn driver(&self, driver: DriverId) -> Option<&Driver> {
        self.drivers.get(&driver)
    }

    /// Every driver ever seen, ascending. For the end of a run only.
    pub fn drivers(&self) -> impl Iterator<Item = &Driver> {
        self.drivers.values()
    }

    pub fn rider(&self, rider: RiderId) -> Option<&Rider> {
        self.riders.get(&rider)
    }

    /// Every rider ever seen, ascending. For the end of a run only.
    pub fn riders(&self) -> impl Iterator<Item = &Rider> {
        self.riders.values()
    }

    pub fn vehicle(&self, vehicle: VehicleId) -> Option<&Vehicle> {
        self.vehicles.get(&vehicle)
    }

    /// The drivers whose own records say that they are on duty in this vehicle.
    pub fn drivers_on_duty_in(&self, vehicle: VehicleId) -> &BTreeSet<DriverId> {
        Self::set(&self.drivers_on_duty_in, &vehicle)
    }

    /// The trips that say that they are being driven by this driver.
    pub fn active_trips_of_driver(&self, driver: DriverId) -> &BTreeSet<TripId> {
        Self::set(&self.active_by_driver, &driver)
    }

    /// The trips on which this rider is waiting or riding.
    pub fn active_trips_of_rider(&self, rider: RiderId) -> &BTreeSet<TripId> {
        Self::set(&self.active_by_rider, &rider)
    }

    /// The drivers whose own records say that they are driving this trip.
    pub fn drivers_bound_to(&self, trip: TripId) -> &BTreeSet<DriverId> {
        Self::set(&self.drivers_bound_to, &trip)
    }

    /// The live offers, as trip and attempt, that were made to this driver.
    pub fn live_offers_of(&self, driver: DriverId) -> &BTreeSet<(TripId, i64)> {
        Self::set(&self.live_offers_by_driver, &driver)
    }

    /// The event of the trip that waits longest to be published, if it comes before this one.
    pub fn unpublished_before(&self, trip: TripId, sequence: i64) -> Option<i64> {
        self.unpublished.range((trip, i64::MIN)..(trip, sequence)).next().map(|((_, earlier), _)| *earlier)
    }

    /// Every event that waits to be published, as trip and sequence, and since when.
    pub fn unpublished(&self) -> impl Iterator<Item = (&(TripId, i64), &i64)> {
        self.unpublished.iter()
    }

    /// The newest that the notifications service knows of the trip, and when it learnt it.
    pub fn news(&self, trip: TripId) -> Option<&(TripNews, Time)> {
        self.news.get(&trip)
    }

    /// What became of telling this version of the trip to this recipient, in the order of the channels.
    pub fn told(&self, trip: TripId, sequence: i64, recipient: i64) -> impl Iterator<Item = &ToldNotification> {
        let [first, .., last] = Channel::ALL else { unreachable!("there are several channels") };
        let place = |channel: &Channel| (trip, sequence, recipient, *channel);
        self.told.range(place(first)..=place(last)).map(|(_, row)| row)
    }

    /// Refunds and payouts that are under way.
    pub fn open_movements(&self) -> impl Iterator<Item = &Movement> {
        self.open_movements.values()
    }

    /// Whether a recovery ever left acknowledged writes out: then not all that happened outside is known here.
    pub fn has_losses(&self) -> bool {
        self.has_losses
    }

    /// How many rows are remembered.
    pub(crate) fn rows_remembered(&self) -> usize {
        let of_trips: usize = self.dossiers.values().map(Dossier::rows).sum();
        let of_people = self.drivers.len() + self.riders.len() + self.vehicles.len();
        let of_books = self.balances.len() + self.carried.len() + self.folds.len();
        let of_events = self.unpublished.len() + self.news.len() + self.told.len();
        of_trips + of_people + of_books + of_events + self.quotes.len() + self.open_movements.len() + self.closed.len()
    }

    /// The stored balance of an account.
    pub fn balance(&self, account: Account) -> Option<&Balance> {
        self.balances.get(&account)
    }

    /// What is carried forward of an account: the sum of its deleted entries.
    pub fn carried(&self, account: Account) -> Option<&CarriedBalance> {
        self.carried.get(&account)
    }

    /// What the account's entries sum to.
    pub fn fold(&self, account: Account) -> Option<&Balance> {
        self.folds.get(&account)
    }

    /// The sum of all entries of each book and currency.
    pub fn book_sums(&self) -> impl Iterator<Item = (&(Book, Currency), &i128)> {
        self.books.iter()
    }

    /// How many trips there are in a state of that kind.
    pub fn trips_in(&self, kind: impl Fn(State) -> bool) -> i64 {
        self.trips_by_state.iter().filter(|(state, _)| kind(**state)).map(|(_, trips)| trips).sum()
    }

    /// How many times the log says that a rider requested a trip.
    pub fn trips_requested(&self) -> i64 {
        self.trips_requested
    }

    /// What the external processor approved.
    pub fn processor(&self) -> &ProcessorBook {
        &self.processor
    }

    /// The commits from which all this came, and what recoveries left out.
    pub fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    pub(crate) fn processor_mut(&mut self) -> &mut ProcessorBook {
        &mut self.processor
    }

    fn set<'a, K: Ord, V>(index: &'a BTreeMap<K, BTreeSet<V>>, key: &K) -> &'a BTreeSet<V> {
        index.get(key).unwrap_or(const { &BTreeSet::new() })
    }
}
