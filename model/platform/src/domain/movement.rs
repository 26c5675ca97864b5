//! Money that goes the other way: parts of captures given back to riders, and what drivers earned sent to their banks.
//!
//! As with a trip's payment, a movement is written down before the processor is asked, a time-out makes it unknown, and only an answer under
//! the same key ends that.

use ports::IdempotencyKey;
use ports::processor::{Operation, Outcome};

use super::fare::Fare;
use super::ids::{DriverId, TripId};
use super::ledger::{self, JournalContext, JournalKind};
use super::money::Currency;
use super::schema::{JournalEntry, Movement, Payment, Trip};

pub use super::schema::money::{MovementKind, MovementState};

/// Why money cannot be moved, or a movement cannot take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MovementError {
    #[error("a movement that is {state:?} cannot take that step")]
    NotInState { state: MovementState },
    #[error("{asked_minor} is not between 1 and the {left_minor} that are left to give back")]
    Amount { asked_minor: i64, left_minor: i64 },
}

impl Movement {
    /// The trip's next refund. `back` says from whom it is taken back; what it sums to is promised in the payment.
    pub fn refund(
        (trip, payment): (&Trip, &mut Payment),
        number: i64,
        back: Fare,
        now_ns: i64,
    ) -> Result<Self, MovementError> {
        let (asked_minor, left_minor) = (back.charge_minor, payment.captured_minor - payment.refunded_minor);
        if !(1..=left_minor).contains(&asked_minor) {
            return Err(MovementError::Amount { asked_minor, left_minor });
        }
        payment.refunded_minor += asked_minor;
        payment.updated_at_ns = now_ns;
        let authorisation_key = payment.authorisation_key;
        Ok(Self {
            authorisation_key,
            driver_pay_minor: back.driver_pay_minor,
            commission_minor: back.commission_minor,
            tax_minor: back.tax_minor,
            tolls_minor: back.tolls_minor,
            ..Self::new((MovementKind::Refund, trip.id.0, number), asked_minor, payment.currency, now_ns)
        })
    }

    /// The driver's payout of a period.
    ///
    /// # Panics
    /// If nothing is owed: the caller has a bug.
    pub fn payout((driver, period): (DriverId, i64), amount_minor: i64, currency: Currency, now_ns: i64) -> Self {
        assert!(amount_minor > 0, "a payout of {amount_minor} to driver {driver}");
        Self::new((MovementKind::Payout, driver.0, period), amount_minor, currency, now_ns)
    }

    fn new(key: (MovementKind, i64, i64), amount_minor: i64, currency: Currency, now_ns: i64) -> Self {
        let (kind, owner, number) = key;
        Self {
            kind,
            owner,
            number,
            currency,
            amount_minor,
            driver_pay_minor: 0,
            commission_minor: 0,
            tax_minor: 0,
            tolls_minor: 0,
            authorisation_key: None,
            state: MovementState::Pending,
            pending_key: operation_key(key, now_ns),
            claimed_until_ns: now_ns,
            updated_at_ns: now_ns,
        }
    }

    /// Whether the processor has something to be told or asked.
    pub fn is_open(&self) -> bool {
        matches!(self.state, MovementState::Pending | MovementState::Unknown)
    }

    /// The operation to send, or to ask about.
    pub fn operation(&self) -> Option<Operation> {
        let amount_minor = self.amount_minor;
        Some(match self.kind {
            MovementKind::Refund => Operation::Refund { authorisation: self.authorisation_key?, amount_minor },
            // Stands for the token that the processor gave when the driver's bank account was registered.
            MovementKind::Payout => Operation::PayOut { account_token: self.owner.cast_unsigned(), amount_minor },
        })
    }

    /// Leaves the movement to the caller until `until_ns`; false if it is over, or if somebody has it.
    pub fn claim(&mut self, until_ns: i64, now_ns: i64) -> bool {
        let free = self.is_open() && self.claimed_until_ns <= now_ns;
        if free {
            self.claimed_until_ns = until_ns;
            self.updated_at_ns = now_ns;
        }
        free
    }

    /// The processor did not answer in time.
    pub fn timed_out(&mut self, now_ns: i64) -> Result<(), MovementError> {
        self.step(MovementState::Unknown, now_ns)
    }

    /// The processor decided, or was asked and told what it had decided.
    pub fn decided(&mut self, outcome: Outcome, now_ns: i64) -> Result<(), MovementError> {
        self.step(if outcome == Outcome::Approved { MovementState::Done } else { MovementState::Refused }, now_ns)
    }

    /// The processor was asked and never saw the operation, which its query has burnt: it is sent under another key.
    pub fn never_happened(&mut self, now_ns: i64) -> Result<(), MovementError> {
        self.step(MovementState::Pending, now_ns)?;
        self.pending_key = operation_key((self.kind, self.owner, self.number), now_ns);
        Ok(())
    }

