//! A trip's life: its states, the transitions between them as a table, and the one way to take one.

use super::fare::{Fare, FareSchedule};
use super::ids::{DriverId, TripId};
use super::place::Coordinate;
use super::schema::{LateReport, Quote, Trip, TripLogEntry};
use super::surge::NO_SURGE_PER_MILLE;

pub use super::fare::Drive;
pub use super::schema::dispatch::{Ending, EventKind, State};

/// Every transition there is. What is not listed is refused.
pub const TRANSITIONS: &[(State, EventKind, State)] = {
    use EventKind as Event;
    use State::{
        Accepted, Arrears, Arrived, CancelledByDriver, CancelledByRider, CancelledBySystem, Completed, EnRoutePickup,
        InProgress, Matching, NoDriversFound, NoShow, Offered, PaymentFailed, PaymentPending, QuoteExpired, Quoted,
        Requested, Settled,
    };
    &[
        (Quoted, Event::Requested, Requested),
        (Quoted, Event::QuoteLapsed, QuoteExpired),
        (Requested, Event::MatchingBegan, Matching),
        (Matching, Event::OfferMade, Offered),
        (Offered, Event::OfferRefused, Matching),
        (Offered, Event::OfferAccepted, Accepted),
        (Accepted, Event::DriverDeparted, EnRoutePickup),
        (EnRoutePickup, Event::DriverArrived, Arrived),
        (Arrived, Event::PickedUp, InProgress),
        (InProgress, Event::DroppedOff, Completed),
        (Completed, Event::PaymentBegan, PaymentPending),
        (PaymentPending, Event::PaymentCaptured, Settled),
        (PaymentPending, Event::PaymentFailed, PaymentFailed),
        (PaymentFailed, Event::WrittenToArrears, Arrears),
        (Accepted, Event::Reassigned, Matching),
        (EnRoutePickup, Event::Reassigned, Matching),
        (Arrived, Event::Reassigned, Matching),
        (Requested, Event::RiderCancelled, CancelledByRider),
        (Matching, Event::RiderCancelled, CancelledByRider),
        (Offered, Event::RiderCancelled, CancelledByRider),
        (Accepted, Event::RiderCancelled, CancelledByRider),
        (EnRoutePickup, Event::RiderCancelled, CancelledByRider),
        (Arrived, Event::RiderCancelled, CancelledByRider),
        (Accepted, Event::DriverCancelled, CancelledByDriver),
        (EnRoutePickup, Event::DriverCancelled, CancelledByDriver),
        (Arrived, Event::DriverCancelled, CancelledByDriver),
        (Requested, Event::SystemCancelled, CancelledBySystem),
        (Matching, Event::SystemCancelled, CancelledBySystem),
        (Offered, Event::SystemCancelled, CancelledBySystem),
        (Accepted, Event::SystemCancelled, CancelledBySystem),
        (EnRoutePickup, Event::SystemCancelled, CancelledBySystem),
        (Arrived, Event::SystemCancelled, CancelledBySystem),
        (Requested, Event::SearchEnded, NoDriversFound),
        (Matching, Event::SearchEnded, NoDriversFound),
        (Arrived, Event::RiderDidNotShow, NoShow),
    ]
};

impl State {
    /// Where the event leads from here, if anywhere.
    pub fn after(self, event: EventKind) -> Option<Self> {
        TRANSITIONS.iter().find(|(before, on, _)| *before == self && *on == event).map(|(_, _, after)| *after)
    }

    /// Whether nothing can happen any more.
    pub fn is_terminal(self) -> bool {
        TRANSITIONS.iter().all(|(before, _, _)| *before != self)
    }

    /// Whether the rider is waiting or riding: a rider has at most one such trip.
    pub fn is_active(self) -> bool {
        self.has_driver() || matches!(self, Self::Requested | Self::Matching | Self::Offered)
    }

    /// Whether a driver is bound to the trip: a driver has at most one such trip.
    pub fn has_driver(self) -> bool {
        matches!(self, Self::Accepted | Self::EnRoutePickup | Self::Arrived | Self::InProgress)
    }
}

/// A driver's claim to a trip. Only the newest is heard: a phone that was away may hold an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Assignment {
    pub driver: DriverId,
    pub epoch: i64,
}

