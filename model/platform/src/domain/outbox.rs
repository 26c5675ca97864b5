//! Domain events: what the rest of the company learns about a trip, in the order in which it happened.

use serde::{Deserialize, Serialize};

use super::ids::{DriverId, RiderId, TripId};
use super::schema::{OutboxEntry, Trip, TripLogEntry};
use super::trip::{EventKind, State};

/// What happened to a trip. The key is the trip, the sequence its version: one event for each transition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DomainEvent {
    pub trip: TripId,
    pub sequence: i64,
    pub rider: RiderId,
    pub event: EventKind,
    pub state: State,
    pub attempt: i64,
    pub epoch: i64,
    /// Whom the event is about, if anybody.
    pub driver: Option<DriverId>,
    /// What the rider owes, once the trip has been driven.
    pub charge_minor: Option<i64>,
    pub at_ns: i64,
}

/// A payload that is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} of trip {trip} cannot be read: {reason}")]
pub struct UnreadableEvent {
    pub trip: TripId,
    pub sequence: i64,
    pub reason: String,
}

/// The outbox entry for a transition just taken; to be written in the transaction that writes the trip and the log entry.
pub fn entry(trip: &Trip, transition: &TripLogEntry) -> OutboxEntry {
    assert_eq!(
        (trip.id, trip.version),
        (transition.trip_id, transition.version),
        "the transition is not the trip's last"
    );
    let event = DomainEvent {
        trip: trip.id,
        sequence: transition.version,
        rider: trip.rider_id,
        event: transition.event,
        state: transition.after,
        attempt: transition.attempt,
        epoch: transition.epoch,
        driver: transition.driver_id,
        charge_minor: trip.charge_minor,
        at_ns: transition.at_ns,
    };
    OutboxEntry {
        trip_id: trip.id,
        sequence: transition.version,
        payload: postcard::to_stdvec(&event).expect("an event of integers and enums always serialises"),
        at_ns: transition.at_ns,
        published_at_ns: None,
    }
}

impl OutboxEntry {
    /// The event that the entry holds.
    pub fn event(&self) -> Result<DomainEvent, UnreadableEvent> {
        postcard::from_bytes(&self.payload).map_err(|error| UnreadableEvent {
            trip: self.trip_id,
            sequence: self.sequence,
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::trip::{Event, tests::quoted};

    #[test]
    fn an_entry_tells_of_the_transition_that_made_it() {
        let mut trip = quoted();
        let transition = trip.apply(Event::Requested, 5).unwrap();
        let entry = entry(&trip, &transition);
        assert_eq!((entry.trip_id, entry.sequence, entry.published_at_ns), (trip.id, 1, None));
        let event = entry.event().unwrap();
        assert_eq!(
            (event.event, event.state, event.rider, event.at_ns),
            (EventKind::Requested, State::Requested, trip.rider_id, 5)
        );
    }

    #[test]
    fn a_cut_payload_is_an_error() {
        let mut trip = quoted();
        let transition = trip.apply(Event::Requested, 5).unwrap();
        let mut entry = entry(&trip, &transition);
        entry.payload.truncate(3);
        assert!(entry.event().is_err());
    }
}