    fn step(&mut self, to: MovementState, now_ns: i64) -> Result<(), MovementError> {
        if !self.is_open() {
            return Err(MovementError::NotInState { state: self.state });
        }
        self.state = to;
        self.updated_at_ns = now_ns;
        Ok(())
    }

    /// What a movement that has ended means for the books. `trip` is that of a refund.
    pub fn journal(&self, trip: Option<&Trip>, at_ns: i64) -> Vec<JournalEntry> {
        let currency = self.currency;
        match (self.kind, self.state, trip) {
            (MovementKind::Refund, MovementState::Done, Some(trip)) => {
                let context = JournalContext { trip: trip.id, rider: trip.rider_id, currency, at_ns };
                let driver = trip.driver_id.unwrap_or(DriverId(0));
                ledger::refund(context, self.number, driver, self.back())
            }
            (MovementKind::Payout, MovementState::Done, _) => self.payout_journal(JournalKind::PayoutMade, at_ns),
            (MovementKind::Payout, MovementState::Refused, _) => {
                self.payout_journal(JournalKind::PayoutReturned, at_ns)
            }
            _ => Vec::new(),
        }
    }

    /// The entries of one step of a payout.
    pub fn payout_journal(&self, kind: JournalKind, at_ns: i64) -> Vec<JournalEntry> {
        ledger::payout((DriverId(self.owner), self.number), kind, self.amount_minor, self.currency, at_ns)
    }

    fn back(&self) -> Fare {
        Fare {
            charge_minor: self.amount_minor,
            driver_pay_minor: self.driver_pay_minor,
            commission_minor: self.commission_minor,
            tax_minor: self.tax_minor,
            tolls_minor: self.tolls_minor,
        }
    }
}

/// The trip that a refund is of.
pub fn refunded_trip(movement: &Movement) -> Option<TripId> {
    (movement.kind == MovementKind::Refund).then_some(TripId(movement.owner))
}

/// The first bit tells movements from the operations of payments, whose first bit is that of a trip's number and so is zero.
fn operation_key((kind, owner, number): (MovementKind, i64, i64), now_ns: i64) -> IdempotencyKey {
    let time = u128::from(now_ns.cast_unsigned() & 0x00ff_ffff_ffff_ffff);
    let place = u128::from(super::idempotency::request_hash(&(kind, owner, number)).cast_unsigned());
    IdempotencyKey(1 << 127 | place >> 1 << 64 | u128::from(kind as u8) << 56 | time)
}

#[cfg(test)]
mod tests {
    use ports::processor::Decline;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::RiderId;
    use crate::domain::trip::tests::quoted;

    fn captured(amount_minor: i64) -> Payment {
        let mut payment = Payment::new(TripId(1), RiderId(2), Currency::Usd, 0);
        payment.begin_authorisation(amount_minor, 1).unwrap();
        payment.decided(Outcome::Approved, 2).unwrap();
        payment.begin_capture(amount_minor, 3).unwrap();
        payment.decided(Outcome::Approved, 4).unwrap();
        payment
    }

    fn by_commission(amount_minor: i64) -> Fare {
        let (charge_minor, commission_minor) = (amount_minor, amount_minor);
        Fare { charge_minor, driver_pay_minor: 0, commission_minor, tax_minor: 0, tolls_minor: 0 }
    }

    #[test]
    fn an_unknown_movement_keeps_its_key_until_it_is_known() {
        let mut payout = Movement::payout((DriverId(4), 1), 10, Currency::Usd, 5);
        let key = payout.pending_key;
        payout.timed_out(6).unwrap();
        assert_eq!((payout.state, payout.pending_key), (MovementState::Unknown, key));
        payout.never_happened(7).unwrap();
        assert_eq!(payout.state, MovementState::Pending);
        assert_ne!(payout.pending_key, key, "a burnt key is not used again");
        payout.decided(Outcome::Declined(Decline::Card), 8).unwrap();
        assert_eq!(payout.timed_out(9), Err(MovementError::NotInState { state: MovementState::Refused }));
    }

    #[test]
    fn a_movement_is_left_to_one_at_a_time() {
        let mut payout = Movement::payout((DriverId(4), 1), 10, Currency::Usd, 5);
        assert!(payout.claim(20, 5) && !payout.claim(30, 19) && payout.claim(30, 20));
        payout.decided(Outcome::Approved, 21).unwrap();
        assert!(!payout.claim(50, 40));
    }

    proptest! {
        #[test]
        fn refunds_never_exceed_the_capture(amounts in prop::collection::vec(-5..60i64, 0..12)) {
            let (trip, mut payment) = (quoted(), captured(100));
            let mut promised = 0;
            for (number, amount_minor) in (1..).zip(amounts) {
                if let Ok(refund) = Movement::refund((&trip, &mut payment), number, by_commission(amount_minor), 9) {
                    promised += refund.amount_minor;
                    prop_assert!(refund.amount_minor > 0);
                }
                prop_assert_eq!(payment.refunded_minor, promised);
                prop_assert!(promised <= payment.captured_minor);
            }
        }
    }
}
