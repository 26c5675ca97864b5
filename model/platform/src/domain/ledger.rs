//! The double-entry ledger: journals that sum to zero, built from what happened, and balances that fold them.
//!
//! Debits are positive, credits negative. A hold is kept off the money accounts by a pair of its own, so that an authorisation is on
//! record and a capture or void must release exactly what was held.

use std::collections::BTreeMap;

use super::fare::Fare;
use super::ids::{DriverId, RiderId, TripId};
use super::money::Currency;
use super::schema::{Balance, CarriedBalance, JournalEntry};

pub use super::schema::money::{AccountKind, JournalKind};

impl AccountKind {
    /// Whether the account belongs to a person and has a stored balance.
    pub fn has_balance(self) -> bool {
        matches!(self, Self::RiderHold | Self::DriverPayable | Self::RiderReceivable)
    }
}

/// Which trip a journal is about, whose it is and when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalContext {
    pub trip: TripId,
    pub rider: RiderId,
    pub currency: Currency,
    pub at_ns: i64,
}

/// An amount on an account of an owner, before it becomes an entry.
type Line = (AccountKind, i64, i64);

/// The entries of an authorisation.
pub fn authorisation(context: JournalContext, amount_minor: i64) -> Vec<JournalEntry> {
    journal(context, JournalKind::Authorisation, &hold(context.rider, amount_minor))
}

/// The entries of a void: what was held is let go.
pub fn void(context: JournalContext, held_minor: i64) -> Vec<JournalEntry> {
    journal(context, JournalKind::Void, &hold(context.rider, -held_minor))
}

/// The entries of a capture: the hold is let go and the fare is distributed.
pub fn capture(context: JournalContext, held_minor: i64, driver: DriverId, fare: Fare) -> Vec<JournalEntry> {
    taken(context, JournalKind::Capture, held_minor, driver, fare)
}

/// The entries of a cancellation fee: the hold is let go and the fee is distributed like a fare.
pub fn cancellation_fee(context: JournalContext, held_minor: i64, driver: DriverId, fee: Fare) -> Vec<JournalEntry> {
    taken(context, JournalKind::CancellationFee, held_minor, driver, fee)
}

fn taken(
    context: JournalContext,
    kind: JournalKind,
    held_minor: i64,
    driver: DriverId,
    fare: Fare,
) -> Vec<JournalEntry> {
    let mut lines = hold(context.rider, -held_minor).to_vec();
    lines.push((AccountKind::ProcessorClearing, 0, fare.charge_minor));
    lines.extend(shares(driver, fare, -1));
    journal(context, kind, &lines)
}

/// The entries of a fare that no card gave. What was held, if anything, is let go by a [`void`].
pub fn arrears(context: JournalContext, driver: DriverId, fare: Fare) -> Vec<JournalEntry> {
    let mut lines = vec![(AccountKind::RiderReceivable, context.rider.0, fare.charge_minor)];
    lines.extend(shares(driver, fare, -1));
    journal(context, JournalKind::Arrears, &lines)
}

/// The entries of the trip's refund of this number (from 1), which is taken back from those who shared `back`.
pub fn refund(context: JournalContext, number: i64, driver: DriverId, back: Fare) -> Vec<JournalEntry> {
    let mut lines = vec![(AccountKind::ProcessorClearing, 0, -back.charge_minor)];
    lines.extend(shares(driver, back, 1));
    let mut entries = journal(context, JournalKind::Refund, &lines);
    entries.iter_mut().for_each(|entry| entry.line += number * REFUND_LINES);
    entries
}

/// More lines than a refund's journal has.
const REFUND_LINES: i64 = 8;

/// The entries of a payout at one of its steps: begun, made or returned.
pub fn payout(
    (driver, period): (DriverId, i64),
    kind: JournalKind,
    amount_minor: i64,
    currency: Currency,
    at_ns: i64,
) -> Vec<JournalEntry> {
    let (from, to) = match kind {
        JournalKind::PayoutMade => ((AccountKind::ProcessorClearing, 0), (AccountKind::PayoutsInTransit, 0)),
        JournalKind::PayoutReturned => ((AccountKind::DriverPayable, driver.0), (AccountKind::PayoutsInTransit, 0)),
        _ => ((AccountKind::PayoutsInTransit, 0), (AccountKind::DriverPayable, driver.0)),
    };
    let trip = payout_number(driver, period);
    let context = JournalContext { trip, rider: RiderId(0), currency, at_ns };
    journal(context, kind, &[(from.0, from.1, -amount_minor), (to.0, to.1, amount_minor)])
}

