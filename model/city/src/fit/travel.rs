//! Duration and distance: a law of distance, hours of the week, and pairs of zones, each fitted to what the others leave.

use std::collections::BTreeMap;

use super::rows::Trip;
use super::shrink::shrunken_means;
use crate::calendar::HOURS_A_WEEK;
use crate::travel::{PowerLaw, Travel};
use crate::zones::{Zone, ZoneIndex};

type Pair = (ZoneIndex, ZoneIndex);

pub(super) struct Roads {
    pub travel: Travel,
    /// Mean seconds (at mean speed) and mean metres of every pair that was seen.
    pub pairs: BTreeMap<Pair, (f64, f64)>,
}

/// Rounds of fitting hours and pairs in turn. Two already agree to a tenth of a percent.
const ROUNDS: usize = 4;

/// `None` where all trips are equally long as the crow flies.
pub(super) fn fit(trips: &[Trip], zones: &[Zone], speed_cap_km_h: f64) -> Option<Roads> {
    let typical_m: Vec<f64> =
        trips.iter().map(|trip| zones[trip.from.0].typical_distance_m(&zones[trip.to.0])).collect();
    let duration = Effects::fit(trips, &typical_m, |trip| trip.duration_s, true)?;
    let distance = Effects::fit(trips, &typical_m, |trip| trip.distance_m, false)?;
    let pairs = duration
        .pairs
        .iter()
        .map(|((from, to), effect)| {
            let metres = zones[from.0].typical_distance_m(&zones[to.0]);
            let seconds = duration.law.at(metres) * libm::exp(*effect);
            ((*from, *to), (seconds, distance.law.at(metres) * libm::exp(distance.pairs[&(*from, *to)])))
        })
        .collect();
    let speed_factor = duration.hours.iter().map(|effect| libm::exp(-effect)).collect();
    let travel = Travel {
        duration_s: duration.law,
        distance_m: distance.law,
        speed_factor,
        duration_log_sd: duration.log_sd,
        speed_cap_km_h,
    };
    Some(Roads { travel, pairs })
}

/// A quantity of a trip as law of distance x hour of the week x pair of zones, fitted in logarithms.
struct Effects {
    law: PowerLaw,
    /// Logarithms; their mean over the trips is 0.
    hours: Vec<f64>,
    pairs: BTreeMap<Pair, f64>,
    log_sd: f64,
}

impl Effects {
    fn fit(trips: &[Trip], typical_m: &[f64], quantity: impl Fn(&Trip) -> f64, by_hour: bool) -> Option<Effects> {
        let logs: Vec<f64> = trips.iter().map(|trip| libm::log(quantity(trip))).collect();
        let distances: Vec<f64> = typical_m.iter().map(|metres| libm::log(*metres)).collect();
        let (intercept, exponent) = least_squares(&distances, &logs)?;
        let unexplained: Vec<f64> =
            logs.iter().zip(&distances).map(|(log, distance)| log - intercept - exponent * distance).collect();
        let mut hours = vec![0.0; HOURS_A_WEEK];
        let mut pairs: BTreeMap<Pair, f64> = BTreeMap::new();
        let hour_of = |trip: &Trip| trip.minute().hour_of_week();
        for _ in 0..ROUNDS {
            if by_hour {
                let without_pairs = trips.iter().zip(&unexplained).map(|(trip, rest)| {
                    (hour_of(trip), rest - pairs.get(&(trip.from, trip.to)).copied().unwrap_or(0.0))
                });
                shrunken_means(without_pairs).into_iter().for_each(|(hour, effect)| hours[hour] = effect);
                let mean = trips.iter().map(|trip| hours[hour_of(trip)]).sum::<f64>() / trips.len() as f64;
                hours.iter_mut().for_each(|effect| *effect -= mean);
            }
            let without_hours =
                trips.iter().zip(&unexplained).map(|(trip, rest)| ((trip.from, trip.to), rest - hours[hour_of(trip)]));
            pairs = shrunken_means(without_hours);
        }
        let scatter: Vec<f64> = trips
            .iter()
            .zip(&unexplained)
            .map(|(trip, rest)| rest - hours[hour_of(trip)] - pairs[&(trip.from, trip.to)])
            .collect();
        let count = scatter.len() as f64;
        // The law is of the mean, not of the mean logarithm: predictions add up to what was recorded.
        let recorded: f64 = trips.iter().map(&quantity).sum();
        let predicted: f64 = logs.iter().zip(&scatter).map(|(log, rest)| libm::exp(log - rest)).sum();
        let level = recorded / predicted;
        let mean = scatter.iter().sum::<f64>() / count;
        let variance = scatter.iter().map(|rest| (rest - mean) * (rest - mean)).sum::<f64>() / count;
        let law = PowerLaw { scale: libm::exp(intercept) * level, exponent };
        Some(Effects { law, hours, pairs, log_sd: variance.sqrt() })
    }
}

/// Intercept and slope; the slope is held at 0 or above, since nothing gets nearer by being farther.
fn least_squares(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let count = x.len() as f64;
    let mean_x = x.iter().sum::<f64>() / count;
    let mean_y = y.iter().sum::<f64>() / count;
    let variance: f64 = x.iter().map(|x| (x - mean_x) * (x - mean_x)).sum();
    if variance <= 1e-12 * count {
        return None;
    }
    let covariance: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let slope = (covariance / variance).max(0.0);
    Some((mean_y - slope * mean_x, slope))
}
