//! What the database's deployment and its failures do to riders.

use reports::records::{Fate, Mark};
use reports::report::Report;

use crate::support::*;

const ZONE_LOSS: &str = r#"
[[fault]]
at = "3m"
zone-power-loss = { zone = "us-east-1a", for = "5m" }
"#;

fn zone_loss(overrides: &str) -> String {
    format!("{ZONE_LOSS}\n[override]\n{overrides}")
}

#[test]
fn a_primary_in_another_zone_feels_nothing() {
    let here = rehearsed(&scenario("40/s", "12m", ZONE_LOSS));
    let elsewhere = zone_loss("\"rds.primary_zone\" = \"us-east-1b\"\n\"rds.standby_zone\" = \"us-east-1c\"");
    let elsewhere = rehearsed(&scenario("40/s", "12m", &elsewhere));
    assert_eq!(marks(&here, "rds", Mark::Promoted).len(), 1, "the database fails over once");
    assert_eq!(marks(&elsewhere, "rds", Mark::Promoted), [] as [f64; 0], "there is nothing to fail over from");
    // A ping touches no database, an offer poll does: where only balancer and gateway suffer, both fail alike. A tenth
    // is what the draws of some hundred failures may differ by.
    assert!(failed_share(&here, "offer-poll") > failed_share(&here, "ping") * 1.2);
    assert!(failed_share(&elsewhere, "offer-poll") < failed_share(&elsewhere, "ping") * 1.1);
}

fn failed_share(report: &Report, journey: &str) -> f64 {
    let counts = &report.outcome.journeys[journey].counts;
    counts.failed as f64 / counts.first_attempts as f64
}

#[test]
fn a_zone_that_falls_silent_is_failed_over_from_and_its_primary_is_fenced() {
    let blackhole = r#"
[[fault]]
at = "3m"
zone-network-blackhole = { zone = "us-east-1a", for = "5m" }
"#;
    let report = rehearsed(&scenario("40/s", "12m", blackhole));
    assert_eq!(marks(&report, "rds", Mark::Promoted).len(), 1, "nobody named RDS, and still it fails over");
    let writable = &report.outcome.oracles["one-writable-node"];
    assert!(writable.evaluations > 0 && writable.violations == 0, "{writable:?}");
    assert!(
        report.happenings.iter().any(|seen| seen.component == "rds" && seen.state == "not writable"),
        "{:#?}",
        report.happenings
    );
    assert_eq!(report.outcome.stores["rds"].lost, 0);
}

#[test]
fn without_a_standby_the_outage_lasts_as_long_as_the_zone_is_dark_and_nothing_is_lost() {
    let report = rehearsed(&scenario("40/s", "14m", &zone_loss("\"rds.multi_az\" = false")));
    assert!(critical_rto_s(&report) >= 300.0, "{}", critical_rto_s(&report));
    assert_eq!(report.outcome.stores["rds"].lost, 0);
}

#[test]
fn a_replica_promoted_behind_a_stall_loses_exactly_what_it_had_not_received() {
    let stalled = r#"
[[fault]]
at = "3m"
replication-stall = { store = "rds", replica = "rds-replica-1", for = "10m" }

[[fault]]
at = "4m"
promote-replica = { store = "rds", replica = "rds-replica-1" }
"#;
    // Phones may wait for ever for a trip that was lost: only what must hold is demanded.
    let (report, _, writes) = recorded(&scenario("60/s", "12m", stalled));
    let store = &report.outcome.stores["rds"];
    assert!(store.lost > 0, "acknowledged before the promotion, hence lost and not divergent: {store:?}");
    let lost = writes_of(&writes, "rds", |write| write.fate != Fate::Kept);
    assert!(!lost.is_empty());
    // Everything the old primary acknowledged after the last write that the replica has.
    let (epoch, first, _) = lost.first().unwrap().clone();
    let unreplicated = |write: &Write| write.fate == Fate::Kept && write.epoch == epoch && write.position >= first;
    assert_eq!(lost, writes_of(&writes, "rds", unreplicated));
    // A replica is a network hop and an apply behind: the window begins with the stall, not a second off.
    let is_first = |write: &&Write| write.store == "rds" && write.position == first && write.epoch == epoch;
    let begins = writes.iter().filter(is_first);
    let begins = begins.map(|write| write.acknowledged_at_s).fold(f64::MAX, f64::min);
    assert!((179.0..=190.0).contains(&begins), "the stall begins at 180 s, the first lost write at {begins}");
}

/// How long the database is away for people, where its primary's host loses power and a promotion takes so long: from the first look for an
/// offer that failed to the first answer to one that was meant since. A look needs the primary, and some thirty come a second.
fn outage_s(promotion_s: u32) -> f64 {
    let lost_at_s = 60.0;
    let rest = format!(
        "[[fault]]\nat = \"1m\"\nhost-power-loss = {{ host = \"rds-primary\", for = \"10m\" }}\n\
         [override]\n\"rds.promote\" = \"{promotion_s}s\"\n\"rds.dns_ttl\" = \"1s\""
    );
    let (_, requests, _) = recorded(&scenario("40/s", "8m", &rest));
    let looks = || requests.iter().filter(|request| request.journey == "offer-poll");
    let failed = looks().filter(|look| look.failed() && look.meant_at_s > lost_at_s - 5.0);
    let served = looks().filter(|look| !look.failed() && look.meant_at_s >= lost_at_s);
    let first_failed_s = failed.map(|look| look.meant_at_s).fold(f64::MAX, f64::min);
    served.map(|look| look.ended_at_s).fold(f64::MAX, f64::min) - first_failed_s
}

#[test]
fn the_outage_that_people_see_moves_with_the_time_that_promotion_takes() {
    let [short, usual, long] = [5, 60, 300].map(outage_s);
    // Five heartbeats 3 s apart are missed, up to a tenth early; the old lease runs out; then 5 s.
    assert!((15.0..35.0).contains(&short), "{short}");
    // All but the promotion is the same in the three. Clients find out later, by 1 s in which they remember the old address, by 2 s of a dial that
    // is under way to it, and by what a look takes.
    assert!((usual - short - 55.0).abs() < 4.0, "{short} and {usual}");
    assert!((long - usual - 240.0).abs() < 4.0, "{usual} and {long}");
}