/// The number under which a payout's journals are kept: below zero, where no trip has one.
fn payout_number(driver: DriverId, period: i64) -> TripId {
    /// Days of more than a thousand years.
    const PERIODS: i64 = 1 << 20;
    TripId(!(driver.0 * PERIODS + period.rem_euclid(PERIODS)))
}

fn shares(driver: DriverId, fare: Fare, sign: i64) -> [Line; 4] {
    [
        (AccountKind::DriverPayable, driver.0, sign * fare.driver_pay_minor),
        (AccountKind::Commission, 0, sign * fare.commission_minor),
        (AccountKind::TaxPayable, 0, sign * fare.tax_minor),
        (AccountKind::TollsPayable, 0, sign * fare.tolls_minor),
    ]
}

fn hold(rider: RiderId, amount_minor: i64) -> [Line; 2] {
    [(AccountKind::RiderHold, rider.0, amount_minor), (AccountKind::HoldsContra, 0, -amount_minor)]
}

/// # Panics
/// If the lines do not sum to zero: a fare that does not add up must not reach the books.
fn journal(context: JournalContext, kind: JournalKind, lines: &[Line]) -> Vec<JournalEntry> {
    let entries: Vec<JournalEntry> = lines
        .iter()
        .filter(|(_, _, amount_minor)| *amount_minor != 0)
        .zip(0..)
        .map(|(&(account, owner, amount_minor), line)| JournalEntry {
            trip_id: context.trip,
            kind,
            line,
            account,
            owner,
            currency: context.currency,
            amount_minor,
            at_ns: context.at_ns,
        })
        .collect();
    assert!(sums_to_zero(&entries), "{kind:?} of trip {} does not sum to zero: {lines:?}", context.trip);
    entries
}

/// Whether the entries sum to zero in every currency.
pub fn sums_to_zero<'a>(entries: impl IntoIterator<Item = &'a JournalEntry>) -> bool {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for entry in entries {
        *sums.entry(entry.currency).or_default() += i128::from(entry.amount_minor);
    }
    sums.values().all(|sum| *sum == 0)
}

/// What the entries add to the balances of people, in the order in which the balances' rows are to be locked.
pub fn balance_changes(entries: &[JournalEntry]) -> Vec<Balance> {
    let mut changes: BTreeMap<(AccountKind, i64, Currency), Balance> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.account.has_balance()) {
        changes
            .entry((entry.account, entry.owner, entry.currency))
            .or_insert_with(|| Balance::empty(entry.account, entry.owner, entry.currency))
            .add(entry.amount_minor, 1);
    }
    changes.into_values().collect()
}

impl CarriedBalance {
    /// What is carried forward once the change, of entries that are deleted, has come to it.
    pub fn after(carried: Option<Self>, change: &Balance) -> Self {
        let Balance { account, owner, currency, amount_minor, entries } = *change;
        let (before_minor, entries_before) = carried.map_or((0, 0), |before| (before.amount_minor, before.entries));
        let (amount_minor, entries) = (before_minor + amount_minor, entries_before + entries);
        Self { account, owner, currency, amount_minor, entries }
    }
}

impl Balance {
    /// The balance of an account without entries.
    pub fn empty(account: AccountKind, owner: i64, currency: Currency) -> Self {
        Self { account, owner, currency, amount_minor: 0, entries: 0 }
    }

