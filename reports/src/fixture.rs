//! Synthetic runs of ninety minutes: what they should read like is known beforehand.

use std::collections::BTreeMap;

use crate::measures::Measures;
use crate::objective::{Comparison, Metric, Objective};
use crate::records::{
    ComponentStateRecord, Fate, FaultRecord, Mark, MetricRecord, OracleRecord, PendingRecord, Record, RequestRecord,
    Tier, Unrest, WriteRecord,
};
use crate::report::Report;
use crate::run::{Placement, RunRecord, SCHEMA_VERSION, ServiceLevel, Store, Stretch, Traffic};

const SECOND_NS: i64 = 1_000_000_000;
pub const ONSET_S: i64 = 20 * 60;
pub const HEALED_S: i64 = 50 * 60;
const DURATION_S: i64 = 90 * 60;

/// Which synthetic run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Zone lost, database fails over in 42 s, connections hang until 22:10, a dip when the zone comes back.
    Outage,
    /// The same, but nothing fails over; writes are lost, an oracle breaks, the run is cut short.
    Broken,
    /// Nothing breaks.
    Quiet,
}

pub fn outage() -> Report {
    report(Course::Outage)
}

pub fn broken() -> Report {
    report(Course::Broken)
}

pub fn quiet() -> Report {
    report(Course::Quiet)
}

fn report(course: Course) -> Report {
    let run = run(course);
    let mut measures = Measures::new(run.duration_ns());
    records(course, |record| measures.add(record));
    measures.finish(&run)
}

pub fn run(course: Course) -> RunRecord {
    let objective = |name: &str, comparison, threshold, text: &str| Objective {
        metric: Metric::parse(name).expect("the fixture names metrics that exist"),
        comparison,
        threshold,
        text: text.to_string(),
    };
    RunRecord {
        schema_version: SCHEMA_VERSION,
        complete: course != Course::Broken,
        stopped_by: (course == Course::Broken).then(|| "Ctrl-C or SIGTERM".to_string()),
        title: "us-east-1a loses power in the evening peak".to_string(),
        scenario: "scenarios/drills/zone-power-loss.toml".to_string(),
        scenario_hash: "5d1c0f6e0d2b4a7791f00fb1a7e3c2d4".to_string(),
        seed: 7,
        engine: "native".to_string(),
        commit: "0123abc".to_string(),
        start: "Fri 17:30".to_string(),
        warmup_s: 600.0,
        duration_s: DURATION_S as f64,
        traffic: Traffic { requests_per_s: 8.0, trips_per_h: 46.2, riders_per_h: 81.0, drivers: 24.6 },
        placement: placement(),
        service_levels: BTreeMap::from([
            (Tier::Critical, ServiceLevel { success_ratio_min: 0.99, p95_ms_max: 500.0 }),
            (Tier::Important, ServiceLevel { success_ratio_min: 0.95, p95_ms_max: 2_000.0 }),
        ]),
        window_journeys_min: 10,
        stores: vec![
            Store {
                name: "orders-db".to_string(),
                tiers: vec![Tier::Critical, Tier::Important],
                holds: "trips and payments".to_string(),
                declared_rpo_s: Some(0.0),
            },
            Store {
                name: "orders-replica".to_string(),
                tiers: vec![Tier::Standard],
                holds: String::new(),
                declared_rpo_s: Some(5.0),
            },
        ],
        objectives: vec![
            objective("critical.rto", Comparison::Below, 900.0, "< 15m"),
            objective("critical.rpo", Comparison::Below, 300.0, "< 5m"),
            objective("api.latency.p95", Comparison::Below, 100.0, "< 100ms"),
            objective("errors.rate", Comparison::Below, 0.001, "< 0.1%"),
            objective("standard.availability", Comparison::AtLeast, 0.99, ">= 99%"),
        ],
        not_modelled: vec![
            "Power loss leaves every disk of the zone readable: torn pages and dead volumes are not drawn.".to_string(),
            "Riders do not walk away to another provider while the app fails, so demand after the outage is an upper bound \
             of what a real city would send."
                .to_string(),
        ],
        trace_hash: "9b0e3a4d17c85f2266a1f0c3d2e49b71".to_string(),
        events: 1_234_567,
        simulated_s: 6_120.0,
        wall_s: 3.4,
        at_horizon: (course != Course::Broken).then_some(Stretch { simulated_s: 6_000.0, wall_s: 3.3, events: 1_230_000 }),
        reproduce: "rehearse run scenarios/drills/zone-power-loss.toml --seed 7  # commit 0123abc, scenario 5d1c0f6e0d2b4a77, \
                    trace 9b0e3a4d17c85f22"
            .to_string(),
    }
}

