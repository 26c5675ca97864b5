//! From what was written to what is meant: every rule a city must keep, all breaches collected.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;

use super::errors::Problem;
use super::schema::{CityFile, LawKeys, PhoneKeys, TripsFromKeys, ZoneKeys};
use crate::calendar::HOURS_A_WEEK;
use crate::city::{Parts, Volume};
use crate::flows::{Flows, SeenPair};
use crate::point::Point;
use crate::traffic::PhoneHabits;
use crate::travel::{PowerLaw, Travel};
use crate::zones::{Zone, ZoneIndex};

/// Shares are written with six decimals; this leaves room for the rounding of some hundred zones and for nothing else.
const SHARE_TOLERANCE: f64 = 0.001;

pub(super) fn check(file: CityFile, text: &str) -> Result<Parts, Vec<Problem>> {
    let mut rules = Rules { text, problems: Vec::new() };
    if file.name.get_ref().trim().is_empty() {
        rules.breach(&file.name, "the city has no name".to_owned(), "write one, like \"New York City\"");
    }
    let volume = Volume {
        trips_per_vehicle_day: rules.positive(
            &file.volume.trips_per_vehicle_day,
            "trips-per-vehicle-day",
            "a city needs drivers: above 0, like 8.85",
        ),
        weekly_trips: rules.positive(
            &file.volume.weekly_trips,
            "weekly-trips",
            "a city needs trips: above 0, like 490028",
        ),
    };
    let overdispersion = rules.at_least_zero(&file.demand.overdispersion, "overdispersion");
    let hour_of_week = rules.hours(&file.demand.hour_of_week, "hour-of-week", "demand", false);
    let travel = Travel {
        duration_s: rules.law(&file.travel.duration_s, "duration-s"),
        distance_m: rules.law(&file.travel.distance_m, "distance-m"),
        speed_factor: rules.hours(&file.travel.speed_factor, "speed-factor", "speed", true),
        duration_log_sd: rules.at_least_zero(&file.travel.duration_log_sd, "duration-log-sd"),
        speed_cap_km_h: rules.positive(
            &file.travel.speed_cap_km_h,
            "speed-cap-km-h",
            "write a speed above 0, like 105",
        ),
    };
    let habits = rules.habits(&file.phones);
    let zones = rules.zones(&file.zones);
    let flows = Flows {
        prior_weight: rules.positive(
            &file.flows.prior_weight,
            "prior-weight",
            "write a number of trips above 0, like 30",
        ),
        gravity_scale_m: rules.positive(
            &file.flows.gravity_scale_m,
            "gravity-scale-m",
            "write metres above 0, like 3000",
        ),
        seen: rules.seen(&file.trips_from, &zones),
    };
    if !rules.problems.is_empty() {
        rules.problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(rules.problems);
    }
    Ok(Parts {
        name: file.name.into_inner(),
        source: file.source,
        time_zone: file.time_zone,
        volume,
        overdispersion,
        hour_of_week,
        zones,
        flows,
        travel,
        habits,
    })
}

