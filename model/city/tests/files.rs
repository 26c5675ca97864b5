//! City files: what is refused, where, and what the error says.

mod common;

use std::time::Duration;

use city::{City, CityError, PhoneHabits};
use proptest::prelude::*;

const VILLAGE: &str = include_str!("../../../scenarios/cities/village.toml");

fn errors(text: &str) -> String {
    match City::parse(text, "town.toml") {
        Ok(city) => panic!("{} was accepted", city.name()),
        Err(error) => error.to_string(),
    }
}

fn changed(from: &str, to: &str) -> String {
    assert!(VILLAGE.contains(from), "the village has no {from}");
    VILLAGE.replacen(from, to, 1)
}

#[test]
fn the_village_has_trips_of_a_second_or_two() {
    let city = common::city("village.toml");
    assert_eq!(city.zones().len(), 3);
    assert!((1.0..2.0).contains(&city.mean_trip_s()), "{}", city.mean_trip_s());
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    insta::assert_snapshot!(errors(&changed("trips-per-vehicle-day", "trips-per-vehicle-dya")), @"town.toml:8:1: unknown field `trips-per-vehicle-dya`, expected `trips-per-vehicle-day` or `weekly-trips`; did you mean `trips-per-vehicle-day`?");
    insta::assert_snapshot!(errors(&changed("time-zone", "colour")), @"town.toml:4:1: unknown field `colour`, expected one of `name`, `source`, `time-zone`, `volume`, `demand`, `travel`, `flows`, `phones`, `zone`, `trips-from`");
}

#[test]
fn broken_toml_is_refused_where_it_breaks() {
    insta::assert_snapshot!(errors(&changed("overdispersion = 0", "overdispersion = none")), @"town.toml:12:18: invalid float, expected `nan`");
    insta::assert_snapshot!(errors(&changed("[2, 40, 1.4, 22]", "[2, 40, 1.4]")), @"town.toml:92:7: invalid length 3, expected a tuple of size 4");
}

#[test]
fn a_city_without_drivers_zones_or_demand_is_refused() {
    insta::assert_snapshot!(errors(&changed("trips-per-vehicle-day = 8640", "trips-per-vehicle-day = 0")), @"town.toml:8:25: trips-per-vehicle-day is 0; a city needs drivers: above 0, like 8.85");
    let (flat, none) = (["1"; 24].join(", "), ["0"; 24].join(", "));
    insta::assert_snapshot!(errors(&VILLAGE.replacen(&flat, &none, 7)), @"town.toml:14:16: the city has no demand in any hour; write at least one above 0");
    insta::assert_snapshot!(errors(&VILLAGE.replace(&flat, &none)), @r#"
town.toml:14:16: the city has no demand in any hour; write at least one above 0
town.toml:31:16: speed-factor of hour 0 is 0; write numbers above 0
"#);
    let zones = VILLAGE.find("[[zone]]").expect("the village has zones");
    insta::assert_snapshot!(errors(&format!("zone = []\n{}", &VILLAGE[..zones])), @"town.toml:1:8: the city has no zones; write at least one [[zone]]");
    insta::assert_snapshot!(errors(&VILLAGE[..zones]), @"town.toml:1:1: missing field `zone`");
}

#[test]
fn all_breaches_are_said_at_once() {
    let text = changed("latitude = 51\n", "latitude = 151\n")
        .replacen("area-km2 = 0.00007", "area-km2 = -1", 1)
        .replacen("id = 3", "id = 2", 1)
        .replacen("pickup-share = 0.5", "pickup-share = 0.4", 1)
        .replacen("[2, 40, 2.0, 470]", "[9, 40, 2.0, 470]", 1)
        .replacen("speed-cap-km-h = 90", "speed-cap-km-h = nan", 1);
    insta::assert_snapshot!(errors(&text), @r#"
town.toml:30:18: speed-cap-km-h is NaN; write a speed above 0, like 105
town.toml:59:1: pickup-share of all zones sums to 0.900000; shares must sum to 1
town.toml:63:12: latitude is 151; write a number from -85 to 85
town.toml:75:12: area-km2 is -1; write square kilometres above 0
town.toml:80:6: zone 2 is there twice; give each zone a number of its own
town.toml:92:25: trips go to zone 3, which is not listed; add the [[zone]] or drop its trips
town.toml:96:25: trips go to zone 3, which is not listed; add the [[zone]] or drop its trips
town.toml:99:8: trips come from zone 3, which is not listed; add the [[zone]] or drop its trips
"#);
}

#[test]
fn a_city_may_have_habits_of_its_own() {
    let city = common::city("village.toml");
    assert_eq!(city.habits().ping_every, Duration::from_millis(250));
    let usual = PhoneHabits::default();
    assert_eq!(city.habits().utilisation, usual.utilisation);
    assert_eq!(common::city("nyc.toml").habits(), &usual);
    // What is written reads back, every key as its own.
    assert_eq!(City::parse(&city.to_toml(), "again.toml").expect("a city").habits(), city.habits());
    let one = City::parse(&changed("boarding-s = 0.2\n", ""), "town.toml").expect("a city");
    assert_eq!(one.habits(), &PhoneHabits { boarding: usual.boarding, ..city.habits().clone() });
    insta::assert_snapshot!(errors(&changed("boarding-s", "boardings-s")), @"town.toml:50:1: unknown field `boardings-s`, expected one of `ping-every-s`, `heartbeat-every-s`, `offer-poll-every-s`, `waiting-poll-every-s`, `riding-poll-every-s`, `deciding-s`, `reaction-s`, `boarding-s`, `no-show-s`, `cancel-within-s`, `shift-spread-s`; did you mean `boarding-s`?");
    let wrong = changed("ping-every-s = 0.25", "ping-every-s = 0").replacen("no-show-s = 2", "no-show-s = nan", 1);
    insta::assert_snapshot!(errors(&wrong), @r#"
town.toml:43:16: ping-every-s is 0; write seconds from 0.001 to 86400
town.toml:51:13: no-show-s is NaN; write seconds from 0.001 to 86400
"#);
}

#[test]
fn a_missing_file_is_named() {
    let error = City::load("no/such/city.toml".as_ref()).expect_err("there is no such file");
    assert!(matches!(&error, CityError::Unreadable { file, .. } if file == "no/such/city.toml"));
}

proptest! {
    /// Whatever one cuts out of a city file, the answer is a city or an error, never a panic.
    #[test]
    fn no_text_panics(start in 0usize..2600, length in 0usize..200) {
        let text: String = VILLAGE.chars().enumerate().filter(|(at, _)| !(start..start + length).contains(at)).map(|(_, char)| char).collect();
        if let Err(error) = City::parse(&text, "cut.toml") {
            prop_assert!(error.to_string().starts_with("cut.toml:"));
        }
    }
}
