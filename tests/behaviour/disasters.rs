//! The disasters beside the main drill: what each file says of itself comes out.

use std::ops::Range;

use reports::objective::{Metric, ObjectiveStatus};
use reports::records::{Fate, Mark, Tier};
use reports::report::Report;

use crate::support::*;

/// How a promise fared.
fn fared(report: &Report, metric: Metric) -> ObjectiveStatus {
    let judged = report.outcome.objectives.iter().find(|judged| judged.metric == metric);
    judged.unwrap_or_else(|| panic!("nothing was promised about {metric}")).status
}

#[test]
fn a_primary_whose_host_fails_is_not_waited_for_and_comes_back_as_a_copy() {
    let report = rehearsed(&drill("primary-crash.toml", quick));
    let (lost_at_s, powered_at_s) = (900.0, 1_500.0);
    // 12 s at least until five heartbeats are missed, 10 s of promotion; the machine has no power for ten minutes.
    let promoted = marks(&report, "rds", Mark::Promoted);
    assert!(matches!(promoted[..], [at] if (lost_at_s + 22.0..lost_at_s + 40.0).contains(&at)), "{promoted:?}");
    // It boots for two minutes, and copies what it missed before commits may wait for it.
    let in_step = times_of(&report, "rds", "standby in step");
    assert!(matches!(in_step[..], [at] if at > powered_at_s + 120.0), "{in_step:?}");
    assert!(report.outcome.oracles["one-writable-node"].evaluations > 0);
    nothing_lost(&report, &["rds", "redis", "kafka"]);
    // No shorter than the database was away, and over in the second of the minutes that service is judged by.
    let rto_s = critical_rto_s(&report);
    assert!((22.0..=120.0).contains(&rto_s), "{rto_s}");
    assert_eq!(fared(&report, Metric::RecoveryTime(Tier::Critical)), ObjectiveStatus::Met);
    assert_eq!(fared(&report, Metric::RecoveryPoint(Tier::Critical)), ObjectiveStatus::Met);
}

/// How many requests of these kinds were meant within this, and how many of them failed.
fn meant(requests: &[Request], kinds: &[&str], within: &Range<f64>) -> (usize, usize) {
    let of_kinds = requests.iter().filter(|request| kinds.contains(&request.journey.as_str()));
    let of_kinds: Vec<&Request> = of_kinds.filter(|request| within.contains(&request.meant_at_s)).collect();
    (of_kinds.len(), of_kinds.iter().filter(|request| request.failed()).count())
}

#[test]
fn a_primary_that_most_monitors_hear_is_kept_in_a_partition_and_goes_on_without_its_standby() {
    let (report, requests, writes) = recorded(&drill("partition.toml", quick));
    assert!(report.outcome.pending.is_empty(), "{:#?}", report.outcome.pending);
    let acknowledged = |within: Range<f64>| {
        let of_database = writes.iter().filter(|write| write.store == "rds" && write.fate == Fate::Kept);
        of_database.filter(|write| within.contains(&write.acknowledged_at_s)).count()
    };
    // Two of three monitors hear the primary all the time, so it is neither fenced nor replaced.
    assert_eq!(marks(&report, "rds", Mark::Promoted), [] as [f64; 0]);
    assert_eq!(times_of(&report, "rds", "not writable"), [] as [f64; 0]);
    nothing_lost(&report, &["rds", "kafka"]);

    // From 15:00 on commits wait for the standby for 10 s; then the primary has leave to go on without it, and people have what they want.
    assert_eq!(acknowledged(900.5..909.0), 0);
    let detached = times_of(&report, "rds", "standby detached");
    assert!(matches!(detached[..], [at] if (909.0..=913.0).contains(&at)), "{detached:?}");
    assert!(acknowledged(913.0..1_500.0) > 1_000);
    let (wished, failed) = meant(&requests, &["sign-in", "quote", "request"], &(960.0..1_500.0));
    assert!(wished > 100 && failed * 100 < wished, "{failed} of {wished}");
    let in_step = times_of(&report, "rds", "standby in step");
    assert!(matches!(in_step[..], [at] if (1_500.0..2_100.0).contains(&at)), "after the link healed: {in_step:?}");

    // From 35:00 on the database is heard by everybody but the services: a ping needs none of it, and a sign-in is tried for 17 s in vain.
    assert_eq!(acknowledged(2_100.5..2_219.5), 0);
    let silence = 2_105.0..2_200.0;
    let (signed_in, failed) = meant(&requests, &["sign-in"], &silence);
    assert!(signed_in > 10 && failed == signed_in, "{failed} of {signed_in}");
    let (pings, failed) = meant(&requests, &["ping"], &silence);
    assert!(pings > 1_000 && failed * 100 < pings, "{failed} of {pings}");
    assert!(acknowledged(2_220.0..2_280.0) > 100, "what waited is answered when the link heals");

    // Recovery counts from the first fault to the end of the second's harm.
    let rto_s = critical_rto_s(&report);
    assert!((1_320.0..=1_620.0).contains(&rto_s), "{rto_s}");
    assert_eq!(fared(&report, Metric::RecoveryTime(Tier::Critical)), ObjectiveStatus::Missed);
    assert_eq!(fared(&report, Metric::RecoveryPoint(Tier::Critical)), ObjectiveStatus::Met);
}
