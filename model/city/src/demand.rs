//! Who wants to travel, and when: non-homogeneous Poisson arrivals by thinning, gamma-mixed where demand is overdispersed.
//!
//! Thinning: Lewis and Shedler 1979, "Simulation of nonhomogeneous Poisson processes by thinning".

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::calendar::{NANOSECONDS_A_MINUTE, WeekMinute};
use crate::city::City;
use crate::draws::{exponential, gamma_mean_one};
use crate::point::Point;
use crate::zones::{Place, ZoneIndex};

/// Demand within one such block shares one gamma-distributed factor. Assumption: what moves demand together (a shower, a
/// theatre letting out) lasts about a quarter of an hour.
pub const MIXING_BLOCK: Duration = Duration::from_secs(15 * 60);

/// One rider's wish to travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripWish {
    pub pickup: Point,
    pub dropoff: Point,
    pub pickup_zone: ZoneIndex,
    pub dropoff_zone: ZoneIndex,
}

impl TripWish {
    /// A wish between two places.
    pub fn between(pickup: Place, dropoff: Place) -> TripWish {
        TripWish { pickup: pickup.point, dropoff: dropoff.point, pickup_zone: pickup.zone, dropoff_zone: dropoff.zone }
    }

    /// A wish drawn from the city's shares and flows.
    pub fn draw(city: &City, rng: &mut impl Rng) -> TripWish {
        let pickup = city.draw_pickup(rng);
        let dropoff_zone = city.draw_dropoff_zone(pickup.zone, rng);
        TripWish::between(pickup, city.draw_place(dropoff_zone, rng))
    }

    /// Where the trip starts.
    pub fn from(&self) -> Place {
        Place { point: self.pickup, zone: self.pickup_zone }
    }

    /// Where the trip ends.
    pub fn to(&self) -> Place {
        Place { point: self.dropoff, zone: self.dropoff_zone }
    }
}

/// An endless stream of arrivals from the start of a run; it keeps the time of the last one and nothing else.
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    city: &'a City,
    start: WeekMinute,
    /// Arrivals per nanosecond where the curve is 1.
    mean_rate_per_ns: f64,
    /// The offset in nanoseconds up to which time has been drawn.
    now_ns: u64,
    block: Option<Block>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    end_ns: u64,
    factor: f64,
    /// Bound of the curve within the block, for thinning.
    peak: f64,
}

impl<'a> Arrivals<'a> {
    /// Arrivals of a run that starts at `start`, at `mean_per_hour` an hour in the mean of the *week*: the curve is put on top.
    /// For a mean over the run's own window divide by [`City::mean_demand`] of it. A rate that is not above 0 gives no arrivals.
    pub fn new(city: &'a City, start: WeekMinute, mean_per_hour: f64) -> Arrivals<'a> {
        let mean_rate_per_ns = mean_per_hour / (60.0 * NANOSECONDS_A_MINUTE as f64);
        Arrivals { city, start, mean_rate_per_ns, now_ns: 0, block: None }
    }

    /// The next arrival before `end_ns`: nanoseconds since the start of the run (never decreasing) and what the rider wants.
    /// `None` leaves the stream at `end_ns`, from where a later call with a later end goes on.
    pub fn next(&mut self, end_ns: u64, rng: &mut impl Rng) -> Option<(u64, TripWish)> {
        if self.mean_rate_per_ns.is_nan() || self.mean_rate_per_ns <= 0.0 {
            return None;
        }
        while self.now_ns < end_ns {
            let block = self.block_at_now(rng);
            let horizon_ns = block.end_ns.min(end_ns);
            let peak_rate = self.mean_rate_per_ns * block.factor * block.peak;
            // No memory: what is drawn past the horizon may be dropped and drawn anew from there.
            let gap_ns = if peak_rate > 0.0 { exponential(rng) / peak_rate } else { f64::INFINITY };
            if gap_ns >= (horizon_ns - self.now_ns) as f64 {
                self.now_ns = horizon_ns;
                continue;
            }
            self.now_ns += gap_ns as u64;
            let demand = self.city.demand_at(self.start.after(self.now_ns));
            assert!(demand <= block.peak, "thinning needs a bound: {demand} above {}", block.peak);
            if rng.random::<f64>() * block.peak < demand {
                return Some((self.now_ns, TripWish::draw(self.city, rng)));
            }
        }
        None
    }

    fn block_at_now(&mut self, rng: &mut impl Rng) -> Block {
        if let Some(block) = self.block.filter(|block| self.now_ns < block.end_ns) {
            return block;
        }
        let length_ns = MIXING_BLOCK.as_secs() * 1_000_000_000;
        let start_ns = self.now_ns / length_ns * length_ns;
        let minutes = MIXING_BLOCK.as_secs() / 60;
        let peak = (0..=minutes)
            .map(|minute| self.city.demand_at(self.start.after(start_ns + minute * NANOSECONDS_A_MINUTE)))
            .fold(0.0, f64::max);
        let factor = gamma_mean_one(self.city.overdispersion(), rng);
        let block = Block { end_ns: start_ns + length_ns, factor, peak };
        self.block = Some(block);
        block
    }
}
