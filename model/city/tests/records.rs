//! Fitting and replaying small made-up records: what is counted, what is refused, where.

mod common;

use std::fmt::Write;
use std::time::Duration;

use city::fit::{FitOptions, FitReport, fit};
use city::replay::Replay;
use city::{City, WeekMinute};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

const ZONES: &str = "zone_id,borough,zone,latitude,longitude,area_km2
1,North,Mill,51.00,0.0,1.0
2,North,Green,51.03,0.0,1.0
3,South,Station,51.00,0.1,2.0
";
const HEADER: &str =
    "pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_location_id,dropoff_location_id\n";

/// Six trips an hour for four weeks of March 2021, ten minutes long at noon and twenty at other hours; from 1 to 2 twice as often as from 2 to 3.
fn records() -> String {
    let mut text = HEADER.to_owned();
    for day in 1..=28 {
        for hour in 0..24 {
            let minutes = if hour == 12 { 10 } else { 20 };
            for trip in 0..6 {
                let (from, to, miles) = if trip % 3 == 0 { (2, 3, 6.0) } else { (1, 2, 3.0) };
                writeln!(
                    text,
                    "2021-03-{day:02} {hour:02}:{trip:02}:00,2021-03-{day:02} {hour:02}:{:02}:00,1,{miles},{from},{to}",
                    trip + minutes
                )
                .expect("a String takes any text");
            }
        }
    }
    text
}

fn options() -> FitOptions {
    FitOptions { name: "Town".to_owned(), ..FitOptions::new_york("trips.csv", "zones.csv") }
}