/// What happened to a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Requested,
    QuoteLapsed,
    MatchingBegan,
    OfferMade {
        driver: DriverId,
    },
    OfferRefused {
        driver: DriverId,
    },
    OfferAccepted {
        driver: DriverId,
    },
    DriverDeparted(Assignment),
    DriverArrived(Assignment),
    PickedUp(Assignment),
    DroppedOff {
        assignment: Assignment,
        drive: Drive,
        fare: Fare,
    },
    /// As a drop-off, but elsewhere: the rider wanted to get out.
    LeftEarly {
        assignment: Assignment,
        drive: Drive,
        fare: Fare,
    },
    /// As a drop-off, raised by the platform on behalf of a driver who was never heard of again.
    PresumedDriven {
        assignment: Assignment,
        drive: Drive,
        fare: Fare,
    },
    PaymentBegan,
    PaymentCaptured,
    PaymentFailed,
    WrittenToArrears,
    /// Raised by the driver, or by the platform on behalf of a driver who was lost.
    Reassigned(Assignment),
    RiderCancelled,
    DriverCancelled(Assignment),
    SystemCancelled,
    SearchEnded,
    RiderDidNotShow(Assignment),
}

impl Event {
    /// The event without its particulars.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Requested => EventKind::Requested,
            Self::QuoteLapsed => EventKind::QuoteLapsed,
            Self::MatchingBegan => EventKind::MatchingBegan,
            Self::OfferMade { .. } => EventKind::OfferMade,
            Self::OfferRefused { .. } => EventKind::OfferRefused,
            Self::OfferAccepted { .. } => EventKind::OfferAccepted,
            Self::DriverDeparted(_) => EventKind::DriverDeparted,
            Self::DriverArrived(_) => EventKind::DriverArrived,
            Self::PickedUp(_) => EventKind::PickedUp,
            Self::DroppedOff { .. } | Self::LeftEarly { .. } | Self::PresumedDriven { .. } => EventKind::DroppedOff,
            Self::PaymentBegan => EventKind::PaymentBegan,
            Self::PaymentCaptured => EventKind::PaymentCaptured,
            Self::PaymentFailed => EventKind::PaymentFailed,
            Self::WrittenToArrears => EventKind::WrittenToArrears,
            Self::Reassigned(_) => EventKind::Reassigned,
            Self::RiderCancelled => EventKind::RiderCancelled,
            Self::DriverCancelled(_) => EventKind::DriverCancelled,
            Self::SystemCancelled => EventKind::SystemCancelled,
            Self::SearchEnded => EventKind::SearchEnded,
            Self::RiderDidNotShow(_) => EventKind::RiderDidNotShow,
        }
    }

    /// Whoever raised the event as the trip's driver.
    fn assignment(&self) -> Option<Assignment> {
        match self {
            Self::DriverDeparted(by)
            | Self::DriverArrived(by)
            | Self::PickedUp(by)
            | Self::DroppedOff { assignment: by, .. }
            | Self::LeftEarly { assignment: by, .. }
            | Self::PresumedDriven { assignment: by, .. }
            | Self::Reassigned(by)
            | Self::DriverCancelled(by)
            | Self::RiderDidNotShow(by) => Some(*by),
            _ => None,
        }
    }
}

/// Why an event was refused. The trip is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    #[error("{event:?} cannot happen to a trip that is {state:?}")]
    NotListed { state: State, event: EventKind },
    #[error("the trip was offered to driver {offered:?}, not to {driver}")]
    NotOffered { driver: DriverId, offered: Option<DriverId> },
    #[error("driver {} holds epoch {} of the trip, which is at epoch {current}", stale.driver, stale.epoch)]
    Stale { stale: Assignment, current: i64 },
}

