//! A trip's payment: what the card was asked for, what was taken, and what nobody knows yet.
//!
//! An operation is written down before the processor is asked, so that whoever finds the payment after a crash knows what to ask
//! about. A time-out makes it unknown; only an answer under the same key ends that.

use ports::IdempotencyKey;
use ports::processor::{Operation, Outcome};

use super::ids::{RiderId, TripId};
use super::money::Currency;
use super::schema::Payment;

pub use super::schema::money::PaymentState;

impl PaymentState {
    /// Whether the processor has nothing to decide any more, and nothing of the card is held.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::None | Self::Captured | Self::Voided | Self::Failed)
    }
}

/// Why a payment refused a step. It is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("a payment that is {state:?} cannot take that step")]
    NotInState { state: PaymentState },
    #[error("{asked_minor} is not between 1 and the {authorised_minor} authorised")]
    Amount { asked_minor: i64, authorised_minor: i64 },
}

impl Payment {
    /// A payment of which nothing has been asked yet.
    pub fn new(trip_id: TripId, rider_id: RiderId, currency: Currency, now_ns: i64) -> Self {
        Self {
            trip_id,
            rider_id,
            state: PaymentState::None,
            currency,
            authorised_minor: 0,
            captured_minor: 0,
            refunded_minor: 0,
            pending_minor: None,
            pending_key: None,
            authorisation_key: None,
            claimed_until_ns: now_ns,
            updated_at_ns: now_ns,
        }
    }

    /// Writes down that the amount is about to be authorised.
    pub fn begin_authorisation(&mut self, amount_minor: i64, now_ns: i64) -> Result<(), PaymentError> {
        if amount_minor <= 0 {
            return Err(PaymentError::Amount { asked_minor: amount_minor, authorised_minor: self.authorised_minor });
        }
        self.begin(PaymentState::None, PaymentState::AuthorisationPending, Some(amount_minor), now_ns)
    }

    /// Writes down that the amount is about to be captured.
    pub fn begin_capture(&mut self, amount_minor: i64, now_ns: i64) -> Result<(), PaymentError> {
        if !(1..=self.authorised_minor).contains(&amount_minor) && self.state == PaymentState::Authorised {
            return Err(PaymentError::Amount { asked_minor: amount_minor, authorised_minor: self.authorised_minor });
        }
        self.begin(PaymentState::Authorised, PaymentState::CapturePending, Some(amount_minor), now_ns)
    }

    /// Writes down that the authorisation is about to be voided.
    pub fn begin_void(&mut self, now_ns: i64) -> Result<(), PaymentError> {
        self.begin(PaymentState::Authorised, PaymentState::VoidPending, None, now_ns)
    }

    /// The key and operation to send, or to ask about, while one is under way.
    pub fn operation(&self, card_token: u64) -> Option<(IdempotencyKey, Operation)> {
        use PaymentState::*;
        let key = self.pending_key?;
        let operation = match self.state {
            AuthorisationPending | AuthorisationUnknown => {
                Operation::Authorise { card_token, amount_minor: self.pending_minor? }
            }
            CapturePending | CaptureUnknown => {
                Operation::Capture { authorisation: self.authorisation_key?, amount_minor: self.pending_minor? }
            }
            VoidPending | VoidUnknown => Operation::Void { authorisation: self.authorisation_key? },
            None | Authorised | Captured | Voided | Failed => return Option::None,
        };
        Some((key, operation))
    }

    /// Leaves the operation under way to the caller until `until_ns`; false if there is none, or if somebody has it.
    pub fn claim(&mut self, until_ns: i64, now_ns: i64) -> bool {
        let free = self.pending_key.is_some() && self.claimed_until_ns <= now_ns;
        if free {
            self.claimed_until_ns = until_ns;
            self.updated_at_ns = now_ns;
        }
        free
    }

    /// Whether a time-out left the operation under way in the dark: it is to be asked about and not to be sent.
    pub fn is_unknown(&self) -> bool {
        use PaymentState::{AuthorisationUnknown, CaptureUnknown, VoidUnknown};
        matches!(self.state, AuthorisationUnknown | CaptureUnknown | VoidUnknown)
    }

    /// The processor did not answer in time: from now on it is asked, and nothing is sent again under another key.
    pub fn timed_out(&mut self, now_ns: i64) -> Result<(), PaymentError> {
        self.state = match self.state {
            PaymentState::AuthorisationPending => PaymentState::AuthorisationUnknown,
            PaymentState::CapturePending if runtime::planted::is("capture-under-new-key") => {
                self.pending_key = Some(operation_key(self.trip_id, self.state, now_ns));
                PaymentState::CapturePending
            }
            PaymentState::CapturePending => PaymentState::CaptureUnknown,
            PaymentState::VoidPending => PaymentState::VoidUnknown,
            state => return Err(PaymentError::NotInState { state }),
        };
        self.updated_at_ns = now_ns;
        Ok(())
    }

    /// The processor decided, or was asked and told what it had decided.
    pub fn decided(&mut self, outcome: Outcome, now_ns: i64) -> Result<(), PaymentError> {
        use PaymentState::*;
        let next = match (self.state, outcome) {
            (AuthorisationPending | AuthorisationUnknown, Outcome::Approved) => {
                self.authorised_minor = self.pending_minor.unwrap_or(0);
                self.authorisation_key = self.pending_key;
                Authorised
            }
            (CapturePending | CaptureUnknown, Outcome::Approved) => {
                self.captured_minor = self.pending_minor.unwrap_or(0);
                Captured
            }
            (VoidPending | VoidUnknown, Outcome::Approved) => Voided,
            (state, Outcome::Declined(_)) if self.pending_key.is_some() => {
                assert!(!matches!(state, None | Authorised | Captured | Voided | Failed), "{state:?} has an operation");
                Failed
            }
            (state, _) => return Err(PaymentError::NotInState { state }),
        };
        self.settle(next, now_ns);
        Ok(())
    }

