//! Surge, and what is left of it when its replica is gone.

use std::time::Duration;

use platform::deploy::Service;
use platform::services::Config;
use runtime::{Time, sleep, sleep_until};

use crate::phones::Phone;
use crate::world::World;

/// What a rider is quoted before anybody is scarce, when all drivers are, and when every replica of pricing has started anew since.
fn multipliers(has_cache: bool, is_away: bool) -> Vec<u32> {
    let config = Config { shared_locations: has_cache, ..Config::default() };
    let mut world = World::with(7, &[], config);
    let cache = world.cache.clone();
    let quoted = world.noting("rider", move |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        sleep(Duration::from_secs(12)).await;
        notes.add(rider.quote().await.multiplier_per_mille);
        // Somebody asks twice a second, and there is no driver.
        for _ in 0..60 {
            rider.quote().await;
            sleep(Duration::from_millis(500)).await;
        }
        notes.add(rider.quote().await.multiplier_per_mille);
        cache.set_away(is_away);
        sleep_until(Time::from_secs(61)).await;
        notes.add(rider.quote().await.multiplier_per_mille);
    });
    let control = world.engine.control();
    let pricing = world.replicas[&Service::Pricing].clone();
    control.at(Time::from_secs(60), move |control| {
        for process in pricing {
            control.crash(process, Some(Duration::from_millis(500)));
        }
    });
    world.run(70);
    quoted.values()
}

#[test]
fn who_takes_a_cell_over_quotes_what_its_riders_were_quoted_a_moment_ago() {
    let with_cache = multipliers(true, false);
    let [before, scarce, after] = with_cache[..] else { panic!("{with_cache:?}") };
    assert_eq!(before, 1_000);
    assert!(scarce > 1_500, "{scarce}");
    assert_eq!(after, scarce);
}

#[test]
fn without_the_cache_nothing_is_known_and_riders_are_quoted_all_the_same() {
    for (has_cache, is_away) in [(false, false), (true, true)] {
        let quoted = multipliers(has_cache, is_away);
        assert!(quoted[1] > 1_500, "{quoted:?}");
        assert_eq!(quoted[2], 1_000, "a cache: {has_cache}, away: {is_away}");
    }
}
