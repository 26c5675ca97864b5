//! The city as a model uses it: validated, normalised, with its sampling tables built.

use std::time::Duration;

use rand::Rng;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;

use crate::calendar::{HOURS_A_WEEK, MINUTES_A_WEEK, WeekMinute};
use crate::draws::lognormal_mean_one;
use crate::flows::Flows;
use crate::habits::PhoneHabits;
use crate::point::Point;
use crate::travel::Travel;
use crate::zones::{Place, Zone, ZoneIndex};

/// How busy the real city is, for scenarios that name no traffic of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Volume {
    /// Trips that one vehicle makes in a day.
    pub trips_per_vehicle_day: f64,
    /// Trips in a mean week.
    pub weekly_trips: f64,
}

/// What a city file or a fit says, before the tables are built.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    pub name: String,
    pub source: Vec<String>,
    pub time_zone: String,
    pub volume: Volume,
    pub overdispersion: f64,
    pub hour_of_week: Vec<f64>,
    pub zones: Vec<Zone>,
    pub flows: Flows,
    pub travel: Travel,
    pub habits: PhoneHabits,
}

/// Where people want to travel, when, and how long it takes.
#[derive(Clone, Debug)]
pub struct City {
    parts: Parts,
    /// Demand in each minute of the week; mean 1.
    demand_by_minute: Vec<f64>,
    pickups: WeightedAliasIndex<f64>,
    destinations: Vec<WeightedAliasIndex<f64>>,
}

