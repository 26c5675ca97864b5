//! A driver's record: what the driver is doing, and the leases under which trips are offered.

use super::coded::coded;
use super::ids::{DriverId, FencingToken, OrganisationId, TripId};
use super::schema::Driver;
use super::trip::State;
use super::vehicle::Clearance;

pub use super::schema::accounts::DriverState;

coded! {
    /// What happened to a driver.
    pub enum DriverEvent {
        CameOnline = 1,
        WentOffline = 2,
        LeaseGranted = 3,
        /// The offer was declined, lapsed or was withdrawn.
        LeaseEnded = 4,
        Accepted = 5,
        Arrived = 6,
        PickedUp = 7,
        /// The trip was driven, cancelled, or given to somebody else.
        Released = 8,
        /// Nothing was heard for too long.
        Lost = 9,
    }
}

/// Every transition there is. A driver with a passenger is never taken for lost: the phone finishes the trip and tells later.
pub const TRANSITIONS: &[(DriverState, DriverEvent, DriverState)] = {
    use DriverEvent::{Accepted, Arrived, CameOnline, LeaseEnded, LeaseGranted, Lost, PickedUp, Released, WentOffline};
    use DriverState::{AtPickup, EnRoute, Idle, Offered, Offline, OnTrip};
    &[
        (Offline, CameOnline, Idle),
        (Idle, WentOffline, Offline),
        (Idle, Lost, Offline),
        (Idle, LeaseGranted, Offered),
        (Offered, LeaseEnded, Idle),
        (Offered, Lost, Offline),
        (Offered, Accepted, EnRoute),
        (EnRoute, Arrived, AtPickup),
        (EnRoute, Released, Idle),
        (EnRoute, Lost, Offline),
        (AtPickup, PickedUp, OnTrip),
        (AtPickup, Released, Idle),
        (AtPickup, Lost, Offline),
        (OnTrip, Released, Idle),
    ]
};

/// Why an event was refused. The driver is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a driver who is {state:?}")]
pub struct IllegalDriverTransition {
    pub state: DriverState,
    pub event: DriverEvent,
}

impl DriverState {
    /// Where the event leads from here, if anywhere.
    pub fn after(self, event: DriverEvent) -> Option<Self> {
        TRANSITIONS.iter().find(|(before, on, _)| *before == self && *on == event).map(|(_, _, after)| *after)
    }

    /// What the driver of a trip in this state is doing, if the trip has a driver. Every committed pair of trip and driver agrees with it.
    pub fn on_trip_in(trip: State) -> Option<Self> {
        match trip {
            State::Accepted | State::EnRoutePickup => Some(Self::EnRoute),
            State::Arrived => Some(Self::AtPickup),
            State::InProgress => Some(Self::OnTrip),
            _ => None,
        }
    }

    /// Whether the driver is bound to a trip.
    pub fn has_trip(self) -> bool {
        matches!(self, Self::EnRoute | Self::AtPickup | Self::OnTrip)
    }
}

impl Driver {
    /// A driver who has just been registered, and is off duty.
    pub fn registered(
        id: DriverId,
        organisation_id: Option<OrganisationId>,
        secret_digest: Vec<u8>,
        now_ns: i64,
    ) -> Self {
        Self {
            id,
            organisation_id,
            state: DriverState::Offline,
            trip_id: None,
            epoch: None,
            lease_token: FencingToken(0),
            lease_expires_at_ns: None,
            vehicle_id: None,
            vehicle_class: None,
            cleared_until_ns: None,
            secret_digest,
            updated_at_ns: now_ns,
        }
    }

    /// Grants a lease on an idle driver for an offer of `trip` and returns its token, which is greater than any before it.
    pub fn grant_lease(
        &mut self,
        trip: TripId,
        expires_at_ns: i64,
        now_ns: i64,
    ) -> Result<FencingToken, IllegalDriverTransition> {
        self.step(DriverEvent::LeaseGranted, now_ns)?;
        self.lease_token = FencingToken(self.lease_token.0 + 1);
        self.lease_expires_at_ns = Some(expires_at_ns);
        self.trip_id = Some(trip);
        Ok(self.lease_token)
    }

    /// Binds the driver to the trip that was offered, under the trip's new epoch.
    pub fn accept(&mut self, epoch: i64, now_ns: i64) -> Result<(), IllegalDriverTransition> {
        self.step(DriverEvent::Accepted, now_ns)?;
        self.epoch = Some(epoch);
        self.lease_expires_at_ns = None;
        Ok(())
    }

    /// Puts the driver on duty in a vehicle.
    pub fn come_online(&mut self, clearance: Clearance, now_ns: i64) -> Result<(), IllegalDriverTransition> {
        self.step(DriverEvent::CameOnline, now_ns)?;
        self.drive(clearance);
        Ok(())
    }

