//! What recoveries leave out is named exactly, and after them the view is as if it had never been.

use std::rc::Rc;
use std::time::Duration;

use oracles::{Fate, LostWrite, Rules, Watch};
use platform::domain::schema::{Payment, Quote, ToldNotification};
use ports::cache::{Command, Condition, Expiry};
use ports::event_log::{Offset, Partition, TopicId};
use ports::observe::{
    CacheWrite, CommitPosition, CommittedTransaction, EventPosition, Observation, Observer, PartitionLed,
};
use runtime::Time;

use crate::script::{STORE, Script, Step, Write, lossy, speaking, strict, time};
use crate::story::good;

/// The history with a failover after the commit at `place` that forgets `forget` commits, which are then made again.
fn interrupted(place: usize, forget: usize) -> Option<Script> {
    let mut script = good();
    let commits: Vec<usize> =
        (0..=place).rev().take_while(|at| !matches!(script.steps[*at], Step::Failover { .. })).collect();
    let forgotten: Vec<Step> = commits
        .into_iter()
        .map(|at| script.steps[at].clone())
        .filter(|step| matches!(step, Step::Commit(_)))
        .take(forget)
        .collect();
    if forgotten.len() < forget {
        return None;
    }
    let at_ns = script.end_ns();
    let again = forgotten.into_iter().rev();
    let failover = std::iter::once(Step::Failover { forget, at_ns });
    let rest = script.steps.split_off(place + 1);
    script.steps.extend(failover.chain(again).chain(rest));
    Some(script)
}

#[test]
fn wherever_commits_are_lost_and_made_again_no_oracle_is_confused() {
    let mut played = 0;
    for place in 0..good().steps.len() {
        for forget in [1, 2, 5] {
            let Some(script) = interrupted(place, forget) else { continue };
            let reports = script.play(lossy()).reports();
            let texts: Vec<_> = reports.iter().flat_map(|report| &report.first).collect();
            assert!(speaking(&reports).is_empty(), "{forget} lost after step {place}: {texts:#?}");
            played += 1;
        }
    }
    assert!(played > 100, "{played}");
}

fn names(lost: &[LostWrite]) -> Vec<String> {
    lost.iter().map(|write| format!("{} {} {:?}", write.lsn, write.object, write.fate)).collect()
}

#[test]
fn every_lost_write_is_named_once_with_its_fate() {
    let mut script = good().until("1 departed");
    let at_ns = script.end_ns() + 1;
    script.steps.push(Step::Failover { forget: 3, at_ns });
    let lost = script.play(lossy()).lost_writes(None);
    insta::assert_snapshot!(names(&lost).join("\n"));
    assert!(lost.iter().all(|write| &*write.store == STORE && write.epoch == 1));

    let onset = lost.last().unwrap().acknowledged_at;
    let divergent = script.play(lossy()).lost_writes(Some(onset));
    let of_fate = |fate| divergent.iter().filter(|write| write.fate == fate).map(|write| write.lsn).collect::<Vec<_>>();
    assert!(of_fate(Fate::Divergent).iter().all(|lsn| *lsn == lost.last().unwrap().lsn));
    assert!(!of_fate(Fate::Divergent).is_empty() && !of_fate(Fate::Lost).is_empty());
}

#[test]
fn what_nobody_was_told_of_is_not_lost() {
    assert_eq!(good().play(strict()).lost_writes(None), []);
}

#[test]
fn what_was_deleted_and_is_back_is_no_loss() {
    for (label, forget) in [("1 swept", 1), ("1 news swept", 5)] {
        let mut script = good().until(label);
        let at_ns = script.end_ns() + 1;
        script.steps.push(Step::Failover { forget, at_ns });
        let watch = script.play(strict());
        let missed = watch.lost_writes(None).into_iter().filter(|lost| lost.fate != Fate::Superseded);
        assert_eq!(missed.collect::<Vec<_>>(), [], "{label}");
        assert!(speaking(&watch.reports()).is_empty(), "{label}: {:#?}", watch.reports());
    }
}

#[test]
fn nobody_misses_what_was_told_of_a_trip_that_may_go_any_moment() {
    let script = ["1 swept", "1 events swept", "1 quote swept", "1 key swept"].into_iter().fold(good(), Script::skip);
    let mut script = script.until("1 news swept");
    let told: ToldNotification = script.record("1 told");
    let reports = script.at("1 news swept", told.at_ns + 3_600_000_000_000).then_idle(1).play(strict()).reports();
    let missed: Vec<_> = reports.iter().flat_map(|report| &report.first).map(|violation| &violation.text).collect();
    // Of the others nobody was ever told.
    assert!(!missed.is_empty() && missed.iter().all(|text| !text.contains("TripId(1)")), "{missed:#?}");
}

