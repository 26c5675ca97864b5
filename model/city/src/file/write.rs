//! The text of a city file: comments say what a reader needs, numbers carry no more digits than the data.

use std::fmt::Write;

use crate::city::Parts;
use crate::habits::PhoneHabits;
use crate::travel::PowerLaw;
use crate::zones::{Zone, ZoneIndex};

/// Zone pairs on one line.
const PAIRS_A_LINE: usize = 10;

pub(super) fn write(parts: &Parts) -> String {
    let mut sections = vec![head(parts), travel(parts), flows(parts)];
    sections.extend(phones(parts));
    sections.extend(parts.zones.iter().map(zone));
    sections.extend((0..parts.zones.len()).filter_map(|from| trips_from(parts, ZoneIndex(from))));
    sections.join("\n")
}

fn head(parts: &Parts) -> String {
    let sources: Vec<String> = parts.source.iter().map(|line| format!("    {},\n", quoted(line))).collect();
    format!(
        "# Fitted from trip records by `rehearse city fit`: fit again rather than edit.\nname = {}\nsource = [\n{}]\ntime-zone = {}\n\n\
         [volume]\ntrips-per-vehicle-day = {}\nweekly-trips = {}\n\n\
         [demand]\n# Variance of the factor that one block of minutes carries beyond Poisson chance.\noverdispersion = {}\n\
         # Relative to the mean of the week; a line is a day, Monday first, hours 0 to 23.\nhour-of-week = {}",
        quoted(&parts.name),
        sources.concat(),
        quoted(&parts.time_zone),
        decimal(parts.volume.trips_per_vehicle_day, 2),
        decimal(parts.volume.weekly_trips, 0),
        decimal(parts.overdispersion, 4),
        hours(&parts.hour_of_week),
    )
}

fn travel(parts: &Parts) -> String {
    let travel = &parts.travel;
    format!(
        "[travel]\n# scale * (metres as the crow flies) ^ exponent, at mean speed.\nduration-s = {}\ndistance-m = {}\n\
         # Scatter of one trip's duration: standard deviation of its logarithm.\nduration-log-sd = {}\nspeed-cap-km-h = {}\n\
         # Relative to the mean; durations are divided by it.\nspeed-factor = {}",
        law(travel.duration_s),
        law(travel.distance_m),
        decimal(travel.duration_log_sd, 4),
        decimal(travel.speed_cap_km_h, 1),
        hours(&travel.speed_factor),
    )
}

fn flows(parts: &Parts) -> String {
    format!(
        "# The share of a destination is (trips + prior-weight * gravity share) / (all trips of the origin + prior-weight).\n\
         [flows]\nprior-weight = {}\ngravity-scale-m = {}\n",
        decimal(parts.flows.prior_weight, 2),
        decimal(parts.flows.gravity_scale_m, 0),
    )
}

/// Only what differs from the usual.
fn phones(parts: &Parts) -> Option<String> {
    let (mut habits, mut usual) = (parts.habits.clone(), PhoneHabits::default());
    let lines: String = std::iter::zip(habits.durations(), usual.durations())
        .filter(|((_, here), (_, usual))| here != usual)
        .map(|((key, here), _)| format!("{key} = {}\n", decimal(here.as_secs_f64(), 3)))
        .collect();
    (!lines.is_empty())
        .then(|| format!("# How long people and phones take here, where it is not as usual.\n[phones]\n{lines}"))
}

fn zone(zone: &Zone) -> String {
    format!(
        "[[zone]]\nid = {}\nname = {}\nborough = {}\nlatitude = {}\nlongitude = {}\narea-km2 = {}\npickup-share = {}\ndropoff-share = {}\n",
        zone.id,
        quoted(&zone.name),
        quoted(&zone.borough),
        decimal(zone.centroid.latitude, 6),
        decimal(zone.centroid.longitude, 6),
        decimal(zone.area_km2, 4),
        decimal(zone.pickup_share, 6),
        decimal(zone.dropoff_share, 6),
    )
}

fn trips_from(parts: &Parts, from: ZoneIndex) -> Option<String> {
    let rows: Vec<String> = parts
        .flows
        .seen
        .range((from, ZoneIndex(0))..=(from, ZoneIndex(usize::MAX)))
        .map(|((_, to), pair)| {
            let id = parts.zones[to.0].id;
            // Tenths matter to a village whose trips last a second, not to a city.
            let seconds = decimal(pair.duration_s, if pair.duration_s < 100.0 { 1 } else { 0 });
            format!("[{id},{},{seconds},{}]", pair.trips, decimal(pair.distance_m, 0))
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let lines: Vec<String> = rows.chunks(PAIRS_A_LINE).map(|line| format!("    {},\n", line.join(","))).collect();
    // The columns are explained once, where they first appear.
    let comment = "# To zone, trips seen, mean seconds at mean speed, mean metres.\n";
    let comment = if parts.flows.seen.keys().next().is_some_and(|(first, _)| *first == from) { comment } else { "" };
    Some(format!("[[trips-from]]\nzone = {}\n{comment}to = [\n{}]\n", parts.zones[from.0].id, lines.concat()))
}

fn law(law: PowerLaw) -> String {
    format!("{{ scale = {}, exponent = {} }}", decimal(law.scale, 5), decimal(law.exponent, 5))
}

fn hours(values: &[f64]) -> String {
    let mut text = "[\n".to_owned();
    for day in values.chunks(24) {
        let day: Vec<String> = day.iter().map(|value| decimal(*value, 4)).collect();
        writeln!(text, "    {},", day.join(", ")).expect("a String takes any text");
    }
    text + "]\n"
}

/// Rounded to `digits` decimals, without trailing zeros.
fn decimal(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if digits == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
