//! When a row may go: only what can change no more, and nobody asks about, is ever deleted.
//!
//! A trip goes whole, with its log, offers, payment, refunds, journals and late report, in one transaction: there is never a part of one.
//! Balances stay for ever, and what of them was entries of the trip is carried forward.

use std::time::Duration;

use super::schema::{IdempotencyRecord, Movement, OutboxEntry, Payment, Quote, Trip};

/// For how long rows are kept once they are over. What goes is taken to be in an archive, which is not modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of a quote, after it expired (assumption: longer than any request on it can still be under way).
    pub quotes: Duration,
    /// Of an idempotency key, after its first use. Card processors: 24 hours (Stripe API documentation, 2023).
    pub keys: Duration,
    /// Of a trip, after its last change. Until then drivers may report late, and refunds may be asked for (assumption).
    pub trips: Duration,
    /// Of an event, after it was published (assumption: long enough for whoever looks into what was).
    pub published_events: Duration,
    /// Of an event that nobody publishes: none where a relay does, and then such an event is never deleted.
    pub unpublished_events: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            quotes: Duration::from_secs(10 * 60),
            keys: Duration::from_secs(24 * 3_600),
            trips: Duration::from_secs(3_600),
            published_events: Duration::from_secs(60),
            unpublished_events: Some(Duration::from_secs(10 * 60)),
        }
    }
}

impl Retention {
    /// Whether the quote may go.
    pub fn is_over_quote(&self, quote: &Quote, now_ns: i64) -> bool {
        is_past(quote.expires_at_ns, self.quotes, now_ns)
    }

    /// Whether the event may go.
    pub fn is_over_event(&self, entry: &OutboxEntry, now_ns: i64) -> bool {
        match (entry.published_at_ns, self.unpublished_events) {
            (Some(published_at_ns), _) => is_past(published_at_ns, self.published_events, now_ns),
            (None, Some(unpublished_events)) => is_past(entry.at_ns, unpublished_events, now_ns),
            (None, None) => false,
        }
    }

    /// Whether the trip has been over for long enough, as far as its own row tells.
    pub fn is_over_trip(&self, trip: &Trip, now_ns: i64) -> bool {
        trip.state.is_terminal() && is_past(trip.updated_at_ns, self.trips, now_ns)
    }

    /// Whether a trip that is over may go as far as its money is concerned, which is all that may still move.
    pub fn is_over_money(&self, payment: Option<&Payment>, refunds: &[Movement], now_ns: i64) -> bool {
        let paid = payment
            .is_none_or(|payment| payment.state.is_at_rest() && is_past(payment.updated_at_ns, self.trips, now_ns));
        paid && refunds.iter().all(|refund| !refund.is_open())
    }
}

/// Whether the key may go: whoever comes with it now is as good as new.
pub fn is_over_key(record: &IdempotencyRecord, now_ns: i64) -> bool {
    now_ns >= record.expires_at_ns
}

/// Whether so much time has passed since.
pub fn is_past(at_ns: i64, retention: Duration, now_ns: i64) -> bool {
    now_ns >= end_ns(at_ns, retention)
}

/// When so much time will have passed since.
pub fn end_ns(at_ns: i64, retention: Duration) -> i64 {
    at_ns.saturating_add(i64::try_from(retention.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RiderId, TripId};
    use crate::domain::money::Currency;
    use crate::domain::payment::PaymentState;
    use crate::domain::trip::State;
    use crate::domain::trip::tests::quoted;

    #[test]
    fn only_a_trip_that_is_over_goes_and_not_before_its_money_is_at_rest() {
        let retention = Retention::default();
        let later_ns = 3_600 * 1_000_000_000;
        for &state in State::ALL {
            let trip = Trip { state, ..quoted() };
            assert!(!retention.is_over_trip(&trip, later_ns - 1));
            assert_eq!(retention.is_over_trip(&trip, later_ns), state.is_terminal(), "{state:?}");
        }
        for &state in PaymentState::ALL {
            let payment = Payment { state, ..Payment::new(TripId(1), RiderId(1), Currency::Usd, 0) };
            let over = retention.is_over_money(Some(&payment), &[], later_ns);
            let at_rest = matches!(
                state,
                PaymentState::None | PaymentState::Captured | PaymentState::Voided | PaymentState::Failed
            );
            assert_eq!(over, at_rest, "{state:?}");
        }
    }

    #[test]
    fn where_a_relay_publishes_an_unpublished_event_never_goes() {
        let entry =
            OutboxEntry { trip_id: TripId(1), sequence: 1, payload: Vec::new(), at_ns: 0, published_at_ns: None };
        let relayed = Retention { unpublished_events: None, ..Retention::default() };
        assert!(!relayed.is_over_event(&entry, i64::MAX));
        assert!(Retention::default().is_over_event(&entry, i64::MAX));
        let published = OutboxEntry { published_at_ns: Some(5), ..entry };
        assert!(relayed.is_over_event(&published, 5 + 60_000_000_000));
        assert!(!relayed.is_over_event(&published, 4 + 60_000_000_000));
    }
}