#[test]
fn nobody_misses_a_row_whose_deletion_was_lost_with_it() {
    let mut script = good().until("last");
    let quote: Quote = script.record("last");
    let later_ns = script.end_ns() + 3_600_000_000_000;
    script.commit("last swept", later_ns, vec![Write::delete(&quote)]);
    script.steps.push(Step::Failover { forget: 2, at_ns: later_ns + 1 });
    let lost = script.play(lossy()).lost_writes(None);
    assert_eq!(
        lost.iter().map(|write| (&*write.object, write.fate)).collect::<Vec<_>>(),
        [("quotes/98", Fate::Superseded), ("quotes/98", Fate::Superseded)]
    );
}

#[test]
fn a_loss_beyond_what_is_declared_is_a_bug() {
    let mut script = good().until("1 settled");
    let at_ns = script.end_ns() + 1;
    script.steps.push(Step::Failover { forget: 3, at_ns });
    // The last three commits are five seconds apart.
    let declaring = |seconds| {
        let mut rules = strict();
        rules.declared_loss.insert(STORE.to_owned(), Duration::from_secs(seconds));
        speaking(&script.play(rules).reports()).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(declaring(9), ["acknowledged-writes-stay"]);
    assert_eq!(declaring(10), [""; 0]);
}

/// What a failover of a cache and an unclean election of an event log do, each to one of two acknowledged writes; then the sides that lost go
/// on.
fn copies_that_lag() -> Vec<Observation> {
    let position =
        |store: &str, lsn, at_s| CommitPosition { store: store.into(), epoch: 1, lsn, at: Time::from_secs(at_s) };
    let cached = |lsn, at_s| {
        let (key, value) = (format!("key-{lsn}").into_bytes(), b"v".to_vec());
        let command = Command::Set { key, value, condition: Condition::Always, expiry: Expiry::Never, get: false };
        let position = position("redis/1", lsn, at_s);
        Observation::CacheWriteAcknowledged(CacheWrite { position, command: Rc::new(command) })
    };
    let partition = Partition { topic: TopicId(1), number: 2 };
    let told = |offset, at_s| {
        let (store, key, at) = ("kafka".into(), [1].as_slice().into(), Time::from_secs(at_s));
        Observation::EventAcknowledged(EventPosition { store, partition, key, epoch: 1, offset: Offset(offset), at })
    };
    let at = Time::from_secs(20);
    let recovered = Observation::CacheRecoveredTo {
        store: "redis/1".into(),
        node: "redis-1-1".into(),
        epoch: 2,
        base: Some((1, 1)),
        at,
    };
    let led = Observation::PartitionLed(PartitionLed {
        store: "kafka".into(),
        node: "kafka-1".into(),
        partition,
        epoch: 2,
        reigns: vec![(1, Offset(0))],
        end: Offset(1),
        clean: false,
        at,
    });
    vec![cached(1, 10), cached(2, 13), told(0, 10), told(1, 14), recovered, led, cached(3, 21), told(2, 21)]
}

#[test]
fn what_copies_of_caches_and_logs_lacked_is_lost_and_what_their_old_sides_say_diverges() {
    let watch = Watch::new(strict());
    copies_that_lag().iter().for_each(|observation| watch.observe(observation));
    let lost = watch.lost_writes(None);
    let told: Vec<String> = lost.iter().map(|lost| format!("{} {} {:?}", lost.store, lost.object, lost.fate)).collect();
    let expected = [
        "redis shard-1/key-2 Lost",
        "redis shard-1/key-3 Divergent",
        "kafka trip-events-2/1 Lost",
        "kafka trip-events-2/2 Divergent",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_copy_that_lags_is_a_bug_unless_the_design_has_it() {
    let violations = |declared: &[&str]| {
        let mut rules = strict();
        let accepted = declared.iter().map(|store| ((*store).to_owned(), Duration::from_secs(1)));
        rules.declared_loss.extend(accepted);
        let watch = Watch::new(rules);
        copies_that_lag().iter().for_each(|observation| watch.observe(observation));
        let reports = watch.reports();
        let report = reports.iter().find(|report| report.name == "acknowledged-writes-stay").unwrap();
        assert_eq!(report.evaluations, 6, "two looks at each recovery, one at each late acknowledgement");
        report.violations
    };
    assert_eq!([violations(&[]), violations(&["redis"]), violations(&["redis", "kafka"])], [4, 2, 0]);
}

#[test]
fn a_cache_may_have_two_nodes_that_accept_writes_for_a_while() {
    let watch = Watch::new(strict());
    let reign = |epoch, node: &str| {
        let (store, node, at) = ("redis/0".into(), node.into(), Time::from_secs(1));
        watch.observe(&Observation::WritableSince { store, node, epoch, at });
    };
    reign(2, "redis-0-1");
    reign(1, "redis-0-0");
    assert!(speaking(&watch.reports()).is_empty());
}

#[test]
fn what_a_lost_side_acknowledges_later_is_divergent() {
    let script = good();
    let watch = script.play(lossy());
    let Some(Observation::Committed(last)) =
        script.observations().into_iter().rfind(|observation| matches!(observation, Observation::Committed(_)))
    else {
        panic!("the history has commits");
    };
    let position = CommitPosition { epoch: 1, lsn: 9_999_999, ..last.position.clone() };
    let late = CommittedTransaction { position: position.clone(), node: "node-1".into(), changes: last.changes };
    watch.observe(&Observation::Committed(late));
    watch.observe(&Observation::CommitAcknowledged(position));
    let lost = watch.lost_writes(None);
    assert!(!lost.is_empty() && lost.iter().all(|write| write.fate == Fate::Divergent), "{lost:?}");
    assert_eq!(speaking(&watch.reports()).into_iter().collect::<Vec<_>>(), ["one-writable-node"]);
}

#[test]
fn commits_that_a_recovery_tells_of_again_count_once() {
    let observations = good().observations();
    let (plain, repeated) = (Watch::new(strict()), Watch::new(strict()));
    for observation in &observations {
        plain.observe(observation);
        repeated.observe(observation);
        if matches!(observation, Observation::Committed(_)) {
            repeated.observe(observation);
        }
    }
    assert_eq!(plain.reports(), repeated.reports());
}

#[test]
fn a_commit_that_only_the_recovery_knows_of_is_part_of_what_is_shared() {
    let mut script = good();
    let fee: Payment = script.record("4 fee taken");
    let at_ns = script.end_ns();
    script.steps.push(Step::Failover { forget: 0, at_ns });
    script.commit("after", at_ns, vec![Write::put(&fee)]);
    let mut observations = script.observations();
    // The old node never got to say that it had committed: whoever recovered it says so.
    let recovered =
        observations.iter().rposition(|observation| matches!(observation, Observation::RecoveredTo { .. })).unwrap();
    let unsaid = observations
        .iter()
        .take(recovered)
        .rposition(|observation| matches!(observation, Observation::Committed(_)))
        .unwrap();
    let commit = observations.remove(unsaid);
    observations.remove(unsaid); // nor was it acknowledged
    observations.insert(recovered - 1, commit);
    let watch = Watch::new(strict());
    observations.iter().for_each(|observation| watch.observe(observation));
    let reports = watch.reports();
    assert!(
        speaking(&reports).is_empty(),
        "{:#?}",
        reports.iter().flat_map(|report| &report.first).collect::<Vec<_>>()
    );
}

#[test]
fn a_recovery_beyond_memory_says_so() {
    let mut script = good().until("1 settled");
    let at_ns = script.end_ns() + 1;
    script.steps.push(Step::Failover { forget: 5, at_ns });
    let speaks = |commits_remembered| speaking(&script.play(Rules { commits_remembered, ..lossy() }).reports());
    assert!(speaks(5).is_empty());
    assert!(speaks(3).contains("acknowledged-writes-stay"));
}

#[test]
fn what_is_over_is_forgotten_and_taken_as_it_is_found_later() {
    let remembering_little = Rules { commits_remembered: 2, ..strict() };
    let mut script = good();
    let payment: Payment = script.record("1 captured");
    let other = Write::put(&Payment { claimed_until_ns: payment.claimed_until_ns + 1, ..payment });
    let reports = script.with("4 fee taken", other).play(remembering_little).reports();
    assert!(
        speaking(&reports).is_empty(),
        "{:#?}",
        reports.iter().flat_map(|report| &report.first).collect::<Vec<_>>()
    );
}

#[test]
fn a_row_that_cannot_be_read_is_reported() {
    let script = good();
    let mut observations = script.observations();
    let Some(Observation::Committed(commit)) =
        observations.iter_mut().rfind(|observation| matches!(observation, Observation::Committed(_)))
    else {
        panic!("the history has commits");
    };
    let first = commit.changes.iter_mut().find_map(|change| change.after.as_mut()).unwrap();
    first.pop();
    let watch = Watch::new(strict());
    observations.iter().for_each(|observation| watch.observe(observation));
    let reports = watch.reports();
    let report = reports.iter().find(|report| report.name == "acknowledged-writes-stay").unwrap();
    assert!(report.first.iter().any(|violation| violation.text.contains("cannot be read")), "{:?}", report.first);
    assert_eq!(report.first[0].at, time(script.end_ns()));
}
