//! The keys of a city file.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{Amount, List, Maybe, Text, Within};

use super::formats::{Hours, Seconds, TripsTo, TripsToRow, ZoneNumber};

section! {
    /// A city.
    pub(super) struct CityFile {
        /// What the city is called.
        name: String as Text,
        /// Where the numbers come from, a line each.
        source: Vec<String> as List<Text>,
        /// What the clock of the file means.
        time_zone("time-zone"): String as Text,
        /// How busy the city is.
        volume: VolumeKeys as Nested,
        /// When people want to travel.
        demand: DemandKeys as Nested,
        /// How far and how long.
        travel: TravelKeys as Nested,
        /// Where trips go that were rarely seen.
        flows: FlowKeys as Nested,
        /// How long people and phones take here, where it is not as usual.
        phones: PhoneKeys as Nested,
        /// The zones.
        zones("zone"): Vec<ZoneKeys> as List<Nested>,
        /// The trips that were seen, by the zone that they come from.
        trips_from("trips-from"): Vec<TripsFromKeys> as List<Nested> = Vec::new(),
    }
}

section! {
    /// How busy the city is, for scenarios that name no traffic of their own.
    pub(super) struct VolumeKeys {
        /// Trips that one vehicle makes in a day: a city needs drivers.
        trips_per_vehicle_day("trips-per-vehicle-day"): f64 as Amount,
        /// Trips in a mean week.
        weekly_trips("weekly-trips"): f64 as Amount,
    }
}

section! {
    /// When people want to travel.
    pub(super) struct DemandKeys {
        /// Variance of the factor that one block of minutes carries beyond Poisson chance; 0 is none.
        overdispersion: f64 as Within<0, 100>,
        /// Demand in each hour of the week, Monday 00:00 first; only its shape counts.
        hour_of_week("hour-of-week"): Vec<f64> as Hours<true>,
    }
}

section! {
    /// How far and how long.
    pub(super) struct TravelKeys {
        /// Mean driving seconds.
        duration_s("duration-s"): LawKeys as Nested,
        /// Mean driven metres.
        distance_m("distance-m"): LawKeys as Nested,
        /// Speed in each hour of the week relative to the mean, Monday 00:00 first.
        speed_factor("speed-factor"): Vec<f64> as Hours<false>,
        /// Standard deviation of the logarithm of one trip's duration.
        duration_log_sd("duration-log-sd"): f64 as Within<0, 100>,
        /// No vehicle is faster, kilometres an hour.
        speed_cap_km_h("speed-cap-km-h"): f64 as Amount,
    }
}

section! {
    /// `scale * metres ^ exponent`, metres as the crow flies.
    pub(super) struct LawKeys {
        /// What one metre comes to.
        scale: f64 as Amount,
        /// How it grows with distance; 1 is in proportion.
        exponent: f64 as Within<0, 2>,
    }
}

section! {
    /// Where trips go that were rarely seen.
    pub(super) struct FlowKeys {
        /// How many trips the pull of distance is worth.
        prior_weight("prior-weight"): f64 as Amount,
        /// Metres over which the pull of a destination falls by e.
        gravity_scale_m("gravity-scale-m"): f64 as Amount,
    }
}

section! {
    /// How long people and phones take here, in seconds, where it is not as usual.
    pub(super) struct PhoneKeys {
        /// Between two pings of a moving driver.
        ping_every_s("ping-every-s"): Option<Duration> as Maybe<Seconds>,
        /// Between two pings of a driver who stands.
        heartbeat_every_s("heartbeat-every-s"): Option<Duration> as Maybe<Seconds>,
        /// Between two looks of an idle driver for offers.
        offer_poll_every_s("offer-poll-every-s"): Option<Duration> as Maybe<Seconds>,
        /// Between two looks of a waiting rider at the trip.
        waiting_poll_every_s("waiting-poll-every-s"): Option<Duration> as Maybe<Seconds>,
        /// Between two looks of a rider on board.
        riding_poll_every_s("riding-poll-every-s"): Option<Duration> as Maybe<Seconds>,
        /// A rider over a price.
        deciding_s("deciding-s"): Option<Duration> as Maybe<Seconds>,
        /// A driver over an offer.
        reaction_s("reaction-s"): Option<Duration> as Maybe<Seconds>,
        /// From the driver's arrival until the rider sits in the car.
        boarding_s("boarding-s"): Option<Duration> as Maybe<Seconds>,
        /// For which a driver waits in vain.
        no_show_s("no-show-s"): Option<Duration> as Maybe<Seconds>,
        /// Within which a rider who changes their mind does so.
        cancel_within_s("cancel-within-s"): Option<Duration> as Maybe<Seconds>,
        /// Over which drivers come on duty.
        shift_spread_s("shift-spread-s"): Option<Duration> as Maybe<Seconds>,
    }
}

section! {
    /// A zone.
    pub(super) struct ZoneKeys {
        /// What trip records call it.
        id: u32 as ZoneNumber,
        /// Its name.
        name: String as Text,
        /// The part of the city that it belongs to.
        borough: String as Text,
        /// Of its middle, degrees north (WGS84).
        latitude: f64 as Within<-85, 85>,
        /// Of its middle, degrees east (WGS84).
        longitude: f64 as Within<-180, 180>,
        /// Its area, square kilometres.
        area_km2("area-km2"): f64 as Amount,
        /// Its share of the trips that begin.
        pickup_share("pickup-share"): f64 as Within<0, 1>,
        /// Its share of the trips that end.
        dropoff_share("dropoff-share"): f64 as Within<0, 1>,
    }
}

section! {
    /// Trips that were seen from a zone.
    pub(super) struct TripsFromKeys {
        /// The zone's number.
        zone: u32 as ZoneNumber,
        /// Destination zone, trips seen, mean seconds at mean speed, mean metres.
        to: Vec<TripsTo> as List<TripsToRow>,
    }
}
