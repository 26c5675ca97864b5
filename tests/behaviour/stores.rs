//! What the cache's and the event log's copies have, and what is lost with the original.

use std::collections::BTreeSet;

use reports::records::{Fate, Mark};

use crate::support::*;

/// Every write that a recovery left out, and every acknowledged one of those that its verdicts are about.
fn lost_and_unreplicated(writes: &[Write], store: &str, log: &str) -> (Named, Named) {
    let of_log = |write: &Write| write.object.starts_with(log);
    let lost = writes_of(writes, store, |write| of_log(write) && write.fate != Fate::Kept);
    let (epoch, first, _) = lost.first().expect("something is lost").clone();
    let acknowledged = |write: &Write| write.fate == Fate::Kept && write.epoch == epoch && write.position >= first;
    let unreplicated = writes_of(writes, store, |write| of_log(write) && acknowledged(write));
    (lost, unreplicated)
}

type Named = BTreeSet<(u64, u64, String)>;

/// When the first and the last of these were acknowledged.
fn span_s(writes: &[Write], store: &str, of: &Named) -> (f64, f64) {
    let is_of =
        |write: &&Write| write.store == store && of.contains(&(write.epoch, write.position, write.object.clone()));
    let times = writes.iter().filter(is_of).map(|write| write.acknowledged_at_s);
    times.fold((f64::MAX, f64::MIN), |(from, to), at| (from.min(at), to.max(at)))
}

#[test]
fn a_cache_that_fails_ten_seconds_into_a_stall_loses_exactly_what_its_replica_had_not_received() {
    let (report, _, writes) = recorded(&drill("redis-stall.toml", quick));
    let cache = &report.outcome.stores["redis"];
    assert!(cache.lost > 0 && cache.divergent == 0 && cache.accepted, "{cache:?}");
    let age_s = cache.oldest_age_s.expect("something is lost, and the power went");
    assert!((9.0..=10.1).contains(&age_s), "the stall began ten seconds before the power went: {age_s}");
    let (lost, unreplicated) = lost_and_unreplicated(&writes, "redis", "shard-0/");
    assert_eq!(lost, unreplicated);
    let (from_s, to_s) = span_s(&writes, "redis", &lost);
    assert!((599.9..601.0).contains(&from_s) && (609.0..610.1).contains(&to_s), "{from_s} to {to_s}");
    let elsewhere = writes_of(&writes, "redis", |write| write.fate != Fate::Kept);
    assert_eq!(lost, elsewhere, "the other shards have lost nothing");
    nothing_lost(&report, &["rds", "kafka"]);
}

#[test]
fn a_failover_of_a_shard_that_is_well_costs_seconds_and_hardly_a_write() {
    let report = rehearsed(&drill("redis-failover.toml", quick));
    let promoted = marks(&report, "redis", Mark::Promoted);
    assert!(promoted.len() == 1 && (600.0..605.0).contains(&promoted[0]), "{promoted:?}");
    let cache = &report.outcome.stores["redis"];
    // What the old primary answers until it hears of the new one.
    assert!(cache.acknowledged > 1_000 && cache.lost + cache.divergent <= 10 && cache.accepted, "{cache:?}");
    nothing_lost(&report, &["rds", "kafka"]);
    assert!(critical_rto_s(&report) <= 60.0, "{}", critical_rto_s(&report));
}

#[test]
fn a_broker_that_is_lost_takes_no_acknowledged_record_with_it() {
    let report = rehearsed(&drill("broker-loss.toml", quick));
    let led = report.run.placement.iter().find(|place| place.instance == "kafka-0").expect("it is placed");
    assert_eq!((&*led.zone, &*led.role), ("us-east-1a", "leads trip-events 0, 3"));
    // The ensemble waits for a session of 18 s, and the others of the partition are in step.
    let promoted = marks(&report, "kafka", Mark::Promoted);
    assert!(promoted.first().is_some_and(|at| (610.0..640.0).contains(at)), "{promoted:?}");
    let log = &report.outcome.stores["kafka"];
    assert!(log.acknowledged > 1_000, "{log:?}");
    nothing_lost(&report, &["rds", "redis", "kafka"]);
    assert_eq!(critical_rto_s(&report), 0.0, "nobody who rides waits for the event log");
}

#[test]
fn a_zone_takes_the_cache_s_only_copy_with_it_and_nothing_of_the_database_and_the_log() {
    let report = rehearsed(&drill("zone-power-loss.toml", quick));
    let role = |instance: &str| {
        let place = report.run.placement.iter().find(|place| place.instance == instance).expect("it is placed");
        (place.zone.clone(), place.role.clone())
    };
    let zone = || "us-east-1a".to_owned();
    assert_eq!(role("rds-primary"), (zone(), "primary".to_owned()));
    assert_eq!(role("redis-0-0"), (zone(), "primary 0".to_owned()));
    assert_eq!(role("kafka-0"), (zone(), "leads trip-events 0, 3".to_owned()));
    let cache = &report.outcome.stores["redis"];
    assert!(cache.lost > 0 && cache.accepted, "{cache:?}");
    // Of what was there, only that is missed which was of any use: nothing is kept for longer than surge, which is for two minutes.
    assert!(cache.oldest_age_s.is_some_and(|age_s| age_s <= 120.1), "{cache:?}");
    nothing_lost(&report, &["rds", "kafka"]);
}

#[test]
fn an_event_log_led_by_a_replica_that_had_fallen_out_of_step_has_lost_exactly_what_that_had_not_fetched() {
    // After half a minute the leaders go on without the replica; a minute later they are gone, and it is all there is.
    let stalled = r#"
[[fault]]
at = "3m"
kafka-replication-stall = { broker = "kafka-1", for = "3m" }

[[fault]]
at = "4m30s"
host-power-loss = { host = "kafka-0", for = "4m" }

[[fault]]
at = "4m30s"
host-power-loss = { host = "kafka-2", for = "4m" }
"#;
    let (report, _, writes) = recorded(&scenario_on("aws-microservice", "100/s", "12m", stalled));
    let log = &report.outcome.stores["kafka"];
    assert!(log.lost > 0 && log.accepted, "{log:?}");
    let gone = writes_of(&writes, "kafka", |write| write.fate != Fate::Kept);
    let partition = |object: &str| object.rsplit_once('/').expect("partition/offset").0.to_owned() + "/";
    let partitions: BTreeSet<String> = gone.iter().map(|(.., object)| partition(object)).collect();
    for name in &partitions {
        let (lost, unreplicated) = lost_and_unreplicated(&writes, "kafka", name);
        assert_eq!(lost, unreplicated, "{name}");
    }
    // Of six partitions the stalled broker led two, of which it has everything.
    let led = ["trip-events-1/", "trip-events-4/"];
    assert!(partitions.len() >= 4 && led.iter().all(|led| !partitions.contains(*led)), "{partitions:?}");
    nothing_lost(&report, &["rds", "redis"]);
}
