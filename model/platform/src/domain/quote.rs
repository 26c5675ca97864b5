//! A quote: a promise of multiplier and ceiling, to one rider, for a while, once.

use super::fare::{Drive, FareSchedule};
use super::ids::{QuoteId, RiderId};
use super::money::Currency;
use super::place::{Cell, Coordinate};
use super::schema::Quote;
use super::surge::BoundSurge;
use super::vehicle::VehicleClass;

/// How long a quote binds. Assumption: riders decide within two minutes.
pub const LIFETIME_NS: i64 = 120_000_000_000;

/// What is expected of a path before it is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub drive: Drive,
    /// The shortest time in which the path can be driven.
    pub free_flow_duration_s: u32,
    pub tolls_minor: i64,
}

/// Why a quote cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error("the quote expired at {expires_at_ns} ns and it is {now_ns} ns")]
    Expired { expires_at_ns: i64, now_ns: i64 },
    #[error("the quote was made to rider {owner}, not to rider {asked}")]
    OtherRider { owner: RiderId, asked: RiderId },
}

impl Quote {
    /// Makes a quote at `now_ns`.
    pub fn issue(
        (id, rider_id): (QuoteId, RiderId),
        (pickup, dropoff): (Coordinate, Coordinate),
        vehicle_class: Option<VehicleClass>,
        estimate: Estimate,
        (cell, surge): (Cell, BoundSurge),
        (schedule, currency): (&FareSchedule, Currency),
        now_ns: i64,
    ) -> Self {
        let multiplier_per_mille = surge.multiplier_per_mille();
        let (surge_version, surge_expires_at_ns) = match surge {
            BoundSurge::Snapshot { version, expires_at_ns, .. } => (Some(version), Some(expires_at_ns)),
            BoundSurge::Fallback => (None, None),
        };
        let fare = schedule.fare(estimate.drive, estimate.tolls_minor, multiplier_per_mille, i64::MAX);
        Self {
            id,
            rider_id,
            pickup_latitude_microdegrees: pickup.latitude_microdegrees,
            pickup_longitude_microdegrees: pickup.longitude_microdegrees,
            dropoff_latitude_microdegrees: dropoff.latitude_microdegrees,
            dropoff_longitude_microdegrees: dropoff.longitude_microdegrees,
            cell: cell.0.cast_signed(),
            multiplier_per_mille,
            surge_version,
            surge_expires_at_ns,
            estimated_distance_m: estimate.drive.distance_m,
            estimated_duration_s: estimate.drive.duration_s,
            free_flow_duration_s: estimate.free_flow_duration_s,
            vehicle_class,
            tolls_minor: estimate.tolls_minor,
            estimate_minor: fare.charge_minor,
            ceiling_minor: schedule.ceiling(fare.charge_minor),
            currency,
            created_at_ns: now_ns,
            expires_at_ns: now_ns + LIFETIME_NS,
        }
    }

    /// Whether the rider may request a trip on this quote now. That a quote is used once is left to the unique index over trips.
    pub fn check(&self, rider: RiderId, now_ns: i64) -> Result<(), QuoteError> {
        if self.rider_id != rider {
            return Err(QuoteError::OtherRider { owner: self.rider_id, asked: rider });
        }
        if now_ns >= self.expires_at_ns {
            return Err(QuoteError::Expired { expires_at_ns: self.expires_at_ns, now_ns });
        }
        Ok(())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Coordinate = Coordinate { latitude_microdegrees: 40_758_000, longitude_microdegrees: -73_985_500 };

    fn quote(surge: BoundSurge) -> Quote {
        let drive = Drive { distance_m: 2_690, duration_s: 660 };
        let estimate = Estimate { drive, free_flow_duration_s: 400, tolls_minor: 100 };
        let (ids, tariff) = ((QuoteId(1), RiderId(2)), (&FareSchedule::NEW_YORK, Currency::Usd));
        Quote::issue(ids, (PLACE, PLACE), None, estimate, (Cell(u64::MAX), surge), tariff, 1_000)
    }

    #[test]
    fn a_quote_binds_multiplier_and_ceiling() {
        let quote = quote(BoundSurge::Snapshot { version: 8, expires_at_ns: 2_000, multiplier_per_mille: 1_500 });
        assert_eq!(
            (quote.multiplier_per_mille, quote.surge_version, quote.surge_expires_at_ns),
            (1_500, Some(8), Some(2_000))
        );
        // The estimate is the fare of `fare::tests::a_fare_by_hand`; a quarter on top is 2,031.25.
        assert_eq!((quote.estimate_minor, quote.ceiling_minor), (1_625, 2_031));
        assert_eq!((quote.pickup(), quote.dropoff()), (PLACE, PLACE));
    }

    #[test]
    fn a_quote_without_a_fresh_snapshot_says_so() {
        let quote = quote(BoundSurge::Fallback);
        assert_eq!((quote.multiplier_per_mille, quote.surge_version), (1_000, None));
    }

    #[test]
    fn a_quote_is_for_its_rider_and_for_a_while() {
        let quote = quote(BoundSurge::Fallback);
        let end = 1_000 + LIFETIME_NS;
        assert_eq!(quote.check(RiderId(2), end - 1), Ok(()));
        assert_eq!(quote.check(RiderId(2), end), Err(QuoteError::Expired { expires_at_ns: end, now_ns: end }));
        let other = QuoteError::OtherRider { owner: RiderId(2), asked: RiderId(3) };
        assert_eq!(quote.check(RiderId(3), 1_000), Err(other));
    }
}