    /// Adds `entries` entries that sum to `amount_minor`.
    pub fn add(&mut self, amount_minor: i64, entries: i64) {
        self.amount_minor += amount_minor;
        self.entries += entries;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fare::FareSchedule;
    use crate::domain::trip::Drive;

    const CONTEXT: JournalContext =
        JournalContext { trip: TripId(1), rider: RiderId(2), currency: Currency::Usd, at_ns: 3 };
    const DRIVER: DriverId = DriverId(4);

    fn balances(entries: &[JournalEntry]) -> Vec<(AccountKind, i64, i64)> {
        balance_changes(entries).iter().map(|balance| (balance.account, balance.owner, balance.amount_minor)).collect()
    }

    proptest! {
        #[test]
        fn every_journal_sums_to_zero_and_leaves_no_hold(
            held_minor in 1..100_000i64, distance_m in 0..100_000u32, multiplier in 1_000..3_000u32, tolls_minor in 0..5_000i64,
        ) {
            let drive = Drive { distance_m, duration_s: distance_m / 5 };
            let fare = FareSchedule::NEW_YORK.fare(drive, tolls_minor, multiplier, held_minor);
            let fee = FareSchedule::NEW_YORK.cancellation_fee(held_minor);
            let endings = [
                (capture(CONTEXT, held_minor, DRIVER, fare), fare.driver_pay_minor),
                (cancellation_fee(CONTEXT, held_minor, DRIVER, fee), fee.driver_pay_minor),
                (void(CONTEXT, held_minor), 0),
            ];
            for (ending, driver_pay_minor) in endings {
                prop_assert!(sums_to_zero(&ending));
                let mut all = authorisation(CONTEXT, held_minor);
                all.extend(ending);
                let mut expected = vec![(AccountKind::RiderHold, 2, 0)];
                if driver_pay_minor > 0 {
                    expected.push((AccountKind::DriverPayable, 4, -driver_pay_minor));
                }
                prop_assert_eq!(balances(&all), expected);
            }
        }
    }

    #[test]
    fn a_fare_that_no_card_gave_is_owed_by_the_rider_and_owed_to_the_driver() {
        let fare = FareSchedule::NEW_YORK.cancellation_fee(10_000);
        let entries = arrears(CONTEXT, DRIVER, fare);
        assert!(sums_to_zero(&entries));
        let pay_minor = -fare.driver_pay_minor;
        let expected =
            [(AccountKind::DriverPayable, 4, pay_minor), (AccountKind::RiderReceivable, 2, fare.charge_minor)];
        assert_eq!(balances(&entries), expected);
    }

    #[test]
    fn refunds_undo_a_capture_in_parts_and_never_share_a_line() {
        let fare = FareSchedule::NEW_YORK.cancellation_fee(10_000);
        let mut entries = capture(CONTEXT, 600, DRIVER, fare);
        let half = Fare { charge_minor: fare.charge_minor - fare.driver_pay_minor, driver_pay_minor: 0, ..fare };
        let rest = Fare { charge_minor: fare.driver_pay_minor, commission_minor: 0, tax_minor: 0, ..fare };
        for (number, back) in [(1, half), (2, rest)] {
            let refund = refund(CONTEXT, number, DRIVER, back);
            assert!(sums_to_zero(&refund));
            entries.extend(refund);
        }
        let mut keys: Vec<_> = entries.iter().map(|entry| (entry.trip_id, entry.kind, entry.line)).collect();
        keys.sort();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(balances(&entries)[1], (AccountKind::DriverPayable, 4, 0));
    }

    #[test]
    fn a_payout_leaves_the_driver_and_arrives_or_comes_back() {
        let step = |kind| payout((DRIVER, 3), kind, 70, Currency::Usd, 9);
        let begun = step(JournalKind::PayoutBegun);
        assert_eq!(balances(&begun), [(AccountKind::DriverPayable, 4, 70)]);
        for (end, driver_minor) in [(JournalKind::PayoutMade, 70), (JournalKind::PayoutReturned, 0)] {
            let all = [begun.clone(), step(end)].concat();
            assert!(sums_to_zero(&all) && all.iter().all(|entry| entry.trip_id.0 < 0));
            assert_eq!(balances(&all)[0].2, driver_minor);
            let transit = all.iter().filter(|entry| entry.account == AccountKind::PayoutsInTransit);
            assert_eq!(transit.map(|entry| entry.amount_minor).sum::<i64>(), 0);
        }
    }

    #[test]
    #[should_panic(expected = "does not sum to zero")]
    fn a_fare_that_does_not_add_up_does_not_reach_the_books() {
        let fare = Fare { charge_minor: 10, driver_pay_minor: 7, commission_minor: 2, tax_minor: 0, tolls_minor: 0 };
        capture(CONTEXT, 10, DRIVER, fare);
    }

    #[test]
    fn currencies_are_not_added_to_each_other() {
        let mut entries = authorisation(CONTEXT, 5);
        entries[1].currency = Currency::Eur;
        assert!(!sums_to_zero(&entries));
    }
}
