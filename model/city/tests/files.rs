//! City files: what is refused, where, and what the error says.

mod common;

use std::time::Duration;

use city::{City, PhoneHabits};
use notation::Problems;
use proptest::prelude::*;

const VILLAGE: &str = include_str!("../../../scenarios/cities/village.toml");

/// Every problem on a line of its own.
fn errors(text: &str) -> String {
    let Err(Problems(problems)) = City::parse(text, "town.toml") else { panic!("a bad city was accepted") };
    let lines = problems.iter().map(|problem| {
        let hint = problem.suggestion.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{}:{}: {}{hint}\n", problem.file, problem.line, problem.column, problem.message)
    });
    lines.collect()
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
fn unknown_and_missing_keys_are_all_said_with_what_would_be_right() {
    let text = changed("trips-per-vehicle-day", "trips-per-vehicle-dya").replacen("time-zone", "colour", 1);
    insta::assert_snapshot!(errors(&text), @r#"
    town.toml:1:1: the key `time-zone` is missing here; add `time-zone = "..."`
    town.toml:4:1: unknown key `colour`; only `time-zone` is possible here
    town.toml:6:1: the key `trips-per-vehicle-day` is missing here; add `trips-per-vehicle-day = 2.5`
    town.toml:8:1: unknown key `trips-per-vehicle-dya`; did you mean `trips-per-vehicle-day`?
    "#);
}

#[test]
fn broken_toml_is_refused_where_it_breaks() {
    let said = errors(&changed("overdispersion = 0", "overdispersion = none"));
    assert!(said.starts_with("town.toml:12:18: "), "{said}");
    insta::assert_snapshot!(errors(&changed("[2, 40, 1.4, 22]", "[2, 40, 1.4]")), @"town.toml:92:7: expected a destination's four numbers, found 3; write the zone's number, trips, seconds and metres");
}

#[test]
fn a_city_without_drivers_zones_or_demand_is_refused() {
    insta::assert_snapshot!(errors(&changed("trips-per-vehicle-day = 8640", "trips-per-vehicle-day = 0")), @"town.toml:8:25: expected a number above zero, found 0");
    let (flat, none) = (["1"; 24].join(", "), ["0"; 24].join(", "));
    insta::assert_snapshot!(errors(&VILLAGE.replacen(&flat, &none, 7)), @"town.toml:14:16: there is nothing in any hour; write at least one above 0");
    let standing = errors(&VILLAGE.replace(&flat, &none));
    assert_eq!(standing.lines().count(), 1 + 168, "nobody moves in any hour of the week\n{standing}");
    let short = changed(&format!("{flat},\n"), "");
    insta::assert_snapshot!(errors(&short), @"town.toml:14:16: the week has 144 hours here; write 168, one an hour, Monday 00:00 first");
    let zones = VILLAGE.find("[[zone]]").expect("the village has zones");
    insta::assert_snapshot!(errors(&format!("zone = []\n{}", &VILLAGE[..zones])), @"town.toml:1:8: the city has no zones; write at least one [[zone]]");
    insta::assert_snapshot!(errors(&VILLAGE[..zones]), @"town.toml:1:1: the key `zone` is missing here; add `zone = [{ id = ... }]`");
}

#[test]
fn all_breaches_are_said_at_once() {
    let text = changed("latitude = 51\n", "latitude = 151\n")
        .replacen("area-km2 = 0.00007", "area-km2 = -1", 1)
        .replacen("id = 3", "id = 2", 1)
        .replacen("pickup-share = 0.5", "pickup-share = 0.4", 1)
        .replacen("[1, 30, 1.5, 24], [2,", "[1, 30, 1.5, 24], [1,", 1)
        .replacen("speed-cap-km-h = 90", "speed-cap-km-h = nan", 1);
    insta::assert_snapshot!(errors(&text), @r#"
    town.toml:30:18: expected a number above zero, found NaN
    town.toml:59:1: pickup-share of all zones sums to 0.900000; shares must sum to 1
    town.toml:63:12: expected a number from -85 to 85, found 151
    town.toml:75:12: expected a number above zero, found -1
    town.toml:80:6: zone 2 is there twice; give each zone a number of its own
    town.toml:92:25: trips go to zone 3, which is not listed; add the [[zone]] or drop its trips
    town.toml:96:25: trips go to zone 3, which is not listed; add the [[zone]] or drop its trips
    town.toml:99:8: trips come from zone 3, which is not listed; add the [[zone]] or drop its trips
    town.toml:100:25: trips from zone 3 to zone 1 are there twice; keep one of the two
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
    insta::assert_snapshot!(errors(&changed("boarding-s", "boardings-s")), @"town.toml:50:1: unknown key `boardings-s`; did you mean `boarding-s`?");
    let wrong = changed("ping-every-s = 0.25", "ping-every-s = 0").replacen("no-show-s = 2", "no-show-s = nan", 1);
    insta::assert_snapshot!(errors(&wrong), @r#"
town.toml:43:16: expected seconds from 0.001 to 86400, found 0
town.toml:51:13: expected seconds from 0.001 to 86400, found NaN
"#);
}

#[test]
fn a_missing_file_is_named() {
    let Problems(problems) = City::load("no/such/city.toml".as_ref()).expect_err("there is no such file");
    assert_eq!((problems.len(), problems[0].file.as_str(), problems[0].line), (1, "no/such/city.toml", 0));
}

proptest! {
    /// Whatever one cuts out of a city file, the answer is a city or errors with their places, never a panic.
    #[test]
    fn no_text_panics(start in 0usize..2600, length in 0usize..200) {
        let text: String = VILLAGE.chars().enumerate().filter(|(at, _)| !(start..start + length).contains(at)).map(|(_, char)| char).collect();
        if let Err(Problems(problems)) = City::parse(&text, "cut.toml") {
            prop_assert!(problems.iter().all(|problem| problem.file == "cut.toml" && problem.line > 0));
        }
    }
}
