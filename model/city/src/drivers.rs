//! Where the drivers are when a run begins: in the steady state of the traffic, not all parked at once.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::calendar::WeekMinute;
use crate::city::City;
use crate::demand::TripWish;
use crate::zones::Place;

/// A driver at the start of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DriverSeed {
    /// Parked and free.
    Idle { at: Place },
    /// Finishing a ride that began before the run: `at` is where they are now, `free_at` where they will be free after `free_in`.
    Busy { at: Place, free_at: Place, free_in: Duration },
}

impl DriverSeed {
    /// Where the driver is now.
    pub fn at(&self) -> Place {
        match self {
            DriverSeed::Idle { at } | DriverSeed::Busy { at, .. } => *at,
        }
    }
}

/// Places `drivers` drivers; each is on a trip with probability `on_trip_share` ([`crate::Traffic::busy_share`]), otherwise idle where demand is.
///
/// A ride in progress at a random instant is longer than a random ride: candidates are accepted in proportion to their
/// duration. What remains of it is uniform.
pub fn place(city: &City, start: WeekMinute, drivers: u32, on_trip_share: f64, rng: &mut impl Rng) -> Vec<DriverSeed> {
    (0..drivers)
        .map(|_| {
            if rng.random::<f64>() < on_trip_share {
                busy(city, start, rng)
            } else {
                DriverSeed::Idle { at: city.draw_pickup(rng) }
            }
        })
        .collect()
}

/// Rides drawn for one length-biased choice: enough that the bias is within a percent or two of the exact one for lognormal rides.
const CANDIDATES: usize = 16;

fn busy(city: &City, start: WeekMinute, rng: &mut impl Rng) -> DriverSeed {
    let rides: Vec<(TripWish, Duration)> = (0..CANDIDATES)
        .map(|_| {
            let wish = TripWish::draw(city, rng);
            (wish, city.draw_duration(wish.from(), wish.to(), start, rng))
        })
        .collect();
    let total: Duration = rides.iter().map(|(_, duration)| *duration).sum();
    let mut left = total.mul_f64(rng.random::<f64>());
    let mut chosen = rides[0];
    for ride in rides {
        chosen = ride;
        if left < ride.1 {
            break;
        }
        left = left.saturating_sub(ride.1);
    }
    let (wish, duration) = chosen;
    let done: f64 = rng.random();
    let point = wish.pickup.towards(wish.dropoff, done);
    let zone = if done < 0.5 { wish.pickup_zone } else { wish.dropoff_zone };
    DriverSeed::Busy { at: Place { point, zone }, free_at: wish.to(), free_in: duration.mul_f64(1.0 - done) }
}