    /// The driver, who is on duty and idle, goes on in this vehicle: another one, or the same with newer papers.
    ///
    /// # Panics
    /// If the driver is not idle.
    pub fn change_vehicle(&mut self, clearance: Clearance, now_ns: i64) {
        assert_eq!(self.state, DriverState::Idle, "nobody changes vehicles on the way");
        self.drive(clearance);
        self.updated_at_ns = self.updated_at_ns.max(now_ns);
    }

    fn drive(&mut self, Clearance { vehicle, class, until_ns }: Clearance) {
        self.vehicle_id = Some(vehicle);
        self.vehicle_class = Some(class);
        self.cleared_until_ns = Some(until_ns);
    }

    /// Takes any other event.
    ///
    /// # Panics
    /// For [`CameOnline`](DriverEvent::CameOnline), [`LeaseGranted`](DriverEvent::LeaseGranted) and [`Accepted`](DriverEvent::Accepted),
    /// which have methods of their own.
    pub fn apply(&mut self, event: DriverEvent, now_ns: i64) -> Result<(), IllegalDriverTransition> {
        assert!(
            !matches!(event, DriverEvent::CameOnline | DriverEvent::LeaseGranted | DriverEvent::Accepted),
            "{event:?} has a method of its own"
        );
        self.step(event, now_ns)?;
        if self.state == DriverState::Offline {
            self.vehicle_id = None;
            self.vehicle_class = None;
            self.cleared_until_ns = None;
        }
        if !self.state.has_trip() {
            self.trip_id = None;
            self.epoch = None;
            self.lease_expires_at_ns = None;
        }
        Ok(())
    }

    fn step(&mut self, event: DriverEvent, now_ns: i64) -> Result<(), IllegalDriverTransition> {
        let after = self.state.after(event).ok_or(IllegalDriverTransition { state: self.state, event })?;
        self.state = after;
        // The clock of whoever wrote last may be ahead of this host's: a row's time never goes back.
        let at_least_ns = if runtime::planted::is("row-time-goes-back") { now_ns } else { self.updated_at_ns };
        self.updated_at_ns = at_least_ns.max(now_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::VehicleId;
    use crate::domain::vehicle::VehicleClass;

    fn offline() -> Driver {
        Driver::registered(DriverId(1), None, Vec::new(), 0)
    }

    const CLEARANCE: Clearance = Clearance { vehicle: VehicleId(8), class: VehicleClass::Standard, until_ns: i64::MAX };

    proptest! {
        #[test]
        fn a_driver_has_a_trip_exactly_when_the_state_says_so(events in prop::collection::vec(0..9usize, 1..100)) {
            let mut driver = offline();
            for (step, event) in events.into_iter().enumerate() {
                let (before, event, now_ns) = (driver.clone(), DriverEvent::ALL[event], step as i64);
                let result = match event {
                    DriverEvent::CameOnline => driver.come_online(CLEARANCE, now_ns),
                    DriverEvent::LeaseGranted => driver.grant_lease(TripId(now_ns), now_ns + 10, now_ns).map(|_| ()),
                    DriverEvent::Accepted => driver.accept(now_ns, now_ns),
                    other => driver.apply(other, now_ns),
                };
                prop_assert_eq!(result.is_ok(), before.state.after(event).is_some());
                prop_assert!(result.is_ok() || driver == before);
                prop_assert_eq!(driver.epoch.is_some(), driver.state.has_trip());
                prop_assert_eq!(driver.trip_id.is_some(), driver.state.has_trip() || driver.state == DriverState::Offered);
                prop_assert_eq!(driver.lease_expires_at_ns.is_some(), driver.state == DriverState::Offered);
                prop_assert_eq!(driver.vehicle_id.is_some(), driver.state != DriverState::Offline);
                let granted = i64::from(event == DriverEvent::LeaseGranted && result.is_ok());
                prop_assert_eq!(driver.lease_token.0, before.lease_token.0 + granted);
            }
        }
    }

    #[test]
    fn a_trip_with_a_driver_binds_one() {
        for &trip in State::ALL {
            assert_eq!(DriverState::on_trip_in(trip).is_some_and(DriverState::has_trip), trip.has_driver(), "{trip:?}");
        }
    }

    #[test]
    fn no_pair_is_listed_twice_and_a_driver_with_a_passenger_is_never_lost() {
        for (at, row) in TRANSITIONS.iter().enumerate() {
            assert!(TRANSITIONS[at + 1..].iter().all(|other| (other.0, other.1) != (row.0, row.1)), "{row:?}");
        }
        assert_eq!(DriverState::OnTrip.after(DriverEvent::Lost), None);
    }
}
