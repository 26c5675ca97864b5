//! Drawn demand against the curve, the shares and the flows it is drawn from.

mod common;

use std::time::Duration;

use city::demand::Arrivals;
use city::{City, DriverSeed, TripWish, WeekMinute, ZoneIndex, drivers};
use proptest::prelude::*;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;

const HOUR_NS: u64 = 3_600_000_000_000;

fn count(city: &City, start: WeekMinute, mean_per_hour: f64, end_ns: u64, seed: u64) -> f64 {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut arrivals = Arrivals::new(city, start, mean_per_hour);
    let (mut count, mut last_ns) = (0.0, 0);
    while let Some((at_ns, _)) = arrivals.next(end_ns, &mut rng) {
        assert!((last_ns..end_ns).contains(&at_ns));
        last_ns = at_ns;
        count += 1.0;
    }
    count
}

/// The default city, demand plain Poisson or mixed.
fn new_york(overdispersion: &str) -> City {
    let text = include_str!("../../../scenarios/cities/nyc.toml");
    let line =
        text.lines().find(|line| line.starts_with("overdispersion")).expect("the city says how its demand varies");
    City::parse(&text.replacen(line, &format!("overdispersion = {overdispersion}"), 1), "nyc.toml")
        .expect("still a city")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn arrivals_follow_the_curve(start in 0u64..10_080, minutes in 30u64..300, seed in any::<u64>()) {
        let city = new_york("0");
        let start = WeekMinute::new(start);
        let window = Duration::from_secs(minutes * 60);
        let expected = 20_000.0 * city.mean_demand(start, window) * minutes as f64 / 60.0;
        let found = count(&city, start, 20_000.0, minutes * 60_000_000_000, seed);
        // Five standard deviations of a Poisson count.
        prop_assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{} against {}", found, expected);
    }

    #[test]
    fn shares_sum_to_one(from in 0usize..260) {
        let city = common::city("nyc.toml");
        let from = city.zone_of_id(city.zones()[from].id).expect("a zone of the city");
        let shares = city.flows().destination_shares(city.zones(), from);
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(shares.iter().all(|share| *share >= 0.0));
    }

    /// A trip takes no longer the nearer its end, and never less than the speed cap allows.
    #[test]
    fn durations_keep_the_speed_cap(minute in 0u64..10_080, seed in any::<u64>()) {
        let city = common::city("nyc.toml");
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let wish = TripWish::draw(&city, &mut rng);
        let minute = WeekMinute::new(minute);
        let metres = city.distance_m(wish.from(), wish.to());
        prop_assert!(metres >= wish.pickup.distance_m(wish.dropoff));
        let drawn = city.draw_duration(wish.from(), wish.to(), minute, &mut rng);
        for duration in [city.expected_duration(wish.from(), wish.to(), minute), drawn] {
            prop_assert!(metres / duration.as_secs_f64() * 3.6 <= city.travel().speed_cap_km_h * (1.0 + 1e-6));
        }
    }
}

#[test]
fn shares_of_all_zones_sum_to_one() {
    let city = common::city("nyc.toml");
    let sum = |share: fn(&city::Zone) -> f64| city.zones().iter().map(share).sum::<f64>();
    assert!((sum(|zone| zone.pickup_share) - 1.0).abs() < 1e-12);
    assert!((sum(|zone| zone.dropoff_share) - 1.0).abs() < 1e-12);
}

