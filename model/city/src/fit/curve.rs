//! Demand in each hour of the week, and how much it varies beyond chance.

use std::collections::BTreeMap;
use std::ops::Range;

use super::rows::Trip;
use crate::calendar::{HOURS_A_WEEK, week_minute_of};

pub(super) struct Curve {
    /// Mean 1.
    pub hour_of_week: Vec<f64>,
    /// Relative variance of an hour's demand from week to week, beyond Poisson chance.
    pub overdispersion: f64,
}

pub(super) fn fit(trips: &[Trip], days: &Range<i64>) -> Curve {
    let mut trips_in = vec![0.0; HOURS_A_WEEK];
    let mut trips_in_hour: BTreeMap<i64, f64> = BTreeMap::new();
    for trip in trips {
        trips_in[trip.minute().hour_of_week()] += 1.0;
        *trips_in_hour.entry(trip.pickup_s.div_euclid(3600)).or_default() += 1.0;
    }
    let hours = days.start / 3600..days.end / 3600;
    let mut weeks_of = vec![0.0; HOURS_A_WEEK];
    for hour in hours.clone() {
        weeks_of[week_minute_of(hour * 3600).hour_of_week()] += 1.0;
    }
    let rates = shrunken_rates(&trips_in, &weeks_of);
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    Curve {
        hour_of_week: rates.into_iter().map(|rate| rate / mean).collect(),
        overdispersion: overdispersion(hours, &trips_in_hour, &trips_in, &weeks_of),
    }
}

/// Trips an hour, each hour shrunk towards the same hour of similar days (Monday to Friday, or the weekend): the posterior mean under
/// a gamma prior around that hour's mean, whose relative variance is estimated from all 168 hours by the method of moments.
fn shrunken_rates(trips: &[f64], weeks: &[f64]) -> Vec<f64> {
    let prior: Vec<f64> = (0..HOURS_A_WEEK)
        .map(|hour| {
            let days = if hour < 5 * 24 { 0..5 } else { 5..7 };
            let same_hours = || days.clone().map(|day| day * 24 + hour % 24);
            let exposure: f64 = same_hours().map(|hour| weeks[hour]).sum();
            if exposure > 0.0 { same_hours().map(|hour| trips[hour]).sum::<f64>() / exposure } else { 0.0 }
        })
        .collect();
    let expected: Vec<f64> = prior.iter().zip(weeks).map(|(rate, weeks)| rate * weeks).collect();
    let differences = trips.iter().zip(&expected).map(|(trips, expected)| (trips - expected, expected));
    let excess: f64 = differences.map(|(difference, expected)| difference * difference - expected).sum();
    let squares: f64 = expected.iter().map(|expected| expected * expected).sum();
    let variance = if squares > 0.0 { (excess / squares).max(0.0) } else { 0.0 };
    (0..HOURS_A_WEEK)
        .map(|hour| {
            if variance == 0.0 || prior[hour] == 0.0 {
                return prior[hour];
            }
            let shape = 1.0 / variance;
            (trips[hour] + shape) / (weeks[hour] + shape / prior[hour])
        })
        .collect()
}

/// Method of moments over single hours: what their squared deviations from their own hour of the week exceed the Poisson variance by.
fn overdispersion(hours: Range<i64>, trips_in_hour: &BTreeMap<i64, f64>, trips: &[f64], weeks: &[f64]) -> f64 {
    let (mut excess, mut squares) = (0.0, 0.0);
    for hour in hours {
        let of_week = week_minute_of(hour * 3600).hour_of_week();
        if weeks[of_week] < 2.0 {
            continue;
        }
        let mean = trips[of_week] / weeks[of_week];
        let deviation = trips_in_hour.get(&hour).copied().unwrap_or(0.0) - mean;
        // The mean comes from the same weeks, which takes one of their degrees of freedom.
        excess += deviation * deviation * weeks[of_week] / (weeks[of_week] - 1.0) - mean;
        squares += mean * mean;
    }
    if squares > 0.0 { (excess / squares).max(0.0) } else { 0.0 }
}