fn fitted(trips: &str) -> (City, FitReport) {
    fit(trips.as_bytes(), ZONES.as_bytes(), &options()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(trips: &str, zones: &str) -> String {
    fit(trips.as_bytes(), zones.as_bytes(), &options()).expect_err("refused").to_string()
}

#[test]
fn a_fit_finds_what_was_put_in() {
    let (city, report) = fitted(&records());
    assert_eq!((report.rows_read, report.rows_used), (28 * 24 * 6, 28 * 24 * 6));
    assert!(city.hour_of_week().iter().all(|demand| (demand - 1.0).abs() < 1e-9));
    assert_eq!(city.overdispersion(), 0.0);
    let (mill, green, station) = (1, 2, 3);
    let zone = |id| city.zone_of_id(id).expect("a zone");
    assert!((city.zone(zone(mill)).pickup_share - 2.0 / 3.0).abs() < 1e-9);
    assert!((city.zone(zone(station)).dropoff_share - 1.0 / 3.0).abs() < 1e-9);
    let speed = &city.travel().speed_factor;
    assert!((speed[12] / speed[11] - 2.0).abs() < 0.05, "{} against {}", speed[12], speed[11]);
    let pair = city.flows().seen[&(zone(mill), zone(green))];
    assert!((pair.distance_m / (3.0 * 1609.344) - 1.0).abs() < 0.01, "{}", pair.distance_m);
    let again = City::parse(&city.to_toml(), "town.toml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.zones().len(), 3);
}

#[test]
fn impossible_rows_are_counted_and_named() {
    let broken = "2021-03-05 10:00:00,2021-03-05 10:10:00,1,2.0,1,99
2021-03-05 10:00:00,2021-03-05 10:10:00,1,2.0,98,99
2021-03-05 10:00:00,2021-03-05 09:50:00,1,2.0,1,2
2021-03-05 10:00:00,2021-03-05 10:00:00,1,2.0,1,2
2021-03-05 10:00:00,2021-03-06 09:50:00,1,2.0,1,2
2021-03-05 10:00:00,2021-03-05 10:10:00,1,0,1,2
2021-03-05 10:00:00,2021-03-05 10:01:00,1,30,1,2
2009-01-01 10:00:00,2009-01-01 10:10:00,1,2.0,1,2
2021-03-05 25:00:00,2021-03-05 10:10:00,1,2.0,1,2
2021-03-05 10:00:00,2021-03-05 10:10:00,1,far,1,2
2021-03-05 10:00:00
";
    let (_, report) = fitted(&(records() + broken));
    insta::assert_snapshot!(report, @r#"
trips.csv: 4043 rows read, 4032 used, 2021-03-01 to 2021-03-28
       3 unparsable row (lines 4042, 4043, 4044)
       2 zone not in the list of zones (lines 4034, 4035)
       1 pickup outside the days of the records (line 4041)
       2 drop-off not after pickup (lines 4036, 4037)
       1 longer than three hours (line 4038)
       1 no distance driven (line 4039)
       1 faster than the speed cap (line 4040)
unlisted zones: 98 in 1 row, 99 in 2 rows
"#);
}

#[test]
fn a_broken_table_is_refused_with_its_place() {
    insta::assert_snapshot!(refused(&records().replacen("trip_distance", "distance", 1), ZONES), @"trips.csv:1: there is no column `trip_distance`; the header must name `pickup_datetime`, `dropoff_datetime`, `trip_distance`, `pickup_location_id`, `dropoff_location_id`, and names `pickup_datetime`, `dropoff_datetime`, `passenger_count`, `distance`, `pickup_location_id`, `dropoff_location_id`");
    insta::assert_snapshot!(refused(&records(), &ZONES.replacen("0.1,2.0", "0.1,wide", 1)), @r#"zones.csv:4: column 6 (`area_km2`) is "wide"; write square kilometres above 0"#);
    insta::assert_snapshot!(refused(&records(), &ZONES.replacen("3,South", "2,South", 1)), @"zones.csv: zone 2 is there twice, the second time in line 4");
    insta::assert_snapshot!(refused(&records(), "zone_id,borough,zone,latitude,longitude,area_km2\n"), @"zones.csv:2: the table has no rows below its header");
    insta::assert_snapshot!(refused("", ZONES), @"trips.csv:1: there is no column `pickup_datetime`; the header must name `pickup_datetime`, `dropoff_datetime`, `trip_distance`, `pickup_location_id`, `dropoff_location_id`, and names nothing");
    insta::assert_snapshot!(refused(&format!("{HEADER}2021-03-05 10:00:00,2021-03-05 10:10:00,1,2.0,1,99\n"), ZONES), @r#"
trips.csv: of 1 rows 0 can be used, and a fit needs 168
trips.csv: 1 rows read, 0 used, 2021-03-05 to 2021-03-05
       1 zone not in the list of zones (line 2)
unlisted zones: 99 in 1 row
"#);
}

#[test]
fn trips_of_one_length_have_no_law() {
    let one_pair: String =
        records().lines().filter(|line| !line.ends_with(",2,3")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(refused(&one_pair, ZONES), @"trips.csv: all trips are equally long, so no law of distance can be fitted");
}

fn replay(rows: &str, start: &str, minutes: u64) -> Result<Replay, String> {
    let city = common::city("village.toml");
    let start = WeekMinute::parse(start).expect("a time");
    let text = format!("{HEADER}{rows}");
    Replay::read(text.as_bytes(), "evening.csv", &city, start, Duration::from_secs(minutes * 60))
        .map_err(|error| error.to_string())
}

const EVENING: &str = "2021-03-05 17:35:10,,1,,1,2
2021-03-12 17:31:00,,1,,2,3
2021-03-05 19:00:00,,1,,1,2
2021-03-05 17:29:59,,1,,1,2
2021-03-05 17:40:00,,1,,1,77
";

#[test]
fn recorded_trips_start_at_their_time_of_the_week() {
    let replay = replay(EVENING, "Fri 17:30", 90).expect("trips");
    assert_eq!((replay.trips(), replay.rows_read, replay.outside_window), (2, 5, 2));
    insta::assert_snapshot!(replay, @r#"
evening.csv: 5 rows read, 2 replayed
       2 outside the run's time of the week
       1 zone not in the city
unlisted zones: 77 in 1 row
"#);
    insta::assert_snapshot!(replay.left_out().expect("one is"), @"1 of the 5 recorded trips: they start or end in zones that the city does not list (77 in 1 row).");
    assert_eq!(replay.unlisted_zones.into_iter().collect::<Vec<_>>(), [(77, 1)]);
}

#[test]
fn a_recording_of_listed_zones_leaves_nothing_out() {
    let replay = replay("2021-03-05 17:35:10,,1,,1,2\n", "Fri 17:30", 90).expect("a trip");
    assert_eq!((replay.to_string().as_str(), replay.left_out()), ("evening.csv: 1 rows read, 1 replayed", None));
}

#[test]
fn replayed_wishes_lie_in_the_recorded_zones() {
    let city = common::city("village.toml");
    let replay = replay(EVENING, "Fri 17:30", 90).expect("trips");
    let mut rng = Pcg64Mcg::seed_from_u64(4);
    let wishes: Vec<_> = replay.wishes(&city, &mut rng).collect();
    let times: Vec<u64> = wishes.iter().map(|(at_ns, _)| at_ns / 1_000_000_000).collect();
    assert_eq!(times, [60, 310]);
    let zones: Vec<u32> = wishes.iter().map(|(_, wish)| city.zone(wish.pickup_zone).id).collect();
    assert_eq!(zones, [2, 1]);
    for (_, wish) in &wishes {
        let zone = city.zone(wish.dropoff_zone);
        assert!(wish.dropoff.distance_m(zone.centroid) <= zone.radius_m() * 1.001);
    }
}

#[test]
fn a_window_over_the_end_of_the_week_wraps() {
    let rows = "2021-03-08 00:05:00,,1,,1,2\n2021-03-07 23:50:00,,1,,2,1\n";
    let replay = replay(rows, "Sun 23:45", 30).expect("trips");
    assert_eq!(replay.trips(), 2);
}

#[test]
fn a_broken_row_stops_a_replay() {
    insta::assert_snapshot!(replay("2021-03-05 17:35:10,,1,,1,2\nyesterday,,1,,1,2\n", "Fri 17:30", 90).expect_err("broken"), @r#"evening.csv:3: column 1 (`pickup_datetime`) is "yesterday"; write a local time, like 2019-01-15 03:36:12"#);
    let windows = "2021-03-05 17:35:10,,1,,1,2\r\n\r\nyesterday,,1,,1,2\r\n";
    insta::assert_snapshot!(replay(windows, "Fri 17:30", 90).expect_err("broken"), @r#"evening.csv:4: column 1 (`pickup_datetime`) is "yesterday"; write a local time, like 2019-01-15 03:36:12"#);
    insta::assert_snapshot!(replay("2021-03-05 17:35:10,,1,,1,2\n  \n", "Fri 17:30", 90).expect_err("broken"), @r#"evening.csv:3: column 1 (`pickup_datetime`) is ""; write a local time, like 2019-01-15 03:36:12"#);
    insta::assert_snapshot!(replay("2021-03-05 17:35:10,,1,,1\n", "Fri 17:30", 90).expect_err("broken"), @r#"evening.csv:2: column 6 (`dropoff_location_id`) is ""; write the zone's number, like 230"#);
    let returns = records().replace('\n', "\r");
    insta::assert_snapshot!(refused(&returns, ZONES), @"trips.csv:1: rows end in a carriage return alone, so that the whole file is one row; end them with a line feed");
    insta::assert_snapshot!(replay(EVENING, "Mon 03:00", 90).expect_err("nothing there"), @"evening.csv: none of 5 recorded trips starts in the 90 minutes from Mon 03:00; 1 start or end in unlisted zones");
    insta::assert_snapshot!(replay(EVENING, "Mon 03:00", 20_000).expect_err("too long"), @"recorded trips repeat by the week, so a run of 333 hours cannot replay them; keep it to 168");
}
