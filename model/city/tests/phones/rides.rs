//! Rides in a village whose platform works.

use std::collections::{BTreeMap, BTreeSet};

use city::{PhoneHabits, Point};
use platform::api::gateway::Action;
use platform::api::trips::{OfferAnswer, Progress};
use platform::domain::session::Caller;
use platform::domain::trip::State;
use runtime::Time;

use crate::support::{Run, Watcher, village_phones};

#[test]
fn whole_rides_fit_into_eight_seconds() {
    let mut run = Run::new(village_phones(3600.0, 10), 1, Watcher::remembering());
    run.until(8);
    assert!(run.platform.trips_in(State::Completed) >= 1);
    assert_eq!(run.watcher.failed(), []);
}

#[test]
fn when_demand_stops_every_journey_comes_to_its_end() {
    let mut run = Run::new(village_phones(7200.0, 20), 1, Watcher::remembering());
    run.until(60);
    assert!(run.crowd.counts().riders_active > 0 && run.crowd.counts().trips_open > 0);
    run.crowd.stop_demand();
    run.until(90);
    assert_eq!(run.crowd.pending(), []);
    assert_eq!(run.crowd.counts(), Default::default());
    let last = run.watcher.of_kind("sign-in").iter().map(|ended| ended.intended_at).max();
    assert!(last.is_some_and(|last| last <= Time::from_secs(60)), "{last:?}");
    // Some riders changed their mind; everybody else was brought home.
    let [completed, cancelled, absent] =
        [State::Completed, State::CancelledByRider, State::NoShow].map(|state| run.platform.trips_in(state));
    assert!(completed > 20, "{completed}");
    assert_eq!(completed + cancelled + absent, run.watcher.of_kind("request").len());
}

#[test]
fn a_share_of_the_riders_reads_the_receipt_when_the_trip_is_over() {
    let [nobody, some, all] = [0.0, 0.3, 1.0].map(|receipt_share| {
        let mut config = village_phones(7200.0, 20);
        config.habits = PhoneHabits { receipt_share, ..config.habits };
        let mut run = Run::new(config, 1, Watcher::remembering());
        run.until(60);
        run.crowd.stop_demand();
        run.until(100);
        (run.watcher.of_kind("receipt").len(), run.watcher.of_kind("request").len())
    });
    assert_eq!(nobody, (0, some.1), "who reads a receipt does all else as before");
    assert_eq!(all, (some.1, some.1));
    // Three tenths of some hundred, give or take four deviations.
    let (expected, deviation) = (some.1 as f64 * 0.3, (some.1 as f64 * 0.21).sqrt());
    assert!((some.0 as f64 - expected).abs() < 4.0 * deviation, "{some:?}");
}

#[test]
fn who_asks_to_be_forgotten_never_comes_back() {
    let mut config = village_phones(7200.0, 20);
    config.habits = PhoneHabits { erasure_share: 1.0, ..config.habits };
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.until(120);
    let mut gone = BTreeSet::new();
    for (_, caller, action) in run.platform.log.borrow().iter() {
        // Whoever signs in is not known to the platform by a session yet.
        let who = match action {
            Action::SignIn(sign_in) => Some(sign_in.caller),
            _ => *caller,
        };
        assert!(who.is_none_or(|who| !gone.contains(&who)), "{who:?} wants {action:?}");
        gone.extend(who.filter(|_| *action == Action::EraseMe));
    }
    assert!(gone.len() > 20, "{}", gone.len());
}

#[test]
fn some_do_not_come_some_get_out_early_and_some_drivers_give_their_trip_back() {
    let mut config = village_phones(7200.0, 20);
    config.habits = PhoneHabits { no_show_share: 0.2, leave_early_share: 0.2, give_back_share: 0.2, ..config.habits };
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.until(60);
    run.crowd.stop_demand();
    run.until(100);
    assert_eq!(run.crowd.pending(), []);
    let requests = run.watcher.of_kind("request").len();
    let (mut absent, mut early, mut given_back, mut accepted) = (0, 0, 0, 0);
    for (_, caller, action) in run.platform.log.borrow().iter() {
        match action {
            Action::Advance { progress: Progress::RiderDidNotShow, .. } => absent += 1,
            Action::Advance { progress: Progress::LeftEarly(drive), .. } => {
                assert!(drive.distance_m > 0 && drive.duration_s > 0, "{drive:?}");
                early += 1;
            }
            Action::CancelTrip { .. } if matches!(caller, Some(Caller::Driver(_))) => given_back += 1,
            Action::AnswerOffer { answer: OfferAnswer::Accept, .. } => accepted += 1,
            _ => {}
        }
    }
    // A fifth of some hundred, give or take four deviations.
    let a_fifth = |part: usize, whole: usize| {
        let (expected, deviation) = (whole as f64 * 0.2, (whole as f64 * 0.16).sqrt());
        assert!((part as f64 - expected).abs() < 4.0 * deviation, "{part} of {whole}");
    };
    assert!(requests > 60, "{requests}");
    a_fifth(absent, requests);
    a_fifth(early, run.platform.trips_in(State::Completed));
    a_fifth(given_back, accepted);
}

#[test]
fn nobody_is_faster_than_the_city_allows() {
    let config = village_phones(7200.0, 20);
    let cap_m_per_s = config.city.travel().speed_cap_km_h / 3.6;
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.until(60);
    let point = |latitude: i32, longitude: i32| Point {
        latitude: f64::from(latitude) / 1e6,
        longitude: f64::from(longitude) / 1e6,
    };
    let mut last = BTreeMap::new();
    let mut fastest: f64 = 0.0;
    for seen in run.watcher.positions.borrow().iter() {
        let here = point(seen.latitude_microdegrees, seen.longitude_microdegrees);
        if let Some((at, there)) = last.insert(seen.driver, (seen.at, here)) {
            let span_s = seen.at.since(at).as_secs_f64();
            // Two roundings to a microdegree.
            let driven_m = here.distance_m(there) - 0.25;
            assert!(driven_m <= cap_m_per_s * span_s, "{driven_m} m in {span_s} s");
            fastest = fastest.max(driven_m / span_s.max(0.01));
        }
    }
    assert!(fastest > cap_m_per_s / 10.0, "nobody moved: {fastest} m/s");
}