    /// The processor was asked and never saw the operation, which its query has burnt: the payment is back where it was before.
    pub fn never_happened(&mut self, now_ns: i64) -> Result<(), PaymentError> {
        let before = match self.state {
            PaymentState::AuthorisationUnknown => PaymentState::None,
            PaymentState::CaptureUnknown | PaymentState::VoidUnknown => PaymentState::Authorised,
            state => return Err(PaymentError::NotInState { state }),
        };
        self.settle(before, now_ns);
        Ok(())
    }

    fn begin(
        &mut self,
        from: PaymentState,
        to: PaymentState,
        amount_minor: Option<i64>,
        now_ns: i64,
    ) -> Result<(), PaymentError> {
        if self.state != from {
            return Err(PaymentError::NotInState { state: self.state });
        }
        self.state = to;
        self.pending_minor = amount_minor;
        self.pending_key = Some(operation_key(self.trip_id, to, now_ns));
        self.claimed_until_ns = now_ns;
        self.updated_at_ns = now_ns;
        Ok(())
    }

    fn settle(&mut self, state: PaymentState, now_ns: i64) {
        self.state = state;
        self.pending_minor = None;
        self.pending_key = None;
        self.updated_at_ns = now_ns;
    }
}

/// The key of an operation: trip, step and the time at which it was written down. It is stored before it is used, so whoever comes
/// after a crash uses the same one; and a step begun anew after its key was burnt gets another.
fn operation_key(trip: TripId, step: PaymentState, now_ns: i64) -> IdempotencyKey {
    let time = u128::from(now_ns.cast_unsigned() & 0x00ff_ffff_ffff_ffff);
    IdempotencyKey(u128::from(trip.0.cast_unsigned()) << 64 | u128::from(step as u8) << 56 | time)
}

#[cfg(test)]
mod tests {
    use ports::processor::Decline;
    use proptest::prelude::*;

    use super::*;

    fn new() -> Payment {
        Payment::new(TripId(1), RiderId(2), Currency::Usd, 0)
    }

    fn authorised() -> Payment {
        let mut payment = new();
        payment.begin_authorisation(500, 1).unwrap();
        payment.decided(Outcome::Approved, 2).unwrap();
        payment
    }

    #[test]
    fn capture_never_exceeds_what_was_authorised() {
        let mut payment = authorised();
        let refused = payment.begin_capture(501, 3);
        assert_eq!(refused, Err(PaymentError::Amount { asked_minor: 501, authorised_minor: 500 }));
        assert_eq!(payment, authorised());
        payment.begin_capture(500, 3).unwrap();
        payment.decided(Outcome::Approved, 4).unwrap();
        assert_eq!((payment.state, payment.captured_minor), (PaymentState::Captured, 500));
        assert_eq!(payment.begin_capture(1, 5), Err(PaymentError::NotInState { state: PaymentState::Captured }));
    }

    #[test]
    fn an_unknown_operation_keeps_its_key_until_it_is_known() {
        let mut payment = authorised();
        payment.begin_capture(400, 3).unwrap();
        let sent = payment.operation(9);
        payment.timed_out(4).unwrap();
        assert_eq!(payment.operation(9), sent);
        assert!(payment.begin_capture(400, 5).is_err() && payment.begin_void(5).is_err());
        payment.never_happened(6).unwrap();
        payment.begin_capture(400, 7).unwrap();
        assert_ne!(payment.operation(9).unwrap().0, sent.unwrap().0, "a burnt key is not used again");
    }

    #[test]
    fn a_declined_card_fails_the_payment() {
        let mut payment = new();
        payment.begin_authorisation(500, 1).unwrap();
        payment.timed_out(2).unwrap();
        payment.decided(Outcome::Declined(Decline::Card), 3).unwrap();
        assert_eq!((payment.state, payment.authorised_minor, payment.pending_key), (PaymentState::Failed, 0, None));
    }

    #[test]
    fn an_operation_is_left_to_one_at_a_time() {
        let mut payment = new();
        assert!(!payment.claim(10, 0), "nothing is under way");
        payment.begin_authorisation(500, 1).unwrap();
        assert!(payment.claim(10, 1));
        assert!(!payment.claim(20, 9));
        assert!(payment.claim(20, 10), "whoever had it is gone");
        payment.decided(Outcome::Approved, 11).unwrap();
        payment.begin_void(12).unwrap();
        assert!(payment.claim(30, 12), "the next operation is free at once");
    }

    proptest! {
        #[test]
        fn whatever_happens_captures_stay_within_authorisations(steps in prop::collection::vec((0..7u8, 0..1_000i64), 1..60)) {
            let mut payment = new();
            for (now_ns, (step, amount_minor)) in (1..).zip(steps) {
                let before = payment.clone();
                let result = match step {
                    0 => payment.begin_authorisation(amount_minor, now_ns),
                    1 => payment.begin_capture(amount_minor, now_ns),
                    2 => payment.begin_void(now_ns),
                    3 => payment.timed_out(now_ns),
                    4 => payment.decided(Outcome::Approved, now_ns),
                    5 => payment.decided(Outcome::Declined(Decline::Card), now_ns),
                    _ => payment.never_happened(now_ns),
                };
                prop_assert!(result.is_ok() || payment == before);
                prop_assert!(payment.captured_minor <= payment.authorised_minor);
                prop_assert!(before.captured_minor == 0 || payment == before, "a captured payment does not change");
                prop_assert_eq!(payment.operation(1).is_some(), payment.pending_key.is_some());
            }
        }
    }
}
