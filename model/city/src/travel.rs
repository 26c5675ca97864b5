//! How far and how long: a law of distance for any two points, corrected where a pair of zones has its own measurement.

use crate::calendar::WeekMinute;

/// `scale * metres ^ exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    pub scale: f64,
    pub exponent: f64,
}

impl PowerLaw {
    /// The law at a distance in metres as the crow flies. Below one metre it is held, so that standing still is not 0 to some power.
    pub fn at(&self, metres: f64) -> f64 {
        self.scale * libm::pow(metres.max(1.0), self.exponent)
    }
}

/// The roads of a city.
#[derive(Clone, Debug, PartialEq)]
pub struct Travel {
    /// Mean driving time in seconds, over the hours in which people travel.
    pub duration_s: PowerLaw,
    /// Mean driven distance in metres.
    pub distance_m: PowerLaw,
    /// Speed in each hour of the week relative to the mean: durations are divided by it.
    pub speed_factor: Vec<f64>,
    /// Standard deviation of the logarithm of one trip's duration around its expectation.
    pub duration_log_sd: f64,
    /// No vehicle is faster, km/h.
    pub speed_cap_km_h: f64,
}

impl Travel {
    /// Speed relative to the mean in this hour of the week.
    pub fn speed_factor_at(&self, minute: WeekMinute) -> f64 {
        self.speed_factor[minute.hour_of_week()]
    }

    /// Seconds below which `distance_m` metres cannot be driven.
    pub fn least_duration_s(&self, distance_m: f64) -> f64 {
        distance_m / (self.speed_cap_km_h / 3.6)
    }
}