#[test]
fn overdispersion_adds_its_variance_to_blocks() {
    // One block of 15 minutes a sample, 250 arrivals each in the mean: Poisson variance 250, gamma 0.04 * 250^2 = 2500.
    for (overdispersion, expected) in [("0", 250.0), ("0.04", 2750.0)] {
        let city = new_york(overdispersion);
        let start = WeekMinute::parse("Tue 12:00").expect("a time");
        let mean_per_hour = 1000.0 / city.mean_demand(start, Duration::from_secs(900));
        let counts: Vec<f64> = (0..1500).map(|seed| count(&city, start, mean_per_hour, HOUR_NS / 4, seed)).collect();
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let deviations = counts.iter().map(|count| count - mean);
        let variance = deviations.map(|deviation| deviation * deviation).sum::<f64>() / counts.len() as f64;
        assert!((mean / 250.0 - 1.0).abs() < 0.02, "mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.15, "variance {variance} against {expected}");
    }
}

#[test]
fn a_stream_continues_where_it_was_left() {
    let city = new_york("0.1");
    let start = WeekMinute::parse("Fri 17:30").expect("a time");
    let mut rng = Pcg64Mcg::seed_from_u64(5);
    let mut arrivals = Arrivals::new(&city, start, 1000.0);
    let (mut total, mut last_ns) = (0.0, 0);
    for minute in 1..=600u64 {
        while let Some((at_ns, _)) = arrivals.next(minute * 60_000_000_000, &mut rng) {
            assert!(at_ns >= last_ns && at_ns >= (minute - 1) * 60_000_000_000);
            last_ns = at_ns;
            total += 1.0;
        }
    }
    let expected = 10_000.0 * city.mean_demand(start, Duration::from_secs(36_000));
    assert!((total / expected - 1.0).abs() < 0.25, "{total} against {expected}");
    assert_eq!(Arrivals::new(&city, start, 0.0).next(HOUR_NS, &mut rng), None);
}

#[test]
fn destinations_follow_the_flows() {
    let city = common::city("nyc.toml");
    let from = city.zone_of_id(237).expect("Upper East Side South");
    let shares = city.flows().destination_shares(city.zones(), from);
    let mut rng = Pcg64Mcg::seed_from_u64(2);
    let draws = 100_000;
    let mut found = vec![0.0; shares.len()];
    (0..draws).for_each(|_| found[city.draw_dropoff_zone(from, &mut rng).index()] += 1.0 / f64::from(draws));
    for (zone, share) in shares.iter().enumerate() {
        let deviation = (share / f64::from(draws)).sqrt();
        assert!((found[zone] - share).abs() < 6.0 * deviation + 1e-4, "zone {zone}: {} against {share}", found[zone]);
    }
}

#[test]
fn drivers_stand_where_demand_is_and_some_are_busy() {
    let city = common::city("nyc.toml");
    let start = WeekMinute::parse("Fri 17:30").expect("a time");
    let mut rng = Pcg64Mcg::seed_from_u64(9);
    let placed = drivers::place(&city, start, 20_000, 0.48, &mut rng);
    let busy: Vec<f64> = placed
        .iter()
        .filter_map(|driver| match driver {
            DriverSeed::Busy { free_in, .. } => Some(free_in.as_secs_f64()),
            DriverSeed::Idle { .. } => None,
        })
        .collect();
    assert!((busy.len() as f64 / 20_000.0 - 0.48).abs() < 0.02);
    // Rides in progress are length-biased, and half of one is left: E[T^2] / 2 E[T], which is more than half of E[T].
    let mut durations = (0..40_000).map(|_| {
        let wish = TripWish::draw(&city, &mut rng);
        city.draw_duration(wish.from(), wish.to(), start, &mut rng).as_secs_f64()
    });
    let (sum, squares) = durations.by_ref().fold((0.0, 0.0), |(sum, squares), t| (sum + t, squares + t * t));
    let left = busy.iter().sum::<f64>() / busy.len() as f64;
    let expected = squares / (2.0 * sum);
    assert!((left / expected - 1.0).abs() < 0.08, "{left} against {expected}");
    let idle_in = |zone: ZoneIndex| {
        placed.iter().filter(|driver| matches!(driver, DriverSeed::Idle { at } if at.zone == zone)).count() as f64
            / (20_000.0 * 0.52)
    };
    let busiest = city.zone_of_id(237).expect("Upper East Side South");
    assert!((idle_in(busiest) - city.zone(busiest).pickup_share).abs() < 0.01);
}
