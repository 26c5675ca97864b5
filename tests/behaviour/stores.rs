//! What the cache's and the event log's copies have, and what is lost with the original.

use std::collections::BTreeSet;

use reports::measures::stores::StoreOutcome;
use reports::records::Fate;

use crate::support::*;

/// The document's cache with a replica for each shard, in another zone.
const REPLICATED: &str =
    r#""redis.shards" = [["us-east-1a", "us-east-1b"], ["us-east-1b", "us-east-1c"], ["us-east-1c", "us-east-1a"]]"#;

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
    let stalled = format!(
        r#"
[[fault]]
at = "3m"
redis-replication-stall = {{ server = "redis-0-1", for = "2m" }}

[[fault]]
at = "3m10s"
host-power-loss = {{ host = "redis-0-0", for = "5m" }}

[override]
{REPLICATED}
"#
    );
    let (report, _, writes) = recorded(&scenario_on("aws-microservice-whole", "100/s", "10m", &stalled));
    let cache = &report.outcome.stores["redis"];
    assert!(cache.lost > 0 && cache.divergent == 0 && cache.accepted, "{cache:?}");
    let age_s = cache.oldest_age_s.expect("something is lost, and the power went");
    assert!((9.0..=10.1).contains(&age_s), "the stall began ten seconds before the power went: {age_s}");
    let (lost, unreplicated) = lost_and_unreplicated(&writes, "redis", "shard-0/");
    assert_eq!(lost, unreplicated);
    let (from_s, to_s) = span_s(&writes, "redis", &lost);
    assert!((179.9..181.0).contains(&from_s) && (189.0..190.0).contains(&to_s), "{from_s} to {to_s}");
    // Other shards, the database and the event log have lost nothing.
    assert!(lost.len() == writes_of(&writes, "redis", |write| write.fate != Fate::Kept).len());
    for other in ["rds", "kafka"] {
        let StoreOutcome { acknowledged, lost, divergent, .. } = report.outcome.stores[other];
        assert!(acknowledged > 0 && lost + divergent == 0, "{other}: {lost} lost, {divergent} diverged");
    }
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
    let (report, _, writes) = recorded(&scenario_on("aws-microservice-whole", "100/s", "12m", stalled));
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
    for other in ["rds", "redis"] {
        let StoreOutcome { lost, divergent, .. } = report.outcome.stores[other];
        assert_eq!(lost + divergent, 0, "{other}");
    }
}
