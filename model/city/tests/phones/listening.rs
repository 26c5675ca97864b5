//! Phones that listen for news: what becomes of them when the platform they listen to is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use city::phones::PhonesConfig;
use engine::LinkFault;
use ports::observe::{JourneyEnded, JourneyOutcome};
use runtime::Time;

use crate::support::{Run, Watcher, village_phones};

const DRIVERS: usize = 200;

/// Drivers with nothing to do, who look for offers every four seconds or are told of them.
fn idle_drivers() -> PhonesConfig {
    let mut config = village_phones(0.0, DRIVERS);
    config.habits.offer_poll_every = Duration::from_secs(4);
    config.push = true;
    config
}

#[test]
fn a_look_is_kept_for_three_beats_and_nobody_waits_meanwhile() {
    let mut run = Run::new(idle_drivers(), 1, Watcher::remembering());
    run.until(100);
    let looks = run.watcher.of_kind("offer-poll");
    let kept: Vec<f64> = looks.iter().map(|look| look.kept.span.as_secs_f64()).collect();
    assert!(kept.len() > DRIVERS * 6 && kept.iter().all(|kept| (12.0..12.1).contains(kept)), "{kept:?}");
    assert!(looks.iter().all(|look| look.kept.spared == 3 - 1 && look.attempts == 1));
    let longest = looks.iter().map(|look| look.ended_at.since(look.intended_at)).max();
    assert!(longest.is_some_and(|longest| longest < Duration::from_millis(300)), "{longest:?}");
}

#[test]
fn phones_of_a_gateway_that_crashes_look_by_themselves_within_a_beat_and_listen_again_later() {
    let mut run = Run::new(idle_drivers(), 2, Watcher::remembering());
    let (_, gateway) = run.gateways[0];
    let crash = Time::from_secs(60);
    run.engine.control().at(crash, move |control| control.crash(gateway, Some(Duration::from_secs(5))));
    run.until(200);
    assert!(run.watcher.failed().iter().all(|ended| ended.kind == "ping"), "{:?}", run.watcher.failed());
    let retries = run.watcher.retries.borrow();
    let broken = retries.iter().filter(|failed| failed.kind == "offer-poll" && failed.error == "connection-lost");
    let broken: BTreeSet<u64> = broken.map(|failed| failed.actor).collect();
    assert!((DRIVERS / 3..DRIVERS * 2 / 3).contains(&broken.len()), "half of the phones: {}", broken.len());
    // They come back spread over a beat, a quarter of them in each second.
    let looks = run.watcher.of_kind("offer-poll");
    let after_all: Vec<f64> = looks
        .iter()
        .filter(|look| look.attempts == 2)
        .map(|look| look.intended_at.since(crash).as_secs_f64())
        .collect();
    assert_eq!(after_all.len(), broken.len());
    for second in 0..4 {
        let within = after_all.iter().filter(|after_s| after_s.trunc() as i32 == second).count();
        assert!(
            (broken.len() / 8..broken.len() / 2).contains(&within),
            "second {second}: {within} of {}",
            broken.len()
        );
    }
    let listens = |from_s, to_s| -> BTreeSet<u64> {
        let between =
            |look: &&JourneyEnded| (Time::from_secs(from_s)..Time::from_secs(to_s)).contains(&look.intended_at);
        looks.iter().filter(between).filter(|look| look.kept.spared > 0).map(|look| look.actor).collect()
    };
    assert!(listens(65, 72).is_disjoint(&broken), "first they look by themselves");
    assert_eq!(listens(115, 130).len(), DRIVERS, "after a minute all of them listen again");
}

#[test]
fn phones_whose_connections_are_closed_together_come_back_spread_and_nobody_fails() {
    for (share, expected) in [(1.0, DRIVERS..DRIVERS + 1), (0.25, DRIVERS / 8..DRIVERS / 2)] {
        let mut run = Run::new(idle_drivers(), 1, Watcher::remembering());
        let (storm, crowd) = (Time::from_secs(60), run.crowd.clone());
        run.engine.control().at(storm, move |_| crowd.hang_up(share));
        run.until(100);
        assert_eq!(run.watcher.failed(), []);
        let looks = run.watcher.of_kind("offer-poll");
        let back: Vec<f64> = looks
            .iter()
            .filter(|look| look.attempts == 2)
            .map(|look| look.intended_at.since(storm).as_secs_f64())
            .collect();
        assert!(expected.contains(&back.len()), "{} phones", back.len());
        let early = back.iter().filter(|after_s| **after_s < 2.0).count();
        assert!(back.iter().all(|after_s| *after_s < 4.0) && (back.len() / 4..back.len() * 3 / 4).contains(&early));
    }
}

#[test]
fn phones_that_hear_nothing_from_their_gateway_go_to_another_once_the_look_is_overdue() {
    let mut run = Run::new(idle_drivers(), 2, Watcher::remembering());
    let (phones, (silent, _)) = (run.phones, run.gateways[0]);
    run.engine.control().at(Time::from_secs(60), move |control| {
        control.begin_link_fault(&[phones], &[silent], LinkFault::Cut);
        control.begin_link_fault(&[silent], &[phones], LinkFault::Cut);
    });
    run.until(120);
    let looks = run.watcher.of_kind("offer-poll");
    let failed: Vec<&JourneyEnded> = looks.iter().filter(|look| look.outcome == JourneyOutcome::Failed).collect();
    // Pings tell most phones earlier: they are twenty times as many in this village.
    assert!(failed.iter().all(|look| look.ended_at < Time::from_secs(60 + 12 + 5 + 5)), "{failed:?}");
    let late = looks.iter().filter(|look| look.intended_at > Time::from_secs(90));
    assert_eq!(late.map(|look| look.actor).collect::<BTreeSet<u64>>().len(), DRIVERS, "everybody looks again");
}
