//! What a trip means for its payment: what to ask the card for next, and what an answer does to the trip.

use super::payment::{PaymentError, PaymentState};
use super::schema::{Payment, Trip};
use super::trip::{Event, State};

/// Writes down the payment's next operation, if the trip as it stands calls for one and none is under way; whether it did.
///
/// A fare or a fee is captured, and whatever else ends a trip lets go of what was authorised. A trip that is still going on calls for
/// nothing. Nor does one whose card was never asked: a fee is not worth asking a card for after the fact.
pub fn begin_next(payment: &mut Payment, trip: &Trip, now_ns: i64) -> Result<bool, PaymentError> {
    let ended = !trip.state.is_active();
    match payment.state {
        PaymentState::Authorised if ended => match trip.owed() {
            Some(owed) if owed.charge_minor > 0 => payment.begin_capture(owed.charge_minor, now_ns)?,
            _ => payment.begin_void(now_ns)?,
        },
        // The card was not asked in time, and the rider has been driven all the same.
        PaymentState::None if trip.state == State::PaymentPending => match trip.owed() {
            Some(owed) if owed.charge_minor > 0 => payment.begin_authorisation(owed.charge_minor, now_ns)?,
            _ => return Ok(false),
        },
        _ => return Ok(false),
    }
    Ok(true)
}

/// What the payment as it stands does to its trip, in order: a trip that waits for its payment waits no longer once that is decided, and a
/// trip whose card was declined does not begin.
pub fn consequences(payment: &Payment, trip: &Trip) -> &'static [Event] {
    let free = trip.owed().is_some_and(|owed| owed.charge_minor == 0);
    match (trip.state, payment.state) {
        (State::PaymentPending, PaymentState::Captured) => &[Event::PaymentCaptured],
        (State::PaymentPending, PaymentState::CaptureUnknown) if runtime::planted::is("unknown-taken-for-paid") => {
            &[Event::PaymentCaptured]
        }
        (State::PaymentPending, _) if free => &[Event::PaymentCaptured],
        (State::PaymentPending, PaymentState::Failed) => &[Event::PaymentFailed, Event::WrittenToArrears],
        (
            State::Requested
            | State::Matching
            | State::Offered
            | State::Accepted
            | State::EnRoutePickup
            | State::Arrived,
            PaymentState::Failed,
        ) => &[Event::SystemCancelled],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use ports::processor::{Decline, Outcome};

    use super::*;
    use crate::domain::fare::FareSchedule;
    use crate::domain::money::Currency;
    use crate::domain::trip::tests::quoted;

    fn trip(state: State, charged: bool) -> Trip {
        let mut trip = Trip { state, ..quoted() };
        if charged {
            trip.charge(FareSchedule::NEW_YORK.cancellation_fee(10_000));
        }
        trip
    }

    fn payment(approved: bool) -> Payment {
        let trip = quoted();
        let mut payment = Payment::new(trip.id, trip.rider_id, Currency::Usd, 0);
        payment.begin_authorisation(10_000, 1).unwrap();
        let outcome = if approved { Outcome::Approved } else { Outcome::Declined(Decline::Card) };
        payment.decided(outcome, 2).unwrap();
        payment
    }

    #[test]
    fn a_trip_that_ends_captures_what_is_owed_and_lets_go_of_the_rest() {
        let cases = [
            (trip(State::InProgress, false), PaymentState::Authorised),
            (trip(State::PaymentPending, true), PaymentState::CapturePending),
            (trip(State::NoShow, true), PaymentState::CapturePending),
            (trip(State::CancelledByRider, false), PaymentState::VoidPending),
            (trip(State::NoDriversFound, false), PaymentState::VoidPending),
        ];
        for (trip, expected) in cases {
            let mut payment = payment(true);
            assert_eq!(begin_next(&mut payment, &trip, 3), Ok(expected != PaymentState::Authorised));
            assert_eq!(payment.state, expected, "{:?}", trip.state);
            assert_eq!(begin_next(&mut payment, &trip, 4), Ok(false), "one operation at a time");
        }
    }

    #[test]
    fn a_card_that_was_never_asked_is_asked_for_a_fare_but_not_for_a_fee() {
        let fresh = Payment::new(quoted().id, quoted().rider_id, Currency::Usd, 0);
        let mut payment = fresh.clone();
        assert_eq!(begin_next(&mut payment, &trip(State::CancelledByRider, true), 3), Ok(false));
        assert_eq!(payment, fresh);
        assert_eq!(begin_next(&mut payment, &trip(State::PaymentPending, true), 3), Ok(true));
        assert_eq!(payment.state, PaymentState::AuthorisationPending);
    }

    #[test]
    fn a_declined_card_ends_a_trip_before_it_begins_and_never_on_the_way() {
        let declined = payment(false);
        for (state, charged, expected) in [
            (State::Matching, false, &[Event::SystemCancelled][..]),
            (State::Arrived, false, &[Event::SystemCancelled]),
            (State::InProgress, false, &[]),
            (State::PaymentPending, true, &[Event::PaymentFailed, Event::WrittenToArrears]),
            (State::NoShow, true, &[]),
        ] {
            assert_eq!(consequences(&declined, &trip(state, charged)), expected, "{state:?}");
        }
    }
}
