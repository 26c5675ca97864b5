//! How many riders and drivers a number of requests a second stands for, and back.
//!
//! Phones poll and ping far more often than people act, so most requests are proportional to how long trips, waits and idle times last.
//! All means are of a fault-free run in its steady state.

use std::time::Duration;

use crate::calendar::WeekMinute;
use crate::city::City;

/// What a phone sends, and how long people take between the steps of a trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhoneHabits {
    /// Between two position pings of a moving driver. Every 4 s, as Uber's driver app is reported to do.
    pub ping_every: Duration,
    /// Between two heartbeats of a parked, idle driver. Assumption: 20 s.
    pub heartbeat_every: Duration,
    /// Between two looks of an idle driver for an offer. Assumption: 4 s, as the push channel's heartbeat.
    pub offer_poll_every: Duration,
    /// Between two looks of a waiting rider at their trip. Assumption: 5 s.
    pub waiting_poll_every: Duration,
    /// Between two looks of a riding rider at their trip. Assumption: 15 s.
    pub riding_poll_every: Duration,
    /// Sign-ins of a rider who opens the app. Assumption: 1.
    pub sign_ins_per_rider: f64,
    /// Quotes that a rider who opens the app asks for. Assumption: 1.5.
    pub quotes_per_rider: f64,
    /// Share of the riders who open the app that request a trip, in (0, 1]. Assumption: 0.6.
    pub request_share: f64,
    /// Other calls of the rider a trip: request, receipt. Assumption: 2.
    pub rider_calls_per_trip: f64,
    /// Calls of the driver a trip: accept, arrived, start, complete. By the trip's transitions: 4.
    pub driver_calls_per_trip: f64,
    /// From the request to the driver's acceptance. Assumption: 6 s, half of an offer of 12 s.
    pub matching: Duration,
    /// From the driver's arrival to the start of the trip. Assumption: 60 s.
    pub boarding: Duration,
    /// Share of the drivers that is not idle, in (0, 1): who plans the supply aims at it. Assumption: 0.6.
    pub utilisation: f64,
}

impl Default for PhoneHabits {
    fn default() -> PhoneHabits {
        PhoneHabits {
            ping_every: Duration::from_secs(4),
            heartbeat_every: Duration::from_secs(20),
            offer_poll_every: Duration::from_secs(4),
            waiting_poll_every: Duration::from_secs(5),
            riding_poll_every: Duration::from_secs(15),
            sign_ins_per_rider: 1.0,
            quotes_per_rider: 1.5,
            request_share: 0.6,
            rider_calls_per_trip: 2.0,
            driver_calls_per_trip: 4.0,
            matching: Duration::from_secs(6),
            boarding: Duration::from_secs(60),
            utilisation: 0.6,
        }
    }
}

/// Traffic of a run: means over its window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// First attempts that phones send, all kinds.
    pub requests_per_s: f64,
    /// Trips requested (and, without faults, completed).
    pub trips_per_hour: f64,
    /// Riders who open the app.
    pub riders_per_hour: f64,
    /// Drivers on duty.
    pub drivers: f64,
    /// Of them idle.
    pub idle_drivers: f64,
    /// Of them with a rider on board.
    pub riding_drivers: f64,
    /// Mean drive to the rider, seconds.
    pub pickup_s: f64,
    /// Mean ride, seconds.
    pub ride_s: f64,
}

/// Why there is no such traffic.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrafficError {
    #[error("{what} is {value}; write a number above 0")]
    NotPositive { what: &'static str, value: f64 },
    #[error("{what} is {value}; write a share above 0 and {most}")]
    NotAShare { what: &'static str, value: f64, most: &'static str },
    #[error(
        "{drivers} drivers cannot serve {trips_per_hour:.0} trips an hour in {city}: at best {most_trips_per_hour:.0}; add drivers or take riders away"
    )]
    TooFewDrivers { city: String, drivers: f64, trips_per_hour: f64, most_trips_per_hour: f64 },
}

/// Constant of the mean distance to the nearest of Poisson-scattered drivers, `c / sqrt(density)`, as the crow flies: 1/2 (exact).
const NEAREST_DRIVER: f64 = 0.5;

/// Dispatch to the nearest idle driver uses up the near ones, so pickups are longer than the snapshot law. Assumption: by a
/// quarter; simulations of nearest-idle dispatch lie between 18 and 34 %.
const DISPATCH_EXCESS: f64 = 1.25;

/// A city in a window of the week, reduced to what traffic arithmetic needs.
#[derive(Clone, Copy, Debug)]
pub struct TrafficModel<'a> {
    city: &'a City,
    habits: PhoneHabits,
    /// Mean of 1 / speed over the trips of the window.
    slowness: f64,
    ride_s: f64,
    /// Sum over zones of `sqrt(share * area)`, metres: the square root of the area that idle drivers, spread like the demand, seem to cover.
    spread_m: f64,
}

