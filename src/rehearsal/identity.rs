//! What a run is, before it has begun: the part of its records that follows from scenario and seed.

use reports::objective::{Comparison, Metric, Objective};
use reports::records::Tier;
use reports::run::{RunRecord, SCHEMA_VERSION, ServiceLevel, Traffic};

use super::options::Options;
use crate::not_modelled::not_modelled;
use crate::prepare::Prepared;
use crate::{reproduce, world};

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
        placement: Vec::new(),
        service_levels: service_levels.into_iter().collect(),
        window_journeys_min: WINDOW_JOURNEYS_MIN,
        stores: world::stores(prepared),
        objectives: prepared.loaded.objectives().iter().map(objective).collect(),
        not_modelled: not_modelled(prepared),
        trace_hash: String::new(),
        events: 0,
        simulated_s: 0.0,
        wall_s: 0.0,
        at_horizon: None,
        reproduce: reproduce::line(prepared, options.seed, options.until, None),
    }
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
        threshold: if metric.unit() == reports::objective::Unit::Milliseconds { value * 1e3 } else { value },
        text: objective.bound(),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::objective::Unit as Loaded;
    use scenarios::{METRICS, Threshold};

    use reports::objective::Unit as Measured;

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
