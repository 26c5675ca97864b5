//! From a city file without mistakes to the city's parts.

use std::collections::BTreeMap;

use super::schema::{CityFile, LawKeys, PhoneKeys, TripsFromKeys};
use crate::city::{Parts, Volume};
use crate::flows::{Flows, SeenPair};
use crate::habits::PhoneHabits;
use crate::point::Point;
use crate::travel::{PowerLaw, Travel};
use crate::zones::{Zone, ZoneIndex};

pub(super) fn parts(file: CityFile) -> Parts {
    let zones: Vec<Zone> = file
        .zones
        .into_iter()
        .map(|keys| Zone {
            id: keys.id,
            name: keys.name,
            borough: keys.borough,
            centroid: Point { latitude: keys.latitude, longitude: keys.longitude },
            area_km2: keys.area_km2,
            pickup_share: keys.pickup_share,
            dropoff_share: keys.dropoff_share,
        })
        .collect();
    let flows = Flows {
        prior_weight: file.flows.prior_weight,
        gravity_scale_m: file.flows.gravity_scale_m,
        seen: seen(&file.trips_from, &zones),
    };
    Parts {
        name: file.name,
        source: file.source,
        time_zone: file.time_zone,
        volume: Volume {
            trips_per_vehicle_day: file.volume.trips_per_vehicle_day,
            weekly_trips: file.volume.weekly_trips,
        },
        overdispersion: file.demand.overdispersion,
        hour_of_week: file.demand.hour_of_week,
        zones,
        flows,
        travel: Travel {
            duration_s: law(&file.travel.duration_s),
            distance_m: law(&file.travel.distance_m),
            speed_factor: file.travel.speed_factor,
            duration_log_sd: file.travel.duration_log_sd,
            speed_cap_km_h: file.travel.speed_cap_km_h,
        },
        habits: habits(&file.phones),
    }
}

fn law(keys: &LawKeys) -> PowerLaw {
    PowerLaw { scale: keys.scale, exponent: keys.exponent }
}

/// The usual, except for what the file replaces.
fn habits(keys: &PhoneKeys) -> PhoneHabits {
    let mut habits = PhoneHabits::default();
    let written = [
        keys.ping_every_s,
        keys.heartbeat_every_s,
        keys.offer_poll_every_s,
        keys.waiting_poll_every_s,
        keys.riding_poll_every_s,
        keys.deciding_s,
        keys.reaction_s,
        keys.boarding_s,
        keys.no_show_s,
        keys.cancel_within_s,
        keys.shift_spread_s,
    ];
    for ((_, duration), written) in habits.durations().into_iter().zip(written) {
        *duration = written.unwrap_or(*duration);
    }
    habits
}

/// Every zone that trips come from or go to is listed: the checks have seen to it.
fn seen(origins: &[TripsFromKeys], zones: &[Zone]) -> BTreeMap<(ZoneIndex, ZoneIndex), SeenPair> {
    let indices: BTreeMap<u32, ZoneIndex> =
        zones.iter().enumerate().map(|(index, zone)| (zone.id, ZoneIndex(index))).collect();
    let pairs = origins.iter().flat_map(|origin| origin.to.iter().map(move |row| (origin.zone, row)));
    pairs
        .map(|(from, row)| {
            let pair = SeenPair { trips: row.trips, duration_s: row.duration_s, distance_m: row.distance_m };
            ((indices[&from], indices[&row.zone]), pair)
        })
        .collect()
}
