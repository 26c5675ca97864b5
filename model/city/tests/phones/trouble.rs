//! What phones do when the platform does not answer, or not as hoped.

use std::time::Duration;

use city::phones::{Patience, Pending, PhonesConfig};
use engine::LinkFault;
use platform::api::gateway::Action;
use platform::api::trips::Progress;
use platform::domain::ids::{DriverId, TripId};
use platform::domain::trip::{Assignment, State};
use ports::IdempotencyKey;
use ports::observe::JourneyOutcome;
use runtime::Time;

use crate::platform::Mood;
use crate::support::{Run, Watcher, village_phones};

fn between(at: Time, from_s: u64, to_s: u64) -> bool {
    (Time::from_secs(from_s)..Time::from_secs(to_s)).contains(&at)
}

/// Why people are in the middle of something, riders first.
fn why_pending(run: &Run) -> Vec<String> {
    run.crowd.pending().iter().map(Pending::why).collect()
}

/// One rider, who has requested a trip for which there is no driver.
fn one_who_waits(mut config: PhonesConfig) -> Run {
    config.riders = 1;
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.until(20);
    assert_eq!(run.crowd.counts().trips_open, 1);
    run
}

#[test]
fn a_pause_of_the_gateway_is_felt_by_every_request_meant_during_it() {
    // Twenty idle drivers look for offers five times a second and send a heartbeat every second.
    let mut run = Run::new(village_phones(0.0, 20), 1, Watcher::remembering());
    let control = run.engine.control();
    let (_, gateway) = run.gateways[0];
    control.at(Time::from_secs(10), move |control| control.pause(gateway));
    control.at(Time::from_secs(20), move |control| control.resume(gateway));
    run.until(40);
    let journeys = run.watcher.journeys.borrow();
    let meant = |from_s, to_s| journeys.iter().filter(move |ended| between(ended.intended_at, from_s, to_s));
    let expected = 20 * (5 + 1) * 10;
    // A phone's beats are not aligned with the window: each of its two may have one more or less in it.
    assert!(meant(10, 20).count().abs_diff(expected) <= 40, "{}", meant(10, 20).count());
    assert!(meant(28, 38).count().abs_diff(expected) <= 40, "{}", meant(28, 38).count());
    let late = |ended: &&ports::observe::JourneyEnded| {
        ended.outcome == JourneyOutcome::Failed || ended.ended_at.since(ended.intended_at) > Duration::from_millis(900)
    };
    let felt = meant(10, 20).filter(late).count();
    assert!(felt * 10 >= expected * 9, "{felt} of {expected}");
    assert_eq!(meant(28, 38).filter(late).count(), 0);
    // Nobody waits longer than the time-out, and nothing is told before it has happened.
    let longest = journeys.iter().map(|ended| ended.ended_at.since(ended.intended_at)).max();
    assert_eq!(longest, Some(Patience::default().timeout));
}

#[test]
fn a_retry_keeps_its_key_and_a_tap_has_a_new_one() {
    let mut config = village_phones(3600.0, 3);
    config.riders = 1;
    // Quick enough to be done before the driver is at the pickup and finds nobody.
    let quick = Duration::from_millis(100);
    config.patience =
        Patience { retap_share: 1.0, timeout: quick, backoff_cap: quick, retap_after: quick, ..Patience::default() };
    let mut run = Run::new(config, 1, Watcher::remembering());
    // Three attempts of the first tap and one of the second get no answer, although the first was carried out.
    run.platform.swallowed_requests.set(4);
    run.until(60);
    let taps = run.watcher.of_kind("request");
    let told: Vec<_> =
        taps.iter().map(|ended| (ended.attempts, ended.outcome, ended.error, ended.trip.is_some())).take(3).collect();
    assert_eq!(
        told,
        [
            (3, JourneyOutcome::Failed, Some("timeout"), false),
            (2, JourneyOutcome::Refused, Some("already-on-trip"), false),
            (1, JourneyOutcome::Succeeded, None, true),
        ],
        "each with the code of what its last attempt met"
    );
    let retries = run.watcher.retries.borrow();
    let of_taps = retries.iter().filter(|failed| failed.kind == "request");
    let told: Vec<_> = of_taps.map(|failed| (failed.number, failed.error)).take(3).collect();
    assert_eq!(told, [(1, "timeout"), (2, "timeout"), (1, "timeout")]);
    let keys: Vec<IdempotencyKey> = run
        .platform
        .log
        .borrow()
        .iter()
        .filter_map(|(_, _, action)| match action {
            Action::RequestTrip { key, .. } => Some(*key),
            _ => None,
        })
        .take(6)
        .collect();
    let (first, second) = (keys[0], keys[3]);
    assert_ne!(first, second);
    // The platform knows the second tap's trip as the first's, so the phone asks for that one's answer.
    assert_eq!(keys, [first, first, first, second, second, first]);
    assert!(run.platform.trips_in(State::Completed) > 0);
}