struct Rules<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Rules<'_> {
    fn breach<T>(&mut self, value: &Spanned<T>, what: String, hint: impl Into<String>) {
        self.problems.push(Problem::at(self.text, value.span(), what, hint));
    }

    fn positive(&mut self, value: &Spanned<f64>, key: &str, hint: &str) -> f64 {
        let number = *value.get_ref();
        if !(number.is_finite() && number > 0.0) {
            self.breach(value, format!("{key} is {number}"), hint);
        }
        number
    }

    fn at_least_zero(&mut self, value: &Spanned<f64>, key: &str) -> f64 {
        self.between(value, key, 0.0, 100.0)
    }

    fn between(&mut self, value: &Spanned<f64>, key: &str, least: f64, most: f64) -> f64 {
        let number = *value.get_ref();
        if !(least..=most).contains(&number) {
            self.breach(value, format!("{key} is {number}"), format!("write a number from {least} to {most}"));
        }
        number
    }

    fn habits(&mut self, keys: &PhoneKeys) -> PhoneHabits {
        let mut habits = PhoneHabits::default();
        let written = [
            &keys.ping_every_s,
            &keys.heartbeat_every_s,
            &keys.offer_poll_every_s,
            &keys.waiting_poll_every_s,
            &keys.riding_poll_every_s,
            &keys.deciding_s,
            &keys.reaction_s,
            &keys.boarding_s,
            &keys.no_show_s,
            &keys.cancel_within_s,
            &keys.shift_spread_s,
        ];
        for ((key, duration), written) in habits.durations().into_iter().zip(written) {
            let Some(value) = written else { continue };
            let seconds = *value.get_ref();
            // A millisecond is the shortest that makes sense, a day the longest.
            if (0.001..=86_400.0).contains(&seconds) {
                *duration = Duration::from_secs_f64(seconds);
            } else {
                self.breach(value, format!("{key} is {seconds}"), "write seconds from 0.001 to 86400");
            }
        }
        habits
    }

    fn law(&mut self, keys: &LawKeys, key: &str) -> PowerLaw {
        PowerLaw {
            scale: self.positive(&keys.scale, &format!("{key}.scale"), "write a number above 0"),
            exponent: self.between(&keys.exponent, &format!("{key}.exponent"), 0.0, 2.0),
        }
    }

    fn hours(&mut self, hours: &Spanned<Vec<f64>>, key: &str, noun: &str, zero_refused: bool) -> Vec<f64> {
        let values = hours.get_ref();
        if values.len() != HOURS_A_WEEK {
            let hint = format!("write {HOURS_A_WEEK}, one an hour, Monday 00:00 first");
            self.breach(hours, format!("{key} has {} values", values.len()), hint);
        }
        let refused = |value: f64| !(value.is_finite() && (value > 0.0 || value == 0.0 && !zero_refused));
        if let Some(hour) = values.iter().position(|value| refused(*value)) {
            let hint = if zero_refused { "write numbers above 0" } else { "write numbers of at least 0" };
            self.breach(hours, format!("{key} of hour {hour} is {}", values[hour]), hint);
        } else if values.iter().sum::<f64>() <= 0.0 && !values.is_empty() {
            self.breach(hours, format!("the city has no {noun} in any hour"), "write at least one above 0");
        }
        values.clone()
    }

    fn zones(&mut self, zones: &Spanned<Vec<ZoneKeys>>) -> Vec<Zone> {
        if zones.get_ref().is_empty() {
            self.breach(zones, "the city has no zones".to_owned(), "write at least one [[zone]]");
            return Vec::new();
        }
        let mut read: Vec<Zone> = Vec::new();
        for keys in zones.get_ref() {
            let id = *keys.id.get_ref();
            if read.iter().any(|zone| zone.id == id) {
                self.breach(&keys.id, format!("zone {id} is there twice"), "give each zone a number of its own");
            }
            read.push(Zone {
                id,
                name: keys.name.clone(),
                borough: keys.borough.clone(),
                centroid: Point {
                    latitude: self.between(&keys.latitude, "latitude", -85.0, 85.0),
                    longitude: self.between(&keys.longitude, "longitude", -180.0, 180.0),
                },
                area_km2: self.positive(&keys.area_km2, "area-km2", "write square kilometres above 0"),
                pickup_share: self.between(&keys.pickup_share, "pickup-share", 0.0, 1.0),
                dropoff_share: self.between(&keys.dropoff_share, "dropoff-share", 0.0, 1.0),
            });
        }
        self.shares(zones, read.iter().map(|zone| zone.pickup_share).sum(), "pickup-share");
        self.shares(zones, read.iter().map(|zone| zone.dropoff_share).sum(), "dropoff-share");
        read
    }

    fn shares(&mut self, zones: &Spanned<Vec<ZoneKeys>>, sum: f64, key: &str) {
        if sum.is_nan() || (sum - 1.0).abs() > SHARE_TOLERANCE {
            let what = format!("{key} of all zones sums to {sum:.6}");
            self.breach(zones, what, "shares must sum to 1");
        }
    }

    fn seen(&mut self, origins: &[TripsFromKeys], zones: &[Zone]) -> BTreeMap<(ZoneIndex, ZoneIndex), SeenPair> {
        let mut seen = BTreeMap::new();
        let index_of = |id: u32| zones.iter().position(|zone| zone.id == id).map(ZoneIndex);
        for origin in origins {
            let Some(from) = index_of(*origin.zone.get_ref()) else {
                let what = format!("trips come from zone {}, which is not listed", origin.zone.get_ref());
                self.breach(&origin.zone, what, "add the [[zone]] or drop its trips");
                continue;
            };
            for row in &origin.to {
                let (id, trips, duration_s, distance_m) = *row.get_ref();
                let Some(to) = index_of(id) else {
                    let what = format!("trips go to zone {id}, which is not listed");
                    self.breach(row, what, "add the [[zone]] or drop its trips");
                    continue;
                };
                let usable = |value: f64| value.is_finite() && value > 0.0;
                if trips == 0 || !usable(duration_s) || !usable(distance_m) {
                    let what = format!("trips, seconds and metres are {trips}, {duration_s}, {distance_m}");
                    self.breach(row, what, "all three must be above 0");
                }
                if seen.insert((from, to), SeenPair { trips, duration_s, distance_m }).is_some() {
                    let what = format!("trips from zone {} to zone {id} are there twice", origin.zone.get_ref());
                    self.breach(row, what, "keep one of the two");
                }
            }
        }
        seen
    }
}
