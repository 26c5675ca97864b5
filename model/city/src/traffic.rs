//! How many riders and drivers a number of requests a second stands for, and back.
//!
//! Phones poll and ping far more often than people act, so most requests are proportional to how long trips, waits and idle times last.
//! All means are of a fault-free run in its steady state.

use std::time::Duration;

use crate::calendar::WeekMinute;
use crate::city::City;
use crate::habits::PhoneHabits;

/// Traffic of a run: means over its window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// First attempts that phones send, all kinds.
    pub requests_per_s: f64,
    /// Trips requested; without faults all but the cancelled ones are completed.
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

impl Traffic {
    /// Share of the drivers who are not idle: as many begin a run on a ride ([`crate::drivers::place`]), so that it begins in its steady state.
    pub fn busy_share(&self) -> f64 {
        1.0 - self.idle_drivers / self.drivers
    }
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
#[derive(Clone, Debug)]
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

    /// Every request of every phone, counted as the phones send them. How often something is done between two moments that know nothing of
    /// its beat is the time by the period; where the last beat is the one that sees the end, half a beat more.
    fn traffic(&self, trips_per_s: f64, idle: f64) -> Traffic {
        let habits = &self.habits;
        let pickup_s = self.pickup_s(idle);
        let riders_per_s = trips_per_s / habits.request_share;
        let (driven, absent, again) = (habits.driven(), habits.absent(), habits.again());
        let (matching_s, boarding_s) = (habits.matching_s() * (1.0 + again), habits.boarding.as_secs_f64());
        let (to_pickup_s, ride_s) = (pickup_s * (1.0 + again / 2.0), self.ride_s * habits.ridden());
        let no_show_s = habits.no_show.as_secs_f64();
        let (found_s, waiting_s) = (matching_s + to_pickup_s, matching_s + to_pickup_s + boarding_s);
        let (ping_s, heartbeat_s) = (habits.ping_every.as_secs_f64(), habits.heartbeat_every.as_secs_f64());
        let (waiting_poll_s, riding_poll_s) =
            (habits.waiting_poll_every.as_secs_f64(), habits.riding_poll_every.as_secs_f64());
        // Sees the offer, answers it.
        let per_offer = 2.0;
        // A cancelled trip still has its driver depart and learn on arrival that nobody wants it; one given back was departed for.
        let progress = 2.0 + 2.0 * driven + absent + 2.0 * again;
        // One more: who becomes free says so at once.
        let pings = 1.0
            + again
            + (to_pickup_s + driven * ride_s) / ping_s
            + (matching_s + driven * boarding_s + absent * no_show_s) / heartbeat_s;
        let polls = driven
            * (waiting_s / waiting_poll_s + 0.5 + (ride_s - waiting_poll_s / 2.0).max(0.0) / riding_poll_s + 0.5)
            + absent * ((found_s + no_show_s) / waiting_poll_s + 0.5)
            + habits.cancel_share * habits.cancel_within.as_secs_f64() / 2.0 / waiting_poll_s;
        let offers = per_offer / habits.accept_share * (1.0 + again);
        let per_trip =
            1.0 + habits.cancel_share + habits.receipt_share + habits.erasure_share + offers + progress + pings + polls;
        let per_idle_s = 1.0 / heartbeat_s + 1.0 / habits.offer_poll_every.as_secs_f64();
        let per_rider = 1.0 + habits.quotes_per_rider;
        Traffic {
            requests_per_s: trips_per_s * per_trip + riders_per_s * per_rider + idle * per_idle_s,
            trips_per_hour: trips_per_s * 3600.0,
            riders_per_hour: riders_per_s * 3600.0,
            drivers: trips_per_s * self.busy_s(idle) + idle,
            idle_drivers: idle,
            riding_drivers: trips_per_s * driven * ride_s,
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
        let habits = &self.habits;
        let again = habits.again();
        habits.matching_s() * (1.0 + again)
            + self.pickup_s(idle) * (1.0 + again / 2.0)
            + habits.driven() * (habits.boarding.as_secs_f64() + self.ride_s * habits.ridden())
            + habits.absent() * habits.no_show.as_secs_f64()
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
    for (what, duration) in habits.clone().durations() {
        positive(what, duration.as_secs_f64())?;
    }
    positive("quotes a rider", habits.quotes_per_rider)?;
    let share = |what, value: f64, fits: bool, most| {
        if fits { Ok(()) } else { Err(TrafficError::NotAShare { what, value, most }) }
    };
    let accepted = |value: f64| value > 0.0 && value <= 1.0;
    share("request share", habits.request_share, accepted(habits.request_share), "at most 1")?;
    share("accept share", habits.accept_share, accepted(habits.accept_share), "at most 1")?;
    // Nobody cancelling is a share too.
    for (what, share_of_losses) in [
        ("share that is not cancelled", habits.cancel_share),
        ("share that shows up", habits.no_show_share),
        ("share that is not given back", habits.give_back_share),
    ] {
        let left = 1.0 - share_of_losses;
        share(what, left, accepted(left), "at most 1")?;
    }
    for (what, share_of_some) in [
        ("one more than the share that does not leave early", habits.leave_early_share),
        ("one more than the share that reads no receipt", habits.receipt_share),
        ("one more than the share that stays", habits.erasure_share),
    ] {
        let others = 2.0 - share_of_some;
        share(what, others, (1.0..=2.0).contains(&others), "at most 2")?;
    }
    share("utilisation", habits.utilisation, habits.utilisation > 0.0 && habits.utilisation < 1.0, "below 1")
}
