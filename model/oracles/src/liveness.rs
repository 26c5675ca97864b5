//! Liveness: once nothing is broken, whatever waits comes to its end in bounded time. Judged when the run ends, of what is still pending then.
//!
//! Each kind of thing that waits has one oracle, and the one nearest to the cause speaks: a trip that hangs on a live offer, or on a payment, is
//! theirs to report.

use std::time::Duration;

use platform::domain::driver::DriverState;
use platform::domain::ids::TripId;
use platform::domain::offer::OfferStatus;
use platform::domain::payment::PaymentState;
use platform::domain::schema::Trip;
use platform::domain::trip::State;
use platform::services::Config;

use crate::oracle::{End, Oracle, Tally};
use crate::rules::Rules;
use crate::view::{Dossier, View};

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    let settings = &rules.settings;
    let mut oracles: Vec<Box<dyn Oracle>> = vec![
        Box::new(OffersResolved),
        Box::new(PaymentsResolved),
        Box::new(DriversFreed),
        Box::new(NobodyStarves { search_max_ns: nanos(settings.match_timeout) }),
        Box::new(RequestsEnd::new(settings)),
        Box::new(LateReportsReconciled),
    ];
    // Where nobody publishes, events are kept for a while and go.
    if settings.retention.unpublished_events.is_none() {
        oracles.push(Box::new(OutboxDrained));
    }
    oracles
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

fn trips(view: &View) -> impl Iterator<Item = (&Trip, &Dossier)> {
    view.dossiers().filter_map(|(_, dossier)| Some((dossier.trip.as_ref()?, dossier)))
}

fn has_live_offer(dossier: &Dossier) -> bool {
    dossier.offers.iter().any(|offer| offer.status == OfferStatus::Live)
}

/// Every offer is answered, lapses or is withdrawn.
struct OffersResolved;

impl Oracle for OffersResolved {
    fn name(&self) -> &'static str {
        "offers-resolved"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, an offer is resolved soon after it expires"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for offer in view.dossiers().flat_map(|(_, dossier)| &dossier.offers) {
            let pending = offer.status == OfferStatus::Live && end.is_overdue(offer.expires_at_ns);
            tally.check(end.at, !pending, || {
                let (trip, driver) = (offer.trip_id, offer.driver_id);
                format!("the offer of trip {trip} to driver {driver} expired at {} ns and is live", offer.expires_at_ns)
            });
        }
    }
}

/// Whatever the processor was asked to do is known to be done or not.
struct PaymentsResolved;

impl Oracle for PaymentsResolved {
    fn name(&self) -> &'static str {
        "unknown-payments-resolved"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, what became of each payment, refund and payout is found out"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for payment in view.dossiers().filter_map(|(_, dossier)| dossier.payment.as_ref()) {
            let pending = payment.pending_key.is_some() && end.is_overdue(payment.updated_at_ns);
            tally.check(end.at, !pending, || {
                let (trip, state) = (payment.trip_id, payment.state);
                format!("the payment of trip {trip} is {state:?} since {} ns", payment.updated_at_ns)
            });
        }
        for movement in view.open_movements() {
            tally.check(end.at, !end.is_overdue(movement.updated_at_ns), || {
                let (kind, owner, state) = (movement.kind, movement.owner, movement.state);
                format!("{kind:?} {} of {owner} is {state:?} since {} ns", movement.number, movement.updated_at_ns)
            });
        }
    }
}

/// Nobody is kept by a lease that has ended.
struct DriversFreed;

impl Oracle for DriversFreed {
    fn name(&self) -> &'static str {
        "orphaned-drivers-freed"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, a driver without a trip is idle or off duty soon after the lease ends"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for driver in view.drivers() {
            let asked = driver.state == DriverState::Offered && view.live_offers_of(driver.id).is_empty();
            let lease_ns = driver.lease_expires_at_ns.unwrap_or(driver.updated_at_ns);
            tally.check(end.at, !(asked && end.is_overdue(lease_ns)), || {
                let trip = driver.trip_id;
                format!(
                    "driver {} is kept for trip {trip:?}, of which no offer is live, since {lease_ns} ns",
                    driver.id
                )
            });
        }
    }
}

