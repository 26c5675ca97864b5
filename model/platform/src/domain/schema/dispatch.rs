//! Tables of a trip's life until it is driven: trips, their log, and the offers made for them.

use ports::record;

use super::vehicles::VehicleClass;
use crate::domain::coded::coded;
use crate::domain::ids::{DriverId, FencingToken, QuoteId, RiderId, TripId};

coded! {
    /// Where a trip stands.
    pub enum State {
        Quoted = 1,
        Requested = 2,
        Matching = 3,
        Offered = 4,
        Accepted = 5,
        EnRoutePickup = 6,
        Arrived = 7,
        InProgress = 8,
        Completed = 9,
        PaymentPending = 10,
        Settled = 11,
        PaymentFailed = 12,
        Arrears = 13,
        CancelledByRider = 14,
        CancelledByDriver = 15,
        CancelledBySystem = 16,
        NoDriversFound = 17,
        NoShow = 18,
        QuoteExpired = 19,
    }
}

coded! {
    /// What happened to a trip, without its particulars.
    pub enum EventKind {
        /// The rider asked for the trip that was quoted.
        Requested = 1,
        /// Nobody asked in time.
        QuoteLapsed = 2,
        MatchingBegan = 3,
        OfferMade = 4,
        /// The driver declined, or let the offer lapse.
        OfferRefused = 5,
        OfferAccepted = 6,
        DriverDeparted = 7,
        DriverArrived = 8,
        PickedUp = 9,
        DroppedOff = 10,
        PaymentBegan = 11,
        PaymentCaptured = 12,
        PaymentFailed = 13,
        WrittenToArrears = 14,
        /// The driver cancelled or was lost, and the search begins anew.
        Reassigned = 15,
        RiderCancelled = 16,
        /// The driver cancelled, and nobody else is looked for.
        DriverCancelled = 17,
        SystemCancelled = 18,
        SearchEnded = 19,
        RiderDidNotShow = 20,
    }
}

coded! {
    /// How a drive ended, and on whose word.
    pub enum Ending {
        /// The driver's phone told of the drop-off at the destination.
        AtDestination = 1,
        /// The driver's phone told that the rider wanted to get out on the way.
        Early = 2,
        /// Nobody told: the drive is taken to have gone as quoted. What the phone says later is reconciled with it.
        Presumed = 3,
    }
}

coded! {
    /// What became of an offer.
    pub enum OfferStatus {
        Live = 1,
        Accepted = 2,
        Declined = 3,
        /// Nobody answered in time.
        Lapsed = 4,
        /// The trip was cancelled, or the driver was lost.
        Withdrawn = 5,
        /// It was accepted, and the trip went to somebody else or was cancelled after that.
        Released = 6,
    }
}

record! {
    /// A trip. [`Trip::apply`] is the only way to change its state; it keeps the columns that follow from the state.
    pub struct Trip in "trips" as 1 {
        id: TripId,
        rider_id: RiderId,
        /// The rider, while the trip is active: at most one active trip a rider.
        active_rider_id: Option<RiderId>,
        quote_id: QuoteId,
        state: State,
        /// Transitions so far: the length of the trip's log and the sequence of its last outbox entry.
        version: i64,
        /// Which search for a driver this is, from 1.
        attempt: i64,
        /// How many drivers have been assigned so far. What a driver's phone writes must carry the current one.
        epoch: i64,
        /// Whoever is being asked, while the trip is offered.
        offered_driver_id: Option<DriverId>,
        /// The driver assigned, kept after the trip ends.
        driver_id: Option<DriverId>,
        /// The driver assigned, while the trip is active: at most one active trip a driver.
        active_driver_id: Option<DriverId>,
        pickup_latitude_microdegrees: i32,
        pickup_longitude_microdegrees: i32,
        dropoff_latitude_microdegrees: i32,
        dropoff_longitude_microdegrees: i32,
        /// What the quote bound, kept for as long as the trip is: the quote itself goes soon after it expires.
        multiplier_per_mille: u32,
        quoted_tolls_minor: i64,
        ceiling_minor: i64,
        estimated_distance_m: u32,
        estimated_duration_s: u32,
        free_flow_duration_s: u32,
        vehicle_class: Option<VehicleClass>,
        requested_at_ns: i64,
        /// When the search for a driver began, or began anew after a driver was lost.
        searching_since_ns: Option<i64>,
        updated_at_ns: i64,
        picked_up_at_ns: Option<i64>,
        /// When the rider was at the destination; none if the drive ended elsewhere.
        dropped_off_at_ns: Option<i64>,
        /// How the drive ended, once it has.
        ending: Option<Ending>,
        /// What the driver's phone measured.
        distance_m: Option<u32>,
        /// From pickup to drop-off, in whole seconds.
        duration_s: Option<u32>,
        /// What the rider pays, fare or fee: the sum of the four that follow.
        charge_minor: Option<i64>,
        driver_pay_minor: Option<i64>,
        commission_minor: Option<i64>,
        tax_minor: Option<i64>,
        tolls_minor: Option<i64>,
    }
    key(id)
    unique BY_ACTIVE_RIDER(active_rider_id)
    unique BY_ACTIVE_DRIVER(active_driver_id)
    unique BY_QUOTE(quote_id)
    plain BY_STATE(state, updated_at_ns)
}

record! {
    /// One transition of a trip. Replaying a trip's log gives its stored state.
    pub struct TripLogEntry in "trip_log" as 2 {
        trip_id: TripId,
        /// The trip's version after the transition.
        version: i64,
        before: State,
        event: EventKind,
        after: State,
        attempt: i64,
        epoch: i64,
        /// Whom the event is about, if anybody.
        driver_id: Option<DriverId>,
        at_ns: i64,
        distance_m: Option<u32>,
        duration_s: Option<u32>,
    }
    key(trip_id, version)
}

record! {
    /// What a driver's phone told of a drive that had been presumed over: the trip stands as it was settled, and what it took too much of
    /// the rider is to be given back.
    pub struct LateReport in "late_reports" as 12 {
        trip_id: TripId,
        driver_id: DriverId,
        epoch: i64,
        ending: Ending,
        distance_m: u32,
        duration_s: u32,
        /// By how much the fare of the drive as presumed is above that of the drive as told: the sum of the four that follow. All are 0
        /// if it is not.
        overcharge_minor: i64,
        driver_pay_minor: i64,
        commission_minor: i64,
        tax_minor: i64,
        tolls_minor: i64,
        at_ns: i64,
    }
    key(trip_id)
}

record! {
    /// An offer of a trip to a driver: a lease on the driver that ends by itself.
    pub struct Offer in "offers" as 3 {
        trip_id: TripId,
        attempt: i64,
        driver_id: DriverId,
        /// The driver, while the offer is live: at most one live offer a driver.
        live_driver_id: Option<DriverId>,
        /// The trip, while the offer stands accepted: at most one accepted offer a trip.
        accepted_trip_id: Option<TripId>,
        token: FencingToken,
        status: OfferStatus,
        /// When the driver was last seen where the match assumed.
        location_at_ns: i64,
        offered_at_ns: i64,
        expires_at_ns: i64,
        decided_at_ns: Option<i64>,
    }
    key(trip_id, attempt)
    unique BY_LIVE_DRIVER(live_driver_id)
    unique BY_ACCEPTED_TRIP(accepted_trip_id)
    unique BY_TRIP_AND_DRIVER(trip_id, driver_id)
    plain BY_EXPIRY(status, expires_at_ns)
}
