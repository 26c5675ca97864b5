//! A committed transaction with its rows decoded, once for all oracles.

use platform::domain::ids::TripId;
use platform::domain::movement::refunded_trip;
use platform::domain::schema::{
    Balance, CarriedBalance, Driver, IdempotencyRecord, JournalEntry, LateReport, Lease, Movement, Offer, OutboxEntry,
    Payment, Quote, Rider, ToldNotification, Trip, TripLogEntry, TripNews, Vehicle,
};
use ports::database::{Record, Row, RowError, TableId};
use ports::observe::{Change, Name};
use runtime::Time;

use crate::objects::object_name;
use crate::texts::Texts;

/// A row before and after one change of it. Never neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    pub before: Option<T>,
    pub after: Option<T>,
}

impl<T> Pair<T> {
    /// Whichever there is, the newer one first.
    pub fn any(&self) -> &T {
        self.after.as_ref().or(self.before.as_ref()).expect("a change has a row before or after it")
    }
}

/// Declares which tables are decoded, and how transactions give them out.
macro_rules! rows {
    ($($variant:ident($record:ident) as $plural:ident,)+) => {
        /// A change of one row.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum RowChange {
            $($variant(Box<Pair<$record>>),)+
        }

        impl RowChange {
            /// The change with its rows decoded; none for a table that no oracle reads.
            pub(crate) fn decode(
                table: TableId,
                before: Option<&Row>,
                after: Option<&Row>,
            ) -> Result<Option<Self>, RowError> {
                $(if table == $record::SCHEMA.id {
                    return Pair::<$record>::decode(before, after).map(|pair| Some(Self::$variant(Box::new(pair))));
                })+
                Ok(None)
            }

            /// Whether there is a row before the change, and whether there is one after it.
            fn is_there(&self) -> (bool, bool) {
                match self {
                    $(Self::$variant(pair) => (pair.before.is_some(), pair.after.is_some()),)+
                }
            }
        }

        impl Transaction {
            $(
                #[doc = concat!("The changes of ", stringify!($plural), ", in the order in which they were made.")]
                pub fn $plural(&self) -> impl Iterator<Item = &Pair<$record>> {
                    self.rows.iter().filter_map(|row| match row {
                        RowChange::$variant(pair) => Some(&**pair),
                        _ => None,
                    })
                }
            )+
        }
    };
}

rows! {
    Trip(Trip) as trips,
    Log(TripLogEntry) as log_entries,
    Offer(Offer) as offers,
    Driver(Driver) as drivers,
    Quote(Quote) as quotes,
    Payment(Payment) as payments,
    Journal(JournalEntry) as journal_entries,
    Balance(Balance) as balances,
    Outbox(OutboxEntry) as outbox_entries,
    Idempotency(IdempotencyRecord) as idempotency_records,
    LateReport(LateReport) as late_reports,
    Movement(Movement) as movements,
    News(TripNews) as news,
    Told(ToldNotification) as told_notifications,
    Rider(Rider) as riders,
    Lease(Lease) as leases,
    Vehicle(Vehicle) as vehicles,
    Carried(CarriedBalance) as carried_balances,
}

/// A committed transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub store: Name,
    pub node: Name,
    pub epoch: u64,
    pub lsn: u64,
    pub at: Time,
    pub rows: Vec<RowChange>,
    /// What is wrong with the rows themselves: one cannot be read, or is not as the transactions before left it.
    pub broken: Vec<String>,
    /// What was found in what people can read of the rows.
    pub texts: Texts,
}

impl RowChange {
    /// The trip that the row is about, if it is about one.
    pub fn trip(&self) -> Option<TripId> {
        match self {
            Self::Trip(pair) => Some(pair.any().id),
            Self::Log(pair) => Some(pair.any().trip_id),
            Self::Offer(pair) => Some(pair.any().trip_id),
            Self::Payment(pair) => Some(pair.any().trip_id),
            Self::Journal(pair) => Some(pair.any().trip_id),
            Self::Outbox(pair) => Some(pair.any().trip_id),
            Self::LateReport(pair) => Some(pair.any().trip_id),
            Self::Movement(pair) => refunded_trip(pair.any()),
            Self::Driver(_)
            | Self::Quote(_)
            | Self::Balance(_)
            | Self::Idempotency(_)
            | Self::News(_)
            | Self::Told(_)
            | Self::Rider(_)
            | Self::Lease(_)
            | Self::Vehicle(_)
            | Self::Carried(_) => None,
        }
    }

    /// Whether the change removes its row.
    pub(crate) fn is_deletion(&self) -> bool {
        self.is_there() == (true, false)
    }

    /// Whether the change makes its row.
    pub(crate) fn is_insertion(&self) -> bool {
        self.is_there() == (false, true)
    }
}

impl<T: Record> Pair<T> {
    fn decode(before: Option<&Row>, after: Option<&Row>) -> Result<Self, RowError> {
        let decode = |row: Option<&Row>| row.map(|row| T::from_row(row)).transpose();
        Ok(Self { before: decode(before)?, after: decode(after)? })
    }
}

/// The decoded changes, and a sentence for each that cannot be decoded.
pub(crate) fn decode_all(changes: &[Change]) -> (Vec<RowChange>, Vec<String>) {
    let (mut rows, mut broken) = (Vec::with_capacity(changes.len()), Vec::new());
    for change in changes {
        if change.before.is_none() && change.after.is_none() {
            broken.push(format!("{} has no row before nor after its change", object_name(change.table, &change.key)));
            continue;
        }
        match RowChange::decode(change.table, change.before.as_ref(), change.after.as_ref()) {
            Ok(row) => rows.extend(row),
            Err(error) => broken.push(format!("{} cannot be read: {error}", object_name(change.table, &change.key))),
        }
    }
    (rows, broken)
}