impl Trip {
    /// The trip of a quote, before anything has happened to it. A quote is used once, so its trip has its number.
    pub fn quoted(quote: &Quote, now_ns: i64) -> Self {
        Self {
            id: TripId(quote.id.0),
            rider_id: quote.rider_id,
            active_rider_id: None,
            quote_id: quote.id,
            state: State::Quoted,
            version: 0,
            attempt: 0,
            epoch: 0,
            offered_driver_id: None,
            driver_id: None,
            active_driver_id: None,
            pickup_latitude_microdegrees: quote.pickup_latitude_microdegrees,
            pickup_longitude_microdegrees: quote.pickup_longitude_microdegrees,
            dropoff_latitude_microdegrees: quote.dropoff_latitude_microdegrees,
            dropoff_longitude_microdegrees: quote.dropoff_longitude_microdegrees,
            multiplier_per_mille: quote.multiplier_per_mille,
            quoted_tolls_minor: quote.tolls_minor,
            ceiling_minor: quote.ceiling_minor,
            estimated_distance_m: quote.estimated_distance_m,
            estimated_duration_s: quote.estimated_duration_s,
            free_flow_duration_s: quote.free_flow_duration_s,
            vehicle_class: quote.vehicle_class,
            requested_at_ns: now_ns,
            searching_since_ns: None,
            updated_at_ns: now_ns,
            picked_up_at_ns: None,
            dropped_off_at_ns: None,
            ending: None,
            distance_m: None,
            duration_s: None,
            charge_minor: None,
            driver_pay_minor: None,
            commission_minor: None,
            tax_minor: None,
            tolls_minor: None,
        }
    }

    pub fn pickup(&self) -> Coordinate {
        Coordinate {
            latitude_microdegrees: self.pickup_latitude_microdegrees,
            longitude_microdegrees: self.pickup_longitude_microdegrees,
        }
    }

    pub fn dropoff(&self) -> Coordinate {
        Coordinate {
            latitude_microdegrees: self.dropoff_latitude_microdegrees,
            longitude_microdegrees: self.dropoff_longitude_microdegrees,
        }
    }

    /// What the rider owes: the fare, or the fee for cancelling late or not coming. None while that is open, and where nothing is owed.
    pub fn owed(&self) -> Option<Fare> {
        Some(Fare {
            charge_minor: self.charge_minor?,
            driver_pay_minor: self.driver_pay_minor?,
            commission_minor: self.commission_minor?,
            tax_minor: self.tax_minor?,
            tolls_minor: self.tolls_minor?,
        })
    }

    /// What a drive costs under the trip's quote.
    pub fn fare(&self, schedule: &FareSchedule, drive: Drive) -> Fare {
        let surge =
            if runtime::planted::is("fare-without-surge") { NO_SURGE_PER_MILLE } else { self.multiplier_per_mille };
        schedule.fare(drive, self.quoted_tolls_minor, surge, self.ceiling_minor)
    }

    /// Writes down what the rider owes.
    pub fn charge(&mut self, fare: Fare) {
        assert!(fare.adds_up(), "{fare:?}");
        self.charge_minor = Some(fare.charge_minor);
        self.driver_pay_minor = Some(fare.driver_pay_minor);
        self.commission_minor = Some(fare.commission_minor);
        self.tax_minor = Some(fare.tax_minor);
        self.tolls_minor = Some(fare.tolls_minor);
    }

    /// Takes one transition at `now_ns` and returns the entry for the trip's log.
    ///
    /// Both the changed trip and the entry must be written in one transaction, with the trip's row locked before it was read.
    pub fn apply(&mut self, event: Event, now_ns: i64) -> Result<TripLogEntry, IllegalTransition> {
        let (before, kind) = (self.state, event.kind());
        let after = before.after(kind).ok_or(IllegalTransition::NotListed { state: before, event: kind })?;
        self.check_driver(&event)?;
        // The clock of whoever took the last step may be ahead of this host's: a trip's time never goes back.
        let now_ns = now_ns.max(self.updated_at_ns);

        let about = event.assignment().map(|by| by.driver).or(match event {
            Event::OfferMade { driver } | Event::OfferRefused { driver } | Event::OfferAccepted { driver } => {
                Some(driver)
            }
            _ => None,
        });
        self.state = after;
        self.version += 1;
        self.updated_at_ns = now_ns;
        self.keep_particulars(&event, now_ns);
        self.offered_driver_id = if after == State::Offered { about } else { None };
        self.active_rider_id = after.is_active().then_some(self.rider_id);
        self.active_driver_id = if after.has_driver() { self.driver_id } else { None };
        assert_eq!(after.has_driver(), self.active_driver_id.is_some(), "a trip that is {after:?} lost its driver");
        Ok(TripLogEntry {
            trip_id: self.id,
            version: self.version,
            before,
            event: kind,
            after,
            attempt: self.attempt,
            epoch: self.epoch,
            driver_id: about,
            at_ns: now_ns,
            distance_m: if kind == EventKind::DroppedOff { self.distance_m } else { None },
            duration_s: if kind == EventKind::DroppedOff { self.duration_s } else { None },
        })
    }

