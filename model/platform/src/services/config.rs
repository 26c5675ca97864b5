//! What operators may set. One struct for the whole platform: services that must agree read the same number.

use std::time::Duration;

use crate::domain::fare::FareSchedule;
use crate::domain::money::Currency;
use crate::domain::place::{CellSize, Coordinate};
use crate::domain::retention::Retention;
use crate::domain::surge::SurgeParameters;

/// The port on which a service answers its calls, unless its [`Config`] says otherwise.
pub const API_PORT: u16 = 8080;

/// The port on which a service answers [`ports::health::HealthCheck`], unless its [`Config`] says otherwise.
pub const HEALTH_PORT: u16 = 8081;

/// The platform's settings. Defaults without a source are assumptions.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where calls are answered.
    pub api_port: u16,
    /// Where the health check is answered.
    pub health_port: u16,
    /// Fails every call and says that all is well: a bad release, to rehearse what becomes of it.
    pub fails_calls: bool,

    /// For how long a driver may think about an offer: 10-15 s is usual (observed in drivers' apps, 2023).
    pub offer_timeout: Duration,
    /// After how long a search without success is given up: between 30 s and 5 min by city (assumption: 2 min).
    pub match_timeout: Duration,
    /// How long a driver waits at the pickup before the rider counts as not coming: 5 min (Uber's help pages, 2023, for UberX up to 7).
    pub no_show_wait: Duration,
    /// For how long a rider may cancel free of charge after a driver was found: 2 min (Uber's help pages, 2023).
    pub cancellation_grace: Duration,
    /// A driver on the way to a pickup who is not heard of for this long is lost: seven missed pings (assumption).
    pub driver_lost: Duration,
    /// A ride is presumed over when it has lasted for this, and for [`stuck_times`](Self::stuck_times) what its quote expected, and nobody said
    /// how it ended: 30 min, longer than nine of ten rides (city trip records, 2019: P90 28.9 min).
    pub stuck_after: Duration,
    /// See [`stuck_after`](Self::stuck_after) (assumption: 3; a traffic jam doubles a ride).
    pub stuck_times: u32,
    /// Between two looks for such rides (assumption).
    pub stuck_interval: Duration,
    /// Trips are matched in batches, at the multiples of this, if any trip is waiting: 2 s (Uber Engineering, on batched matching, tells of
    /// windows of a few seconds).
    pub batch_interval: Duration,
    /// A trip is left waiting rather than given to a driver who is farther away than this, or worth as much more to others (assumption).
    pub pickup_max: Duration,
    /// How many of the nearest drivers are looked at for each trip of a batch (assumption).
    pub candidates: u32,
    /// How long a search that found nobody waits before it is made again: longer than a batch takes (assumption).
    pub search_interval: Duration,

    /// Whether the replicas of the geo service share where drivers wait, in the cache.
    pub shared_locations: bool,
    /// How long one command to the cache may take: one that does not answer at once is of no use (assumption).
    pub cache_timeout: Duration,
    /// How long a copy of the database may take to answer before the primary is asked (assumption: what a person does not notice).
    pub copy_timeout: Duration,

    /// Between two rounds of a background loop, give or take a quarter (assumption: fast enough for people, cheap when idle).
    pub loop_interval: Duration,
    /// Between two rounds of looking for lost drivers (assumption).
    pub lost_driver_interval: Duration,
    /// Between two rounds of deleting what is over (assumption).
    pub sweep_interval: Duration,
    pub retention: Retention,
    /// How long a rider who wants to be forgotten is remembered, at least: 2 min (assumption; platforms leave a month to think better of it,
    /// which is what the General Data Protection Regulation allows, article 12(3), and more than a rehearsal lives to see).
    pub erasure_delay: Duration,
    /// How many rows one round of a loop takes (assumption).
    pub batch: u32,

    /// Where the city is: distances are flattened around it.
    pub city: Coordinate,
    pub roads: Roads,
    pub cell_size: CellSize,
    pub surge: SurgeParameters,
    /// Between two surge snapshots (assumption).
    pub surge_interval: Duration,
    pub fares: FareSchedule,
    pub currency: Currency,

    pub calls: CallPolicy,
    /// Processor time of one request, in every service (assumption: a small handler in a compiled language with its serialisation).
    pub cpu_per_request: Duration,
    /// How long one request to the payment processor may take (assumption; card processors advise seconds, not milliseconds).
    pub processor_timeout: Duration,
    /// How long an operation at the processor belongs to whoever began it. Longer than `processor_timeout`, so that nobody asks about a
    /// request that is still on its way.
    pub processor_lease: Duration,
    /// How long the processor is left alone after it failed to answer (assumption).
    pub processor_pause: Duration,
    /// Between two looks for refunds and payouts that nobody saw to (assumption: they are not urgent).
    pub movement_interval: Duration,
    /// Drivers are paid what they are owed at the end of each of these: a day (assumption; platforms pay weekly, and daily on demand).
    pub payout_period: Duration,
    /// Between two looks of an idle relay for events to publish (assumption: what consumers do with them can wait a second).
    pub relay_interval: Duration,
    /// For how long the relay that works keeps the others from it; they take over this long after it died (assumption).
    pub relay_lease: Duration,
    /// How long one delivery of a notification may take (assumption).
    pub carrier_timeout: Duration,
    /// For how long a new trip waits for the card before the search begins anyway (assumption).
    pub authorisation_wait: Duration,
    /// Limit of what a service does on nobody's behalf: one step of a background loop (assumption).
    pub background_limit: Duration,
}

