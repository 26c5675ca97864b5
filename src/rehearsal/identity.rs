//! What a run is, before it has begun: the part of its records that follows from scenario and seed.

use reports::measures::objectives::{Comparison, Metric, Objective};
use reports::records::Tier;
use reports::run::{Placement, RunRecord, SCHEMA_VERSION, ServiceLevel, Store, Traffic};
use scenarios::blueprint::{self, Role};

use super::options::Options;
use crate::not_modelled::NOT_MODELLED;
use crate::prepare::Prepared;
use crate::world;

/// A one-minute window with fewer journeys than this is unknown: below it one failure breaks a 95 % level by itself.
const WINDOW_JOURNEYS_MIN: u64 = 20;

/// The run's record with nothing measured yet, and not complete.
pub fn run_record(prepared: &Prepared, options: &Options<'_>) -> RunRecord {
    let scenario = &prepared.loaded.scenario;
    let tiers = &prepared.loaded.blueprint.tiers;
    let levels =
        [(Tier::Critical, &tiers.critical), (Tier::Important, &tiers.important), (Tier::Standard, &tiers.standard)];
    let service_levels = levels.map(|(tier, level)| {
        let p95_ms_max = level.p95.as_secs_f64() * 1e3;
        (tier, ServiceLevel { success_ratio_min: level.success_ratio, p95_ms_max })
    });
    RunRecord {
        schema_version: SCHEMA_VERSION,
        complete: false,
        stopped_by: None,
        title: scenario.title.clone(),
        scenario: prepared.path.display().to_string(),
        scenario_hash: prepared.hash.clone(),
        seed: options.seed,
        engine: "native".to_owned(),
        commit: env!("REHEARSAL_COMMIT").to_owned(),
        start: scenario.start.to_string(),
        warmup_s: scenario.warmup.as_secs_f64(),
        duration_s: options.until.unwrap_or(scenario.duration).min(scenario.duration).as_secs_f64(),
        traffic: Traffic {
            requests_per_s: prepared.traffic.requests_per_s,
            trips_per_h: prepared.traffic.trips_per_hour,
            riders_per_h: prepared.traffic.riders_per_hour,
            drivers: prepared.traffic.drivers,
        },
        placement: placement(prepared),
        service_levels: service_levels.into_iter().collect(),
        window_journeys_min: WINDOW_JOURNEYS_MIN,
        stores: world::declared_losses(prepared).into_iter().map(|(name, loss)| store(name, loss)).collect(),
        objectives: prepared.loaded.objectives().iter().map(objective).collect(),
        not_modelled: NOT_MODELLED.iter().map(|&sentence| sentence.to_owned()).collect(),
        trace_hash: String::new(),
        events: 0,
        simulated_s: 0.0,
        wall_s: 0.0,
        at_horizon: None,
        reproduce: reproduce(prepared, options),
    }
}

/// Cache and event log repeat what the database has: no tier rests on them.
fn store(name: &str, accepted: std::time::Duration) -> Store {
    let tiers = if name == blueprint::DATABASE { vec![Tier::Critical, Tier::Important] } else { Vec::new() };
    Store { name: name.to_owned(), tiers, declared_rpo_s: accepted.as_secs_f64() }
}

fn reproduce(prepared: &Prepared, options: &Options<'_>) -> String {
    let mut line = format!("rehearse run {} --seed {}", prepared.arguments().join(" "), options.seed);
    if let Some(until) = options.until {
        line.push_str(&format!(" --until {}", scenarios::duration_text(until)));
    }
    line
}

fn placement(prepared: &Prepared) -> Vec<Placement> {
    let leaders = world::first_leaders(prepared);
    let shards = prepared.loaded.blueprint.redis.as_ref().map_or(0, |redis| redis.shards.len());
    let place = |host: blueprint::Host| {
        let (group, role) = match host.role {
            Role::Service(service) => (service, String::new()),
            Role::LoadBalancer => ("load-balancer".to_owned(), String::new()),
            Role::DatabasePrimary => (blueprint::DATABASE.to_owned(), "primary".to_owned()),
            Role::DatabaseStandby => (blueprint::DATABASE.to_owned(), "standby".to_owned()),
            Role::DatabaseReplica => (blueprint::DATABASE.to_owned(), "read replica".to_owned()),
            Role::Cache { shard, primary } => {
                let role = if primary { "primary" } else { "replica" };
                // Short, so that the report has room for those of several shards in one zone.
                let role = if shards > 1 { format!("{role} {shard}") } else { role.to_owned() };
                (blueprint::CACHE.to_owned(), role)
            }
            Role::Broker => {
                let role = leaders.get(&host.name).cloned().unwrap_or_else(|| "broker".to_owned());
                (blueprint::EVENT_LOG.to_owned(), role)
            }
            Role::Node => (blueprint::CLUSTER.to_owned(), "node".to_owned()),
        };
        Placement { group, instance: host.name.clone(), role, zone: host.zone, host: host.name }
    };
    prepared.loaded.blueprint.hosts().into_iter().map(place).collect()
}

fn objective(objective: &scenarios::Objective) -> Objective {
    let metric = Metric::parse(objective.metric.name).expect("the loader's metrics are the report's: a test holds it");
    let value = objective.threshold.value();
    Objective {
        metric,
        comparison: match objective.comparison {
            scenarios::Comparison::Below => Comparison::Below,
            scenarios::Comparison::AtMost => Comparison::AtMost,
            scenarios::Comparison::Above => Comparison::Above,
            scenarios::Comparison::AtLeast => Comparison::AtLeast,
        },
        threshold: if metric.unit() == reports::measures::objectives::Unit::Milliseconds { value * 1e3 } else { value },
        text: objective.bound(),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::objective::Unit as Loaded;
    use scenarios::{METRICS, Threshold};

    use reports::measures::objectives::Unit as Measured;

    use super::*;

    #[test]
    fn what_a_file_may_bound_is_what_a_report_measures_in_the_same_unit() {
        let loaded: Vec<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(loaded, Metric::all().map(|metric| metric.to_string()));
        for (loaded, measured) in METRICS.iter().zip(Metric::all()) {
            let unit = match measured.unit() {
                Measured::Seconds | Measured::Milliseconds => Loaded::Duration,
                Measured::Ratio => Loaded::Ratio,
                Measured::Count => Loaded::Count,
                Measured::PerSecond => Loaded::Rate,
            };
            assert_eq!(loaded.unit, unit, "{}", loaded.name);
            assert_eq!(loaded.lower_is_better, !measured.small_is_bad(), "{}", loaded.name);
        }
    }

    #[test]
    fn an_objective_on_any_metric_is_judged_in_its_unit() {
        for metric in METRICS {
            let threshold = match metric.unit {
                Loaded::Duration => Threshold::Duration(std::time::Duration::from_secs(2)),
                Loaded::Ratio => Threshold::Ratio(0.5),
                Loaded::Rate => Threshold::PerSecond(400.0),
                Loaded::Count => Threshold::Count(3),
            };
            let judged =
                objective(&scenarios::Objective { metric, comparison: scenarios::Comparison::Below, threshold });
            let expected = match judged.metric.unit() {
                Measured::Seconds => 2.0,
                Measured::Milliseconds => 2_000.0,
                Measured::Ratio => 0.5,
                Measured::PerSecond => 400.0,
                Measured::Count => 3.0,
            };
            assert_eq!(judged.threshold, expected, "{}", metric.name);
        }
    }
}