/// Whoever wants a ride gets a driver, or is told that there is none.
struct NobodyStarves {
    search_max_ns: i64,
}

impl Oracle for NobodyStarves {
    fn name(&self) -> &'static str {
        "no-rider-starves"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, no search for a driver outlasts its time"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for (trip, dossier) in trips(view) {
            let searching = matches!(trip.state, State::Requested | State::Matching | State::Offered);
            let since_ns = trip.searching_since_ns.unwrap_or(trip.requested_at_ns);
            let pending = searching && !has_live_offer(dossier) && end.is_overdue(since_ns + self.search_max_ns);
            tally.check(end.at, !pending, || {
                format!("rider {} of trip {} waits for a driver since {since_ns} ns", trip.rider_id, trip.id)
            });
        }
    }
}

/// Whoever has a driver gets to the end of the trip.
struct RequestsEnd {
    pickup_max_ns: i64,
    ride_max_ns: i64,
    ride_max_times: i64,
}

impl RequestsEnd {
    fn new(settings: &Config) -> Self {
        Self {
            pickup_max_ns: nanos(settings.pickup_max.max(settings.no_show_wait)),
            ride_max_ns: nanos(settings.stuck_after),
            ride_max_times: settings.stuck_times.into(),
        }
    }

    /// By when the next step is due; none if the trip is not at a step that this oracle judges.
    fn due_ns(&self, trip: &Trip, dossier: &Dossier) -> Option<i64> {
        use State::{Accepted, Arrived, Completed, EnRoutePickup, InProgress, PaymentFailed, PaymentPending};
        let expected_ns = i64::from(trip.estimated_duration_s) * 1_000_000_000;
        let step_max_ns = match trip.state {
            Accepted | EnRoutePickup | Arrived => self.pickup_max_ns,
            InProgress => self.ride_max_ns.max(expected_ns * self.ride_max_times),
            Completed | PaymentPending | PaymentFailed
                if dossier.payment.as_ref().is_none_or(|payment| payment.pending_key.is_none()) =>
            {
                0
            }
            _ => return None,
        };
        Some(trip.updated_at_ns + step_max_ns)
    }
}

impl Oracle for RequestsEnd {
    fn name(&self) -> &'static str {
        "requests-end"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, a trip that has a driver comes to its end within the time of a pickup, a ride and a payment"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for (trip, dossier) in trips(view) {
            let due_ns = self.due_ns(trip, dossier);
            tally.check(end.at, !due_ns.is_some_and(|due_ns| end.is_overdue(due_ns)), || {
                format!("trip {} is {:?} since {} ns", trip.id, trip.state, trip.updated_at_ns)
            });
        }
    }
}

/// What a phone told late of a drive that was presumed over is made good.
struct LateReportsReconciled;

impl Oracle for LateReportsReconciled {
    fn name(&self) -> &'static str {
        "late-reports-reconciled"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, what a trip finished out of reach took too much is on its way back to the rider"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        for (id, dossier) in view.dossiers() {
            let (Some(report), Some(payment)) = (&dossier.late_report, &dossier.payment) else { continue };
            let owed = report.overcharge_minor > 0 && payment.state == PaymentState::Captured;
            let given = payment.refunded_minor > 0;
            let due_ns = report.at_ns.max(payment.updated_at_ns);
            tally.check(end.at, !(owed && !given && end.is_overdue(due_ns)), || {
                format!("trip {id} took {} too much, as its phone told at {} ns", report.overcharge_minor, report.at_ns)
            });
        }
    }
}

/// Where a relay publishes, everything is published.
struct OutboxDrained;

impl Oracle for OutboxDrained {
    fn name(&self) -> &'static str {
        "outbox-drained"
    }

    fn statement(&self) -> &'static str {
        "once all is healed, every event is published"
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        let overdue = view.unpublished().find(|(_, at_ns)| end.is_overdue(**at_ns));
        let oldest: Option<(TripId, i64)> = overdue.map(|(place, _)| *place);
        tally.check(end.at, oldest.is_none(), || {
            let waiting = view.unpublished().count();
            format!("{waiting} events wait to be published, such as {oldest:?} as trip and sequence")
        });
    }
}