fn placement() -> Vec<Placement> {
    let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
    let mut rows = Vec::new();
    for group in ["gateway", "trips", "payments"] {
        for (index, zone) in zones.into_iter().enumerate() {
            let instance = format!("{group}-{}", index + 1);
            rows.push(Placement {
                group: group.to_string(),
                // The payments service's instances are pods.
                host: if group == "payments" { format!("node-{index}") } else { instance.clone() },
                instance,
                role: String::new(),
                zone: zone.to_string(),
            });
        }
    }
    for (role, zone) in [("primary", zones[0]), ("standby", zones[1]), ("replica 1", zones[1]), ("replica 2", zones[2])]
    {
        let instance = format!("orders-db {role}");
        rows.push(Placement {
            group: "orders-db".to_string(),
            host: instance.clone(),
            instance,
            role: role.to_string(),
            zone: zone.to_string(),
        });
    }
    for number in 0..2 {
        let instance = format!("checker-{number}");
        rows.push(Placement {
            group: "route 53".to_string(),
            host: instance.clone(),
            instance,
            role: "checker".to_string(),
            zone: String::new(),
        });
    }
    rows
}

/// Noise that is the same on every machine: SplitMix64's finaliser (Steele, Lea, Flood 2014).
fn noise(index: u64) -> u64 {
    let mut mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

pub fn records(course: Course, mut take: impl FnMut(&Record<'_>)) {
    requests(course, &mut take);
    metrics(course, &mut take);
    let acknowledged = |second: i64| second * SECOND_NS + 250_000_000;
    for second in 0..DURATION_S / 4 {
        let fate = match course {
            Course::Broken if (ONSET_S - 6..ONSET_S).contains(&(second * 4)) => Fate::Lost,
            Course::Broken if (ONSET_S..ONSET_S + 60).contains(&(second * 4)) => Fate::Divergent,
            _ if noise(second as u64).is_multiple_of(3) => Fate::Superseded,
            _ => Fate::Kept,
        };
        let fates = [Some(Fate::Kept), Some(fate).filter(|fate| *fate != Fate::Kept)];
        let object = format!("trips/{}", second * 3);
        let position = 4_096 * second as u64;
        let (store, epoch) = ("orders-db", 1);
        for fate in fates.into_iter().flatten() {
            take(&Record::Write(WriteRecord {
                store,
                object: &object,
                position,
                acknowledged_at_ns: acknowledged(second * 4),
                fate,
                epoch,
            }));
        }
    }
    oracles(course, &mut take);
    if course == Course::Quiet {
        return;
    }
    take(&Record::Fault(FaultRecord {
        id: 1,
        kind: "zone-power-loss",
        target: "us-east-1a",
        onset_ns: ONSET_S * SECOND_NS,
        healed_ns: Some(HEALED_S * SECOND_NS),
        description: "every host of the zone loses power at once; disks keep what was synced",
    }));
    states(course, &mut take);
}

/// A ping that was answered at once, for tests that care for some of its fields.
pub fn request() -> RequestRecord<'static> {
    RequestRecord {
        meant_at_ns: 0,
        ended_at_ns: 0,
        kept_ns: 0,
        spared: 0,
        journey: "ping",
        tier: Tier::Critical,
        actor: 1,
        trip: None,
        attempts: 1,
        failure: None,
        refusal: None,
    }
}

fn requests(course: Course, take: &mut impl FnMut(&Record<'_>)) {
    for index in 0..(DURATION_S + 600) as u64 * 8 {
        let meant_at_ns = index as i64 * SECOND_NS / 8 - 600 * SECOND_NS;
        let at_s = meant_at_ns / SECOND_NS;
        let draw = noise(index);
        let (journey, tier) = match index % 8 {
            0 => ("quote", Tier::Critical),
            1..=5 => ("ping", Tier::Critical),
            6 => ("request", Tier::Critical),
            _ => ("capture", Tier::Important),
        };
        let long_tail_us = if draw.is_multiple_of(97) { draw % 90_000 } else { 0 };
        let usual_us = 8_000 + draw % 14_000 + long_tail_us;
        let down_until_s = if course == Course::Broken { DURATION_S } else { ONSET_S + 50 };
        let pings_survive = journey == "ping" && !draw.is_multiple_of(3);
        let (latency_us, attempts, failure) = if course == Course::Quiet {
            (usual_us, 1, None)
        } else if (ONSET_S..down_until_s).contains(&at_s) && !pings_survive {
            let failure = if draw.is_multiple_of(4) { "connection reset" } else { "deadline exceeded" };
            (10_000_000 + draw % 400_000, 3, Some(failure))
        } else if (ONSET_S + 50..ONSET_S + 130).contains(&at_s) && draw.is_multiple_of(5) {
            (2_400_000 + draw % 900_000, 2, None)
        } else if (HEALED_S + 90..HEALED_S + 110).contains(&at_s) && draw.is_multiple_of(12) {
            (300_000, 1, Some("connection reset"))
        } else {
            (usual_us, 1, None)
        };
        let ended_at_ns = meant_at_ns + latency_us as i64 * 1_000;
        let actor = draw % 600;
        let (trip, refusal) = (None, None);
        // Only the warm-up has a push channel: it is not measured.
        let (kept_ns, spared) = if at_s < 0 { (draw as i64 % SECOND_NS, (draw % 3) as u32) } else { (0, 0) };
        take(&Record::Request(RequestRecord {
            meant_at_ns,
            ended_at_ns,
            kept_ns,
            spared,
            journey,
            tier,
            actor,
            trip,
            attempts,
            failure,
            refusal,
        }));
    }
}

fn metrics(course: Course, take: &mut impl FnMut(&Record<'_>)) {
    for at_s in (0..DURATION_S).step_by(5) {
        let down = course != Course::Quiet && (ONSET_S..HEALED_S).contains(&at_s);
        let wave = (noise(at_s as u64) % 100) as f64 / 1_000.0;
        for (index, component) in ["gateway-1", "gateway-2", "gateway-3"].into_iter().enumerate() {
            let value = match (down, index) {
                (true, 0) => 0.0,
                (true, _) => 0.63 + wave,
                (false, _) => 0.42 + wave,
            };
            take(&Record::Metric(MetricRecord {
                at_ns: at_s * SECOND_NS,
                component,
                metric: "cpu.utilisation",
                value,
            }));
        }
        let waiting =
            if course != Course::Quiet && (ONSET_S..ONSET_S + 60).contains(&at_s) { 1.0 } else { 0.22 + wave };
        take(&Record::Metric(MetricRecord {
            at_ns: at_s * SECOND_NS,
            component: "trips pool",
            metric: "connections.utilisation",
            value: waiting,
        }));
        take(&Record::Metric(MetricRecord {
            at_ns: at_s * SECOND_NS,
            component: "orders-db",
            metric: "disk.utilisation",
            value: 0.31 + wave,
        }));
        take(&Record::Metric(MetricRecord {
            at_ns: at_s * SECOND_NS,
            component: "orders-db",
            metric: "commits_per_s",
            value: 2.0,
        }));
    }
}

fn states(course: Course, take: &mut impl FnMut(&Record<'_>)) {
    let mut state = |at_s: f64, component, state, detail, mark| {
        let at_ns = (at_s * 1e9) as i64;
        take(&Record::ComponentState(ComponentStateRecord {
            at_ns,
            component,
            zone: "us-east-1a",
            state,
            detail,
            mark,
        }));
    };
    let onset_s = ONSET_S as f64;
    for component in ["gateway-1", "trips-1", "payments-1", "orders-db primary", "load balancer node a"] {
        state(onset_s, component, "dark", "its host has no power", None);
    }
    state(onset_s + 10.4, "orders-db", "suspect", "three heartbeats of the primary missed", Some(Mark::Detected));
    if course == Course::Outage {
        state(onset_s + 12.4, "orders-db", "failing over", "primary fenced, standby chosen", Some(Mark::Decided));
        state(
            onset_s + 31.9,
            "orders-db standby",
            "primary",
            "crash recovery of 48 MiB of write-ahead log done",
            Some(Mark::Promoted),
        );
        state(onset_s + 37.2, "orders-db", "available", "clients resolve the new primary", Some(Mark::Propagated));
    }
    state(
        onset_s + 48.0,
        "load balancer",
        "target removed",
        "gateway-1 failed two health checks of 5 s each, which is as many as it is allowed",
        Some(Mark::Detected),
    );
    for component in ["gateway-1", "trips-1", "payments-1"] {
        state(HEALED_S as f64 + 64.0, component, "running", "", None);
    }
}

fn oracles(course: Course, take: &mut impl FnMut(&Record<'_>)) {
    let violations = if course == Course::Broken { 15 } else { 0 };
    let first = "trips/894: acknowledged at 19:56.2 in epoch 1, absent in epoch 2";
    let first_violation = (violations > 0).then_some(first);
    take(&Record::Oracle(OracleRecord {
        name: "no acknowledged write is lost",
        evaluations: 1_350,
        violations,
        first_violation,
    }));
    take(&Record::Oracle(OracleRecord {
        name: "a trip has one driver an epoch",
        evaluations: 48_211,
        violations: 0,
        first_violation: None,
    }));
    take(&Record::Oracle(OracleRecord {
        name: "refunds stay within captures",
        evaluations: 0,
        violations: 0,
        first_violation: None,
    }));
    if course == Course::Broken {
        take(&Record::Pending(PendingRecord {
            kind: Unrest::Pending,
            what: "trip 894 in MATCHING",
            why: "its offer's lease is held by a driver who never answered",
        }));
        take(&Record::Pending(PendingRecord {
            kind: Unrest::Panicked,
            what: "payments-2 at 20:31.2",
            why: "an amount below zero",
        }));
    }
}