    /// The claim of the driver who is bound to the trip, if one is.
    pub fn assignment(&self) -> Option<Assignment> {
        self.active_driver_id.map(|driver| Assignment { driver, epoch: self.epoch })
    }

    fn check_driver(&self, event: &Event) -> Result<(), IllegalTransition> {
        match *event {
            Event::OfferRefused { driver } | Event::OfferAccepted { driver }
                if self.offered_driver_id != Some(driver) =>
            {
                Err(IllegalTransition::NotOffered { driver, offered: self.offered_driver_id })
            }
            _ => match event.assignment() {
                Some(by) if self.assignment() != Some(by) && !runtime::planted::is("stale-claim-heard") => {
                    Err(IllegalTransition::Stale { stale: by, current: self.epoch })
                }
                _ => Ok(()),
            },
        }
    }

    fn keep_particulars(&mut self, event: &Event, now_ns: i64) {
        match *event {
            Event::MatchingBegan => {
                self.attempt = 1;
                self.searching_since_ns = Some(now_ns);
            }
            Event::OfferRefused { .. } => self.attempt += 1,
            Event::Reassigned(_) => {
                self.attempt += 1;
                self.searching_since_ns = Some(now_ns);
                self.driver_id = None;
            }
            Event::OfferAccepted { driver } => {
                if self.epoch == 0 || !runtime::planted::is("epoch-not-raised") {
                    self.epoch += 1;
                }
                self.driver_id = Some(driver);
            }
            Event::PickedUp(_) => self.picked_up_at_ns = Some(now_ns),
            Event::DroppedOff { drive, fare, .. } => {
                self.dropped_off_at_ns = Some(now_ns);
                self.end_drive(Ending::AtDestination, drive, fare);
            }
            Event::PresumedDriven { drive, fare, .. } => {
                self.dropped_off_at_ns = Some(now_ns);
                self.end_drive(Ending::Presumed, drive, fare);
            }
            Event::LeftEarly { drive, fare, .. } => self.end_drive(Ending::Early, drive, fare),
            _ => {}
        }
    }

    fn end_drive(&mut self, ending: Ending, drive: Drive, fare: Fare) {
        self.ending = Some(ending);
        self.distance_m = Some(drive.distance_m);
        self.duration_s = Some(drive.duration_s);
        self.charge(fare);
    }
}

/// What replaying a trip's log gives: the state, attempt and epoch that its stored row must have. None if the log is empty, does not
/// begin at a quote, skips a version or takes a transition that is not listed.
pub fn replay(log: &[TripLogEntry]) -> Option<(State, i64, i64)> {
    let mut state = State::Quoted;
    for (entry, version) in log.iter().zip(1..) {
        if entry.before != state || entry.version != version || state.after(entry.event) != Some(entry.after) {
            return None;
        }
        state = entry.after;
    }
    log.last().map(|last| (state, last.attempt, last.epoch))
}

impl LateReport {
    /// What the assigned driver told of the drive, and what the rider was charged too much for it.
    pub fn new(trip: TripId, by: Assignment, (ending, drive): (Ending, Drive), over: Fare, now_ns: i64) -> Self {
        Self {
            trip_id: trip,
            driver_id: by.driver,
            epoch: by.epoch,
            ending,
            distance_m: drive.distance_m,
            duration_s: drive.duration_s,
            overcharge_minor: over.charge_minor,
            driver_pay_minor: over.driver_pay_minor,
            commission_minor: over.commission_minor,
            tax_minor: over.tax_minor,
            tolls_minor: over.tolls_minor,
            at_ns: now_ns,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