#[test]
fn who_hears_nothing_from_one_address_goes_to_another() {
    let mut run = Run::new(village_phones(3600.0, 10), 2, Watcher::remembering());
    let (phones, (silent, _)) = (run.phones, run.gateways[0]);
    run.engine.control().at(Time::from_secs(20), move |control| {
        control.begin_link_fault(&[phones], &[silent], LinkFault::Cut);
        control.begin_link_fault(&[silent], &[phones], LinkFault::Cut);
    });
    run.until(60);
    let failed = run.watcher.failed();
    assert!(failed.iter().any(|ended| between(ended.intended_at, 20, 25)), "{failed:?}");
    // Two time-outs of 5 s in a row, sent one beat apart, then the other address.
    assert_eq!(failed.iter().filter(|ended| !between(ended.intended_at, 19, 32)).count(), 0);
    // About half of the phones had no business with the silent address.
    let drivers: std::collections::BTreeSet<u64> =
        failed.iter().filter(|ended| ended.kind == "ping").map(|ended| ended.actor).collect();
    assert!((1..10).contains(&drivers.len()), "{drivers:?}");
}

#[test]
fn a_driver_finishes_a_trip_that_the_platform_cannot_hear_of_and_tells_it_later() {
    let mut config = village_phones(3600.0, 1);
    config.riders = 1;
    config.patience.backoff_cap = Duration::from_secs(2);
    let mut run = Run::new(config, 1, Watcher::remembering());
    let mut tenths = 0;
    while run.platform.trips_in(State::InProgress) == 0 {
        tenths += 1;
        assert!(tenths < 1_000, "a trip begins within the first 100 s");
        run.engine.run_until(Time(tenths * 100_000_000));
    }
    run.crowd.stop_demand();
    let (cut_s, healed_s) = (tenths / 10 + 1, tenths / 10 + 61);
    run.platform.mood.set(Mood::Unavailable);
    run.until(healed_s);
    let why = why_pending(&run);
    assert!(why[0].contains("`status`") && why[0].contains("(unavailable)"), "{why:?}");
    assert!(why[1].contains("`progress`") && why[1].contains("(unavailable)"), "{why:?}");
    let pending: Vec<String> = run.crowd.pending().iter().map(|pending| pending.to_string()).collect();
    assert!(pending[0].starts_with("rider 1 waits (trip 1) since "), "{pending:?}");
    assert!(pending[1].starts_with("driver 1 reports a trip that is over (trip 1) since "), "{pending:?}");
    run.platform.mood.set(Mood::Serving);
    run.until(healed_s + 30);
    assert_eq!((run.platform.trips_in(State::Completed), run.platform.trips_in(State::InProgress)), (1, 0));
    assert_eq!(run.crowd.pending(), []);
    // The drop-off was told many times under one key, and what it says is the drive's own time, not the outage's.
    let mut keys = Vec::new();
    for (at, _, action) in run.platform.log.borrow().iter() {
        if let Action::Advance { progress: Progress::DroppedOff(drive), key, .. } = action {
            assert!(drive.duration_s < 10 && *at >= Time(tenths * 100_000_000), "{drive:?} at {at}");
            keys.push(*key);
        }
    }
    assert!(keys.len() > 10 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let progress = run.watcher.of_kind("progress");
    let lost = progress.iter().find(|ended| ended.outcome == JourneyOutcome::Failed).expect("an outage is felt");
    assert!(lost.intended_at <= Time::from_secs(cut_s + 10) && lost.attempts == 3, "{lost:?}");
}

#[test]
fn a_rider_who_left_is_waited_for_and_then_reported() {
    let mut config = village_phones(3600.0, 3);
    config.riders = 1;
    config.patience = Patience { retap_share: 0.0, timeout: Duration::from_secs(2), ..Patience::default() };
    let mut run = Run::new(config, 1, Watcher::remembering());
    run.platform.swallowed_requests.set(u32::MAX);
    run.until(30);
    assert!(run.platform.trips_in(State::NoShow) > 0);
    assert_eq!(run.platform.trips_in(State::Completed), 0);
}

#[test]
fn riders_come_whatever_the_platform_does() {
    let arrivals = |mood| {
        let mut run = Run::new(village_phones(7200.0, 0), 1, Watcher::remembering());
        run.platform.mood.set(mood);
        run.until(60);
        let mut meant: Vec<Time> = run.watcher.of_kind("sign-in").iter().map(|ended| ended.intended_at).collect();
        meant.retain(|at| between(*at, 0, 30));
        meant.sort_unstable();
        meant
    };
    let good = arrivals(Mood::Serving);
    assert!((30..90).contains(&good.len()), "{}", good.len());
    assert_eq!(arrivals(Mood::Mute), good);
    assert_eq!(arrivals(Mood::Unavailable), good);
}

#[test]
fn a_rider_whose_trip_is_forgotten_asks_for_another() {
    let mut run = one_who_waits(village_phones(3600.0, 0));
    let before = run.watcher.of_kind("request").len();
    assert_eq!(before, 1, "there is nobody to drive the first");
    run.platform.forget(TripId(1));
    run.until(24);
    assert_eq!(run.watcher.of_kind("request").len(), 2);
    assert_eq!(run.crowd.counts().trips_open, 1);
}

#[test]
fn a_sign_in_is_under_way_beside_the_request_that_needs_it_and_not_after_that_gave_up() {
    let mut run = one_who_waits(village_phones(3600.0, 0));
    run.platform.mood.set(Mood::SignedOut);
    run.until(28);
    let why = why_pending(&run);
    assert!(why[0].contains("requests `status` and `sign-in` have no answer yet; meanwhile, "), "{why:?}");
    run.platform.mood.set(Mood::Serving);
    run.until(40);
    let why = why_pending(&run);
    assert!(why[0].contains("the platform answered `status`") && !why[0].contains("`sign-in`"), "{why:?}");
}

#[test]
fn a_cancel_is_under_way_beside_looks_and_not_once_there_is_nothing_to_cancel() {
    let mut config = village_phones(3600.0, 0);
    config.patience.unmatched = Duration::from_secs(25);
    let mut run = one_who_waits(config);
    run.platform.mood.set(Mood::DeafToCancels);
    let cancels = |run: &Run| why_pending(run)[0].contains("`cancel`");
    let mut tenths = 200;
    while !cancels(&run) {
        tenths += 1;
        assert!(tenths < 500, "the rider has enough of waiting within the first 50 s");
        run.engine.run_until(Time(tenths * 100_000_000));
    }
    // Five looks are answered meanwhile.
    run.engine.run_until(Time((tenths + 10) * 100_000_000));
    let why = why_pending(&run);
    assert!(why[0].contains("`cancel`") && why[0].contains("meanwhile, the platform answered `status`"), "{why:?}");
    run.platform.forget(TripId(1));
    run.engine.run_until(Time((tenths + 20) * 100_000_000));
    assert!(!cancels(&run), "{:?}", why_pending(&run));
}

#[test]
fn a_phone_that_listens_is_not_said_to_wait_for_an_answer() {
    let run = one_who_waits(PhonesConfig { push: true, ..village_phones(3600.0, 0) });
    let why = why_pending(&run);
    assert!(why[0].starts_with("its phone listens for news; before that, the platform answered `"), "{why:?}");
}

#[test]
fn a_driver_tells_again_of_a_trip_whose_end_was_forgotten_and_gives_an_unknown_one_back() {
    for kept in [true, false] {
        // A rider every two minutes: the driver has time to look for offers in vain.
        let mut config = village_phones(30.0, 1);
        config.habits.give_back_share = 0.0;
        let mut run = Run::new(config, 1, Watcher::remembering());
        let mut tenths = 0;
        while run.platform.trips_in(State::Completed) == 0 {
            tenths += 1;
            assert!(tenths < 10_000, "a trip is driven within the first 1,000 s");
            run.engine.run_until(Time(tenths * 100_000_000));
        }
        run.until(tenths / 10 + 5);
        let log_length = run.platform.log.borrow().len();
        let known = Assignment { driver: DriverId(1), epoch: 1 };
        run.platform.bring_back(TripId(1), if kept { known } else { Assignment { epoch: 2, ..known } });
        run.until(tenths / 10 + 20);
        let again = run.platform.trips_in(State::Completed);
        let log = run.platform.log.borrow();
        let gave_back = log[log_length..].iter().any(|(_, _, action)| matches!(action, Action::CancelTrip { .. }));
        assert_eq!((again, gave_back), if kept { (1, false) } else { (0, true) });
    }
}
