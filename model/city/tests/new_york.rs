//! The default city against the records that it was fitted from, and against published facts about New York.

mod common;

use std::fs::File;
use std::path::PathBuf;

use city::fit::{FitOptions, FitReport, Reason, fit};
use city::{City, TripWish, WeekMinute};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

const TRIPS: &str = "nyc-trips-2019-q1.csv";
const ZONES: &str = "nyc-zones.csv";

/// A raw data file, or `None` (saying so) where the data are not at hand. A named directory that lacks the file is a failure.
fn data(test: &str, file: &str) -> Option<File> {
    let (directory, named) = match std::env::var_os("REHEARSAL_DATA") {
        Some(directory) => (PathBuf::from(directory), true),
        None => (PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), false),
    };
    match File::open(directory.join(file)) {
        Ok(file) => Some(file),
        Err(error) if named => panic!("REHEARSAL_DATA: {}: {error}", directory.join(file).display()),
        Err(_) => {
            println!("SKIPPED: {test}: set REHEARSAL_DATA to the directory that holds {file} (../shared/data)");
            None
        }
    }
}

fn files(test: &str) -> Option<(File, File)> {
    Some((data(test, TRIPS)?, data(test, ZONES)?))
}

fn fresh_fit(test: &str) -> Option<(City, FitReport)> {
    let (trips, zones) = files(test)?;
    Some(fit(trips, zones, &FitOptions::new_york(TRIPS, ZONES)).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn the_committed_city_is_a_fresh_fit() {
    let Some((fitted, _)) = fresh_fit("the_committed_city_is_a_fresh_fit") else { return };
    let committed = include_str!("../../../scenarios/cities/nyc.toml");
    let fitted = fitted.to_toml();
    if let Some((line, (a, b))) = fitted.lines().zip(committed.lines()).enumerate().find(|(_, (a, b))| a != b) {
        panic!("line {}: the fit says\n{a}\nand the committed file\n{b}", line + 1);
    }
    assert_eq!(fitted.len(), committed.len());
}

#[test]
fn rejected_rows_are_counted_and_named() {
    let Some((_, report)) = fresh_fit("rejected_rows_are_counted_and_named") else { return };
    // 485 rows name a zone that the list lacks, as the description of the data says.
    assert_eq!(report.rejected_for(Reason::UnlistedZone), 485);
    insta::assert_snapshot!(report, @r#"
nyc-trips-2019-q1.csv: 30000 rows read, 29289 used, 2019-01-01 to 2019-03-31
     485 zone not in the list of zones (lines 11, 13, 18, 50, 66, ...)
       1 pickup outside the days of the records (line 22325)
       1 drop-off not after pickup (line 9571)
      59 longer than three hours (lines 1046, 1718, 2263, 2351, 2442, ...)
     144 no distance driven (lines 61, 152, 317, 333, 386, ...)
      21 faster than the speed cap (lines 59, 104, 839, 3257, 3618, ...)
unlisted zones: 57 in 1 row, 264 in 411 rows, 265 in 75 rows
"#);
}

#[test]
fn the_week_looks_like_new_york() {
    let city = common::city("nyc.toml");
    let hours = city.hour_of_week();
    let peak = hours.iter().copied().fold(0.0, f64::max);
    let trough = hours.iter().copied().fold(f64::INFINITY, f64::min);
    // Numenta's half-hourly counts of 2014 give 12.4; nights were quieter in 2019, and hours with some twenty records are noisy.
    assert!((10.0..20.0).contains(&(peak / trough)), "peak to trough {}", peak / trough);
    // The mean weekday of the 2014 counts, relative to the week.
    let published = [
        0.56, 0.32, 0.19, 0.14, 0.14, 0.25, 0.62, 1.08, 1.30, 1.22, 1.18, 1.20, 1.25, 1.24, 1.39, 1.35, 1.23, 1.43,
        1.64, 1.58, 1.45, 1.45, 1.33, 1.04,
    ];
    for (hour, published) in published.into_iter().enumerate() {
        let fitted = (0..5).map(|day| hours[day * 24 + hour]).sum::<f64>() / 5.0;
        assert!((fitted - published).abs() < 0.18, "hour {hour}: {fitted} against {published}");
    }
}

#[test]
fn drawn_trips_are_as_long_as_published_ones() {
    let city = common::city("nyc.toml");
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let mut minutes = Vec::new();
    let mut kilometres = Vec::new();
    for draw in 0..40_000u64 {
        let when = WeekMinute::new(draw * 7919);
        // Trips are drawn in the proportion in which they happen.
        if city.demand_at(when) < 1.8 * (draw % 97) as f64 / 97.0 {
            continue;
        }
        let wish = TripWish::draw(&city, &mut rng);
        minutes.push(city.draw_duration(wish.from(), wish.to(), when, &mut rng).as_secs_f64() / 60.0);
        kilometres.push(city.distance_m(wish.from(), wish.to()) / 1000.0);
    }
    minutes.sort_by(f64::total_cmp);
    kilometres.sort_by(f64::total_cmp);
    let mean = |sorted: &[f64]| sorted.iter().sum::<f64>() / sorted.len() as f64;
    let quantile = |sorted: &[f64], share: f64| sorted[(sorted.len() as f64 * share) as usize];
    // The records themselves (yellow taxis, early 2019), then what is published for New York's taxis of several years.
    let found = [
        ("duration mean", mean(&minutes), 13.51, 14.5),
        ("duration median", quantile(&minutes, 0.5), 10.65, 11.0),
        ("duration P90", quantile(&minutes, 0.9), 26.3, 28.9),
        ("distance mean", mean(&kilometres), 4.58, 4.92),
        ("distance median", quantile(&kilometres, 0.5), 2.57, 2.69),
        ("distance P90", quantile(&kilometres, 0.9), 10.46, 11.8),
    ];
    for (what, found, recorded, published) in found {
        assert!((found / recorded - 1.0).abs() < 0.12, "{what}: {found} against {recorded} in the records");
        assert!((found / published - 1.0).abs() < 0.16, "{what}: {found} against {published} published");
    }
}

#[test]
fn the_written_city_reads_back() {
    let city = common::city("nyc.toml");
    let again = City::parse(&city.to_toml(), "again.toml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.zones().len(), 260);
    assert_eq!(again.flows().seen, city.flows().seen);
    for (a, b) in city.hour_of_week().iter().zip(again.hour_of_week()) {
        assert!((a - b).abs() < 1e-4);
    }
}