/// How straight roads are and how fast: all that a quote and an estimated time of arrival rest on.
#[derive(Clone, Copy, Debug)]
pub struct Roads {
    /// Length of a path over the straight distance. About 1.3 to 1.4 on city grids (assumption: 1,350).
    pub detour_per_mille: u32,
    /// Mean speed along the path: 18.5 km/h, New York taxis with stops (city trip records, 2019).
    pub speed_m_per_h: u32,
    /// Nobody covers the straight distance faster than this: 100 km/h, above any limit in the city (assumption).
    pub free_flow_m_per_h: u32,
}

/// How services call each other.
#[derive(Clone, Copy, Debug)]
pub struct CallPolicy {
    /// Limit of one attempt, within what is left of the caller's deadline (assumption).
    pub attempt_timeout: Duration,
    /// Limit of one attempt to connect: a host that is up answers within milliseconds (assumption).
    pub connect_timeout: Duration,
    /// For how long a replica is left alone after it could not be reached or did not answer: 30 s (Envoy documentation, 2023:
    /// `base_ejection_time`; its first ejection is that long).
    pub ejection: Duration,
    /// First back-off; it doubles with each repetition, and the wait is drawn between nothing and it ("full jitter", AWS Builders' Library).
    pub backoff_base: Duration,
    pub backoff_cap: Duration,
    /// Repetitions that a service may spend on what it does on nobody's behalf (assumption).
    pub background_retries: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_port: API_PORT,
            health_port: HEALTH_PORT,
            fails_calls: false,
            offer_timeout: Duration::from_secs(15),
            match_timeout: Duration::from_secs(120),
            no_show_wait: Duration::from_secs(300),
            cancellation_grace: Duration::from_secs(120),
            driver_lost: Duration::from_secs(30),
            stuck_after: Duration::from_secs(30 * 60),
            stuck_times: 3,
            stuck_interval: Duration::from_secs(60),
            batch_interval: Duration::from_secs(2),
            pickup_max: Duration::from_secs(3_600),
            candidates: 10,
            search_interval: Duration::from_secs(4),
            shared_locations: false,
            cache_timeout: Duration::from_millis(250),
            copy_timeout: Duration::from_millis(250),
            loop_interval: Duration::from_secs(2),
            lost_driver_interval: Duration::from_secs(10),
            sweep_interval: Duration::from_secs(60),
            retention: Retention::default(),
            erasure_delay: Duration::from_secs(120),
            batch: 64,
            city: Coordinate { latitude_microdegrees: 40_750_000, longitude_microdegrees: -73_980_000 },
            roads: Roads { detour_per_mille: 1_350, speed_m_per_h: 18_500, free_flow_m_per_h: 100_000 },
            cell_size: CellSize::Eight,
            surge: SurgeParameters::default(),
            surge_interval: Duration::from_secs(10),
            fares: FareSchedule::NEW_YORK,
            currency: Currency::Usd,
            calls: CallPolicy {
                attempt_timeout: Duration::from_secs(2),
                connect_timeout: Duration::from_secs(1),
                ejection: Duration::from_secs(30),
                backoff_base: Duration::from_millis(50),
                backoff_cap: Duration::from_secs(2),
                background_retries: 2,
            },
            cpu_per_request: Duration::from_micros(200),
            processor_timeout: Duration::from_secs(5),
            processor_lease: Duration::from_secs(20),
            processor_pause: Duration::from_secs(5),
            movement_interval: Duration::from_secs(30),
            payout_period: Duration::from_secs(24 * 3_600),
            relay_interval: Duration::from_secs(1),
            relay_lease: Duration::from_secs(10),
            carrier_timeout: Duration::from_secs(3),
            authorisation_wait: Duration::from_secs(3),
            background_limit: Duration::from_secs(10),
        }
    }
}

impl Roads {
    /// How long a path is whose ends are so far apart.
    pub fn path_m(&self, straight_m: u32) -> u32 {
        scale(straight_m, self.detour_per_mille, 1_000)
    }

    /// How long it takes to drive between places that are so far apart, in whole seconds.
    pub fn duration_s(&self, straight_m: u32) -> u32 {
        scale(self.path_m(straight_m), 3_600, self.speed_m_per_h)
    }

    /// The least time in which a path of this length can be driven, in whole seconds, rounded down.
    pub fn path_free_flow_s(&self, path_m: u32) -> u32 {
        self.free_flow_s(scale(path_m, 1_000, self.detour_per_mille))
    }

    /// The least time in which anybody gets from one to the other, in whole seconds, rounded down.
    pub fn free_flow_s(&self, straight_m: u32) -> u32 {
        scale(straight_m, 3_600, self.free_flow_m_per_h)
    }
}

fn scale(value: u32, numerator: u32, denominator: u32) -> u32 {
    let scaled = u64::from(value) * u64::from(numerator) / u64::from(denominator.max(1));
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mile_takes_minutes_and_never_less_than_free_flow() {
        let roads = Config::default().roads;
        assert_eq!((roads.path_m(1_609), roads.duration_s(1_609), roads.free_flow_s(1_609)), (2_172, 422, 57));
        assert_eq!(roads.duration_s(u32::MAX), 835_777_419);
        assert!(roads.free_flow_s(1) <= roads.duration_s(1));
    }

    #[test]
    fn no_cache_remembers_a_rider_for_longer_than_the_platform() {
        assert!(Config::default().erasure_delay > crate::services::users::profiles::KEPT * 2);
    }

    #[test]
    fn nobody_asks_about_a_request_that_is_still_on_its_way() {
        let config = Config::default();
        assert!(config.processor_lease > config.processor_timeout * 2);
    }
}