impl<'a> TrafficModel<'a> {
    /// Means over the trips of the window that starts at `start`.
    pub fn new(
        city: &'a City,
        habits: PhoneHabits,
        start: WeekMinute,
        window: Duration,
    ) -> Result<TrafficModel<'a>, TrafficError> {
        check(&habits)?;
        let slowness = city.mean_over_trips(start, window, |minute| 1.0 / city.travel().speed_factor_at(minute));
        let spread_m = city.zones().iter().map(|zone| (zone.pickup_share * zone.area_km2 * 1e6).sqrt()).sum();
        Ok(TrafficModel { city, habits, slowness, ride_s: city.mean_trip_s() * slowness, spread_m })
    }

    /// The traffic that makes `requests_per_s` first attempts a second with drivers at the target utilisation.
    pub fn from_requests(&self, requests_per_s: f64) -> Result<Traffic, TrafficError> {
        positive("requests a second", requests_per_s)?;
        let idle = solve(|idle| self.at_target(idle).requests_per_s, requests_per_s);
        Ok(self.at_target(idle))
    }

    /// The traffic of `trips_per_hour` with drivers at the target utilisation.
    pub fn from_trips(&self, trips_per_hour: f64) -> Result<Traffic, TrafficError> {
        positive("trips an hour", trips_per_hour)?;
        let idle = solve(|idle| self.at_target(idle).trips_per_hour, trips_per_hour);
        Ok(self.at_target(idle))
    }

    /// The traffic of so many riders (who open the app) an hour and so many drivers on duty.
    ///
    /// A given trip rate has two steady states (Castillo, Knoepfle and Weyl, "Surge pricing solves the wild goose chase"): this is the
    /// one with more idle drivers. Beyond the most that the drivers can serve there is none.
    pub fn from_people(&self, riders_per_hour: f64, drivers: f64) -> Result<Traffic, TrafficError> {
        positive("riders an hour", riders_per_hour)?;
        positive("drivers", drivers)?;
        let trips_per_hour = riders_per_hour * self.habits.request_share;
        let served = |idle: f64| (drivers - idle) / self.busy_s(idle) * 3600.0;
        let best_idle = peak(served, drivers);
        let most_trips_per_hour = served(best_idle);
        if trips_per_hour > most_trips_per_hour {
            let city = self.city.name().to_owned();
            return Err(TrafficError::TooFewDrivers { city, drivers, trips_per_hour, most_trips_per_hour });
        }
        // Above the best number of idle drivers, more of them serve fewer trips.
        let (mut low, mut high) = (best_idle, drivers);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if served(middle) > trips_per_hour {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(self.traffic(trips_per_hour / 3600.0, f64::midpoint(low, high)))
    }

    /// The traffic in which this many drivers are idle while the target utilisation holds; everything grows with it.
    fn at_target(&self, idle: f64) -> Traffic {
        let busy = idle * self.habits.utilisation / (1.0 - self.habits.utilisation);
        self.traffic(busy / self.busy_s(idle), idle)
    }

    fn traffic(&self, trips_per_s: f64, idle: f64) -> Traffic {
        let habits = &self.habits;
        let pickup_s = self.pickup_s(idle);
        let riders_per_s = trips_per_s / habits.request_share;
        let waiting_s = habits.matching.as_secs_f64() + pickup_s + habits.boarding.as_secs_f64();
        let per_trip = habits.rider_calls_per_trip
            + habits.driver_calls_per_trip
            + (pickup_s + self.ride_s) / habits.ping_every.as_secs_f64()
            + waiting_s / habits.waiting_poll_every.as_secs_f64()
            + self.ride_s / habits.riding_poll_every.as_secs_f64();
        let per_idle_s = 1.0 / habits.heartbeat_every.as_secs_f64() + 1.0 / habits.offer_poll_every.as_secs_f64();
        let per_rider = habits.sign_ins_per_rider + habits.quotes_per_rider;
        Traffic {
            requests_per_s: trips_per_s * per_trip + riders_per_s * per_rider + idle * per_idle_s,
            trips_per_hour: trips_per_s * 3600.0,
            riders_per_hour: riders_per_s * 3600.0,
            drivers: trips_per_s * self.busy_s(idle) + idle,
            idle_drivers: idle,
            riding_drivers: trips_per_s * self.ride_s,
            pickup_s,
            ride_s: self.ride_s,
        }
    }

    /// Mean drive to the nearest of `idle` drivers that are spread like the demand.
    fn pickup_s(&self, idle: f64) -> f64 {
        let distance_m = NEAREST_DRIVER * DISPATCH_EXCESS * self.spread_m / idle.sqrt();
        self.city.travel().duration_s.at(distance_m) * self.slowness
    }

    /// How long one trip keeps its driver from being idle.
    fn busy_s(&self, idle: f64) -> f64 {
        self.habits.matching.as_secs_f64() + self.pickup_s(idle) + self.habits.boarding.as_secs_f64() + self.ride_s
    }
}

/// Where an increasing function of the number of idle drivers reaches `target`; bisection in the logarithm.
fn solve(increasing: impl Fn(f64) -> f64, target: f64) -> f64 {
    let (mut low, mut high) = (1e-9_f64, 1e12_f64);
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if increasing(middle) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}

/// The maximum of a function with one peak on (0, most]; by thirds.
fn peak(function: impl Fn(f64) -> f64, most: f64) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..200 {
        let third = (high - low) / 3.0;
        if function(low + third) < function(high - third) {
            low += third;
        } else {
            high -= third;
        }
    }
    f64::midpoint(low, high)
}

fn positive(what: &'static str, value: f64) -> Result<(), TrafficError> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(TrafficError::NotPositive { what, value }) }
}

fn check(habits: &PhoneHabits) -> Result<(), TrafficError> {
    positive("ping interval", habits.ping_every.as_secs_f64())?;
    positive("heartbeat interval", habits.heartbeat_every.as_secs_f64())?;
    positive("offer poll interval", habits.offer_poll_every.as_secs_f64())?;
    positive("waiting poll interval", habits.waiting_poll_every.as_secs_f64())?;
    positive("riding poll interval", habits.riding_poll_every.as_secs_f64())?;
    let share = |what, value: f64, fits: bool, most| {
        if fits { Ok(()) } else { Err(TrafficError::NotAShare { what, value, most }) }
    };
    share(
        "request share",
        habits.request_share,
        habits.request_share > 0.0 && habits.request_share <= 1.0,
        "at most 1",
    )?;
    share("utilisation", habits.utilisation, habits.utilisation > 0.0 && habits.utilisation < 1.0, "below 1")
}