impl City {
    /// `parts` come from the file checks or from a fit; a violation here is a bug of theirs.
    pub(crate) fn new(mut parts: Parts) -> City {
        assert_eq!(parts.hour_of_week.len(), HOURS_A_WEEK);
        assert_eq!(parts.travel.speed_factor.len(), HOURS_A_WEEK);
        normalise(parts.hour_of_week.iter_mut(), HOURS_A_WEEK as f64);
        normalise(parts.zones.iter_mut().map(|zone| &mut zone.pickup_share), 1.0);
        normalise(parts.zones.iter_mut().map(|zone| &mut zone.dropoff_share), 1.0);
        let demand_by_minute = (0..MINUTES_A_WEEK).map(|minute| between_hours(&parts.hour_of_week, minute)).collect();
        let table = |weights: Vec<f64>| WeightedAliasIndex::new(weights).expect("shares are finite and sum to 1");
        let pickups = table(parts.zones.iter().map(|zone| zone.pickup_share).collect());
        let destinations = (0..parts.zones.len())
            .map(|from| table(parts.flows.destination_shares(&parts.zones, ZoneIndex(from))))
            .collect();
        City { parts, demand_by_minute, pickups, destinations }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// Where the numbers come from, a line each.
    pub fn source(&self) -> &[String] {
        &self.parts.source
    }

    pub fn volume(&self) -> Volume {
        self.parts.volume
    }

    /// Variance of the gamma-distributed factor on the demand of one [`crate::demand::MIXING_BLOCK`]; 0 is a plain Poisson process.
    pub fn overdispersion(&self) -> f64 {
        self.parts.overdispersion
    }

    pub fn zones(&self) -> &[Zone] {
        &self.parts.zones
    }

    pub fn zone(&self, zone: ZoneIndex) -> &Zone {
        &self.parts.zones[zone.0]
    }

    /// The zone that trip records call `id`.
    pub fn zone_of_id(&self, id: u32) -> Option<ZoneIndex> {
        self.parts.zones.iter().position(|zone| zone.id == id).map(ZoneIndex)
    }

    pub fn flows(&self) -> &Flows {
        &self.parts.flows
    }

    pub fn travel(&self) -> &Travel {
        &self.parts.travel
    }

    /// What phones and people do here: the usual, except for what the city's file replaces.
    pub fn habits(&self) -> &PhoneHabits {
        &self.parts.habits
    }

    /// Demand in each hour of the week, Monday 00:00 first; mean 1.
    pub fn hour_of_week(&self) -> &[f64] {
        &self.parts.hour_of_week
    }

    /// Demand in this minute relative to the mean of the week: linear between the middles of the hours.
    pub fn demand_at(&self, minute: WeekMinute) -> f64 {
        self.demand_by_minute[minute.index()]
    }

    /// Mean of `value` over the minutes of a window, each weighted by its demand: what a trip of that window sees.
    pub fn mean_over_trips(&self, start: WeekMinute, window: Duration, value: impl Fn(WeekMinute) -> f64) -> f64 {
        let minutes = minutes_of(start, window);
        let weight: f64 = minutes.iter().map(|minute| self.demand_at(*minute)).sum();
        if weight <= 0.0 {
            return minutes.iter().map(|minute| value(*minute)).sum::<f64>() / minutes.len() as f64;
        }
        minutes.iter().map(|minute| self.demand_at(*minute) * value(*minute)).sum::<f64>() / weight
    }

    /// Mean demand over a window relative to the mean of the week.
    pub fn mean_demand(&self, start: WeekMinute, window: Duration) -> f64 {
        let minutes = minutes_of(start, window);
        minutes.iter().map(|minute| self.demand_at(*minute)).sum::<f64>() / minutes.len() as f64
    }

    /// A pickup zone, by pickup share.
    pub fn draw_pickup_zone(&self, rng: &mut impl Rng) -> ZoneIndex {
        ZoneIndex(self.pickups.sample(rng))
    }

    /// A destination of a trip from `from`.
    pub fn draw_dropoff_zone(&self, from: ZoneIndex, rng: &mut impl Rng) -> ZoneIndex {
        ZoneIndex(self.destinations[from.0].sample(rng))
    }

    /// A uniform point of a zone.
    pub fn draw_place(&self, zone: ZoneIndex, rng: &mut impl Rng) -> Place {
        Place { point: self.zone(zone).point(rng), zone }
    }

    /// The zone whose disc `point` lies deepest in, or nearest to: for points that arrive without a zone.
    pub fn zone_at(&self, point: Point) -> ZoneIndex {
        let depth = |zone: &Zone| point.distance_m(zone.centroid) / zone.radius_m();
        let mut nearest = (f64::INFINITY, 0);
        for (index, zone) in self.parts.zones.iter().enumerate() {
            let depth = depth(zone);
            if depth < nearest.0 {
                nearest = (depth, index);
            }
        }
        ZoneIndex(nearest.1)
    }

    /// Mean driven distance in metres; never less than as the crow flies.
    pub fn distance_m(&self, from: Place, to: Place) -> f64 {
        let crow_m = from.point.distance_m(to.point);
        let law = self.parts.travel.distance_m;
        let driven_m = match self.parts.flows.seen.get(&(from.zone, to.zone)) {
            Some(pair) => pair.distance_m * law.at(crow_m) / law.at(self.typical_distance_m(from.zone, to.zone)),
            None => law.at(crow_m),
        };
        driven_m.max(crow_m)
    }

    /// Mean driving time at this minute of the week; never faster than the speed cap.
    ///
    /// A pair of zones that was measured gives the level, the law how it changes with where in the two zones the points lie.
    pub fn expected_duration(&self, from: Place, to: Place, minute: WeekMinute) -> Duration {
        Duration::from_secs_f64(self.expected_duration_s(from, to, minute))
    }

    /// One trip's driving time: the expectation with its lognormal scatter, never faster than the speed cap.
    pub fn draw_duration(&self, from: Place, to: Place, minute: WeekMinute, rng: &mut impl Rng) -> Duration {
        let scatter = lognormal_mean_one(self.parts.travel.duration_log_sd, rng);
        let drawn_s = self.expected_duration_s(from, to, minute) * scatter;
        let least_s = self.parts.travel.least_duration_s(self.distance_m(from, to));
        Duration::from_secs_f64(drawn_s.max(least_s))
    }

    fn expected_duration_s(&self, from: Place, to: Place, minute: WeekMinute) -> f64 {
        let crow_m = from.point.distance_m(to.point);
        let travel = &self.parts.travel;
        let law = travel.duration_s;
        let at_mean_speed_s = match self.parts.flows.seen.get(&(from.zone, to.zone)) {
            Some(pair) => pair.duration_s * law.at(crow_m) / law.at(self.typical_distance_m(from.zone, to.zone)),
            None => law.at(crow_m),
        };
        (at_mean_speed_s / travel.speed_factor_at(minute)).max(travel.least_duration_s(self.distance_m(from, to)))
    }

    fn typical_distance_m(&self, from: ZoneIndex, to: ZoneIndex) -> f64 {
        self.zone(from).typical_distance_m(self.zone(to))
    }

    /// Mean duration in seconds of this city's trips at mean speed, over its pickup shares and flows.
    pub fn mean_trip_s(&self) -> f64 {
        let parts = &self.parts;
        let mut mean_s = 0.0;
        for (index, zone) in parts.zones.iter().enumerate().filter(|(_, zone)| zone.pickup_share > 0.0) {
            let from = ZoneIndex(index);
            for (to, share) in parts.flows.destination_shares(&parts.zones, from).into_iter().enumerate() {
                let to = ZoneIndex(to);
                let duration_s = match parts.flows.seen.get(&(from, to)) {
                    Some(pair) => pair.duration_s,
                    None => parts.travel.duration_s.at(self.typical_distance_m(from, to)),
                };
                mean_s += zone.pickup_share * share * duration_s;
            }
        }
        mean_s
    }

    /// A place anywhere in the city, by pickup share.
    pub fn draw_pickup(&self, rng: &mut impl Rng) -> Place {
        let zone = self.draw_pickup_zone(rng);
        self.draw_place(zone, rng)
    }
}

fn minutes_of(start: WeekMinute, window: Duration) -> Vec<WeekMinute> {
    // At least one minute, and no more than a week: the curve repeats.
    let count = window.as_secs().div_ceil(60).clamp(1, MINUTES_A_WEEK as u64);
    (0..count).map(|minute| WeekMinute::new(start.index() as u64 + minute)).collect()
}

fn normalise<'a>(values: impl Iterator<Item = &'a mut f64>, target_sum: f64) {
    let values: Vec<&mut f64> = values.collect();
    let sum: f64 = values.iter().map(|value| **value).sum();
    assert!(sum > 0.0 && sum.is_finite(), "shares must have a positive sum");
    values.into_iter().for_each(|value| *value *= target_sum / sum);
}

fn between_hours(hours: &[f64], minute: usize) -> f64 {
    // The middle of a minute, in hours from the middle of the first hour; a circle of 168.
    let position = (minute as f64 + 0.5) / 60.0 - 0.5 + HOURS_A_WEEK as f64;
    let hour = position as usize;
    let fraction = position - hour as f64;
    hours[hour % HOURS_A_WEEK] * (1.0 - fraction) + hours[(hour + 1) % HOURS_A_WEEK] * fraction
}
