//! Who and what: identifiers.

use super::coded::identifier;

identifier! {
    /// A trip, from the rider's request on.
    TripId;
    /// A rider.
    RiderId;
    /// Somebody who works for the platform: support, operations.
    OperatorId;
    /// A driver.
    DriverId;
    /// A vehicle.
    VehicleId;
    /// A company that owns vehicles and has drivers for them.
    OrganisationId;
    /// A quote.
    QuoteId;
    /// Grows by one with each lease that a driver gets, so that whoever holds an older one is told from the holder of the newest.
    FencingToken;
}
