//! Many seeds of one scenario, told as distributions: a verdict that rests on one run rests on luck.

mod distribution;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::distribution::{Distribution, Interval, Worse};
use crate::error::Error;
use crate::files;
use crate::measures::latency::Quantiles;
use crate::measures::objectives::Measured;
use crate::measures::recovery::Recovery;
use crate::measures::stores::StoreOutcome;
use crate::objective::{Metric, ObjectiveStatus};
use crate::outcome::{Outcome, Speed, TierOutcome, Verdict};
use crate::records::Tier;
use crate::run::SCHEMA_VERSION;

/// The answer of a drill, for programs.
pub const DRILL_FILE: &str = "drill.json";

/// What many runs of one scenario come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's title.
    pub title: String,
    /// How many seeds were asked for.
    pub asked: u64,
    /// Whether every one of them ran to its end.
    pub complete: bool,
    /// The verdict of the worst run; incomplete when a seed is missing.
    pub verdict: Verdict,
    /// How many runs came to which verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// RTO, RPO, lost writes, availability and latency over the whole run, by metric.
    pub distributions: BTreeMap<Metric, Distribution>,
    /// What recovery times were spent on, in order, over the runs in which the tier was hit and came back.
    pub phases: BTreeMap<Tier, Vec<PhaseSpread>>,
    /// Lost writes, store by store.
    pub stores: BTreeMap<String, StoreSpread>,
    /// Latency before, during and after.
    pub latency: Vec<LatencySpread>,
    /// How many runs kept each promise.
    pub objectives: Vec<Kept>,
    /// What must hold in every run, all runs together.
    pub oracles: BTreeMap<String, Looked>,
    /// How much each run simulated how fast, as `outcome.json` names it: `simulated_s`, `wall_s`, `events`.
    pub speed: BTreeMap<String, Distribution>,
    /// What the models leave out, one sentence each.
    pub not_modelled: Vec<String>,
    /// The runs, in order of seed.
    pub runs: Vec<Run>,
    /// Seeds that have no result, in order.
    pub failed: Vec<FailedRun>,
}

/// What a drill is made of: what became of each seed that was begun.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many seeds were asked for; those that are neither in `outcomes` nor in `failed` were not run to their end.
    pub asked: u64,
    /// What whole runs came to, in any order.
    pub outcomes: Vec<Outcome>,
    /// Runs without a result, in any order.
    pub failed: Vec<FailedRun>,
    /// What the models leave out, one sentence each.
    pub not_modelled: Vec<String>,
}

/// A phase of recovery over many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseSpread {
    /// The phase.
    pub name: String,
    /// Seconds.
    pub over_runs: Distribution,
}

/// One store's lost writes over many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreSpread {
    /// The tiers that they count in.
    pub tiers: Vec<Tier>,
    /// What it holds, and so why they count there, or in no tier.
    pub holds: String,
    /// Runs in which it lost any, divergent ones included.
    pub runs_with_losses: u64,
    /// Of these, runs in which some were divergent: acknowledged after the onset, which no recovery point counts.
    pub runs_with_divergent: u64,
    /// Of those with losses, runs in which it lost what its design does not let it lose.
    pub runs_with_a_bug: u64,
    /// Writes acknowledged before the recovery was complete and absent after it.
    pub lost: Distribution,
    /// Writes acknowledged after the onset by a side that lost.
    pub divergent: Distribution,
    /// Age of the oldest lost write at the onset, seconds, 0 of a run that lost none; null when nothing broke in any run that lost one.
    pub oldest_age_s: Option<Distribution>,
}

/// Latency in one part of the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencySpread {
    /// `before`, `during` or `after`.
    pub name: String,
    /// Milliseconds, by percentile as `outcome.json` names it.
    pub quantiles: BTreeMap<String, Distribution>,
}

/// How often a promise was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is about.
    pub metric: Metric,
    /// The condition as people wrote it.
    pub objective: String,
    /// The stores that it looks at, if it is about lost writes; empty if it is about something else.
    pub stores: Vec<String>,
    /// Runs that kept it.
    pub met: u64,
    /// Runs that did not, or could not show that they did.
    pub missed: u64,
    /// Runs without a fault, for promises about recovery.
    pub not_rehearsed: u64,
}

/// What an oracle saw in all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// How often it looked.
    pub evaluations: u64,
    /// How often what must hold did not.
    pub violations: u64,
}

/// One run of a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// What it came to.
    pub verdict: Verdict,
    /// The hash over its events.
    pub trace_hash: String,
    /// The command that does it again.
    pub reproduce: String,
}

/// A seed whose run has no result: wedged, or its records could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FailedRun {
    /// Its seed.
    pub seed: u64,
    /// Why there is none.
    pub problem: String,
    /// The command that does it again.
    pub reproduce: String,
}

impl Drill {
    /// What these runs come to; `None` of no whole runs. They are put in order of seed, so the order they ended in does not
    /// matter.
    pub fn of(sweep: &Sweep) -> Option<Drill> {
        let mut failed = sweep.failed.clone();
        failed.sort();
        let mut outcomes: Vec<&Outcome> = sweep.outcomes.iter().collect();
        outcomes.sort_by_key(|outcome| outcome.seed);
        let first = outcomes.first()?;
        let mut verdicts = BTreeMap::new();
        let mut oracles: BTreeMap<String, Looked> = BTreeMap::new();
        for outcome in &outcomes {
            *verdicts.entry(outcome.verdict).or_insert(0) += 1;
            for (name, oracle) in &outcome.oracles {
                let looked = oracles.entry(name.clone()).or_default();
                looked.evaluations += oracle.evaluations;
                looked.violations += oracle.violations;
            }
        }
        let runs = outcomes.iter().map(|outcome| Run {
            seed: outcome.seed,
            verdict: outcome.verdict,
            trace_hash: outcome.trace_hash.clone(),
            reproduce: outcome.reproduce.clone(),
        });
        let complete = outcomes.len() as u64 == sweep.asked
            && outcomes.iter().all(|outcome| outcome.complete)
            && failed.is_empty();
        let worst = outcomes.iter().map(|outcome| outcome.verdict).min();
        Some(Drill {
            schema_version: SCHEMA_VERSION,
            title: first.title.clone(),
            asked: sweep.asked,
            complete,
            verdict: worst.filter(|_| complete).unwrap_or(Verdict::Incomplete),
            verdicts,
            distributions: Metric::all()
                .into_iter()
                .filter_map(|metric| Some((metric, spread(metric, &outcomes)?)))
                .collect(),
            phases: Tier::ALL.into_iter().filter_map(|tier| Some((tier, phases(tier, &outcomes)?))).collect(),
            stores: stores(&outcomes),
            latency: latency(&outcomes),
            objectives: kept(&outcomes),
            oracles,
            speed: speed(&outcomes),
            not_modelled: sweep.not_modelled.clone(),
            runs: runs.collect(),
            failed,
        })
    }

    /// Writes `drill.json` into a directory that exists.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        files::write_json(&directory.join(DRILL_FILE), self)
    }
}

fn spread(metric: Metric, outcomes: &[&Outcome]) -> Option<Distribution> {
    let worse = if metric.small_is_bad() { Worse::Small } else { Worse::Large };
    let values = outcomes.iter().filter_map(|outcome| match metric.measure(outcome) {
        Measured::Value(value) => Some(Some(value)),
        Measured::Never => Some(None),
        Measured::Unknown | Measured::NotRehearsed => None,
    });
    Distribution::of(values, worse)
}

fn phases(tier: Tier, outcomes: &[&Outcome]) -> Option<Vec<PhaseSpread>> {
    let came_back = |outcome: &&TierOutcome| outcome.recovery == Recovery::Recovered;
    let recovered: Vec<&TierOutcome> =
        outcomes.iter().filter_map(|outcome| outcome.tiers.get(&tier)).filter(came_back).collect();
    let names = recovered.first()?.phases.named().map(|(name, _)| name);
    let spreads = names.into_iter().enumerate().filter_map(|(index, name)| {
        let spent = recovered.iter().map(|outcome| Some(outcome.phases.named()[index].1));
        Some(PhaseSpread { name: name.to_string(), over_runs: Distribution::of(spent, Worse::Large)? })
    });
    Some(spreads.collect())
}

/// Over the runs whose outcome has the store: all of them, since a blueprint has the same stores in each.
fn stores(outcomes: &[&Outcome]) -> BTreeMap<String, StoreSpread> {
    let names: BTreeSet<&String> = outcomes.iter().flat_map(|outcome| outcome.stores.keys()).collect();
    let spread_of = |name: &String| {
        let found: Vec<&StoreOutcome> = outcomes.iter().filter_map(|outcome| outcome.stores.get(name)).collect();
        let over = |value: fn(&StoreOutcome) -> Option<f64>| {
            Distribution::of(found.iter().filter_map(|store| value(store)).map(Some), Worse::Large)
        };
        let runs = |wanted: fn(&StoreOutcome) -> bool| found.iter().filter(|store| wanted(store)).count() as u64;
        let first = found.first()?;
        let spread = StoreSpread {
            tiers: first.tiers.clone(),
            holds: first.holds.clone(),
            runs_with_losses: runs(|store| store.lost + store.divergent > 0),
            runs_with_divergent: runs(|store| store.divergent > 0),
            runs_with_a_bug: runs(|store| !store.accepted),
            lost: over(|store| Some(store.lost as f64))?,
            divergent: over(|store| Some(store.divergent as f64))?,
            oldest_age_s: over(|store| store.oldest_age_s.or((store.lost == 0).then_some(0.0))),
        };
        Some((name.clone(), spread))
    };
    names.into_iter().filter_map(spread_of).collect()
}

fn speed(outcomes: &[&Outcome]) -> BTreeMap<String, Distribution> {
    type Part = fn(&Speed) -> f64;
    let parts: [(&str, Part); 3] = [
        ("simulated_s", |speed| speed.simulated_s),
        ("wall_s", |speed| speed.wall_s),
        ("events", |speed| speed.events as f64),
    ];
    let spread_of = |(name, part): (&str, Part)| {
        let values = outcomes.iter().map(|outcome| Some(part(&outcome.speed)));
        Some((name.to_string(), Distribution::of(values, Worse::Large)?))
    };
    parts.into_iter().filter_map(spread_of).collect()
}

fn latency(outcomes: &[&Outcome]) -> Vec<LatencySpread> {
    type Part = fn(&Outcome) -> Option<Quantiles>;
    let parts: [(&str, Part); 3] = [
        ("before", |outcome| outcome.latency.before),
        ("during", |outcome| outcome.latency.during),
        ("after", |outcome| outcome.latency.after),
    ];
    let spread_of = |(name, part): (&str, Part)| {
        let found: Vec<Quantiles> = outcomes.iter().filter_map(|outcome| part(outcome)).collect();
        let names = found.first()?.named().map(|(name, _)| name);
        let spreads = names.into_iter().enumerate().filter_map(|(index, name)| {
            let values = found.iter().map(|quantiles| Some(quantiles.named()[index].1));
            Some((name.to_string(), Distribution::of(values, Worse::Large)?))
        });
        Some(LatencySpread { name: name.to_string(), quantiles: spreads.collect() })
    };
    parts.into_iter().filter_map(spread_of).collect()
}

fn kept(outcomes: &[&Outcome]) -> Vec<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    for objective in outcomes.iter().flat_map(|outcome| &outcome.objectives) {
        let same = |known: &Kept| known.metric == objective.metric && known.objective == objective.objective;
        let index = kept.iter().position(same).unwrap_or_else(|| {
            let (metric, stores) = (objective.metric, objective.stores.clone());
            let objective = objective.objective.clone();
            kept.push(Kept { metric, objective, stores, met: 0, missed: 0, not_rehearsed: 0 });
            kept.len() - 1
        });
        match objective.status {
            ObjectiveStatus::Met => kept[index].met += 1,
            ObjectiveStatus::Missed | ObjectiveStatus::Unknown => kept[index].missed += 1,
            ObjectiveStatus::NotRehearsed => kept[index].not_rehearsed += 1,
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// Twenty runs like the fixture's, in which recovery takes 60 s, 120 s, ... and the last never recovers.
    fn outcomes(runs: u64) -> Vec<Outcome> {
        let base = fixture::outage().outcome;
        (0..runs)
            .rev()
            .map(|seed| {
                let mut outcome = Outcome { seed, ..base.clone() };
                let tier = outcome.tiers.get_mut(&Tier::Critical).expect("the fixture has it");
                tier.rto_s = Some(60.0 * (seed + 1) as f64);
                tier.phases.detect_s += seed as f64;
                if seed + 1 == runs {
                    (tier.rto_s, tier.recovery) = (None, Recovery::NotRecovered);
                }
                let promised = &fixture::run(fixture::Course::Outage).objectives;
                outcome.objectives = crate::measures::objectives::judge(promised, &outcome);
                outcome.verdict = Verdict::of(&outcome);
                outcome
            })
            .collect()
    }

    fn drill(outcomes: Vec<Outcome>) -> Drill {
        let not_modelled = fixture::run(fixture::Course::Outage).not_modelled;
        let sweep = Sweep { asked: outcomes.len() as u64, outcomes, failed: Vec::new(), not_modelled };
        Drill::of(&sweep).expect("runs")
    }

    #[test]
    fn a_recovery_that_never_came_is_the_worst_and_has_no_phases() {
        let drill = drill(outcomes(20));
        let found = drill.distributions[&Metric::RecoveryTime(Tier::Critical)];
        assert_eq!((found.runs, found.never, found.median, found.worst), (20, 1, Some(660.0), None));
        assert_eq!(drill.phases[&Tier::Critical][0].over_runs.runs, 19);
        assert_eq!(drill.verdict, Verdict::RecoveryMissed);
        assert_eq!(drill.verdicts, BTreeMap::from([(Verdict::RecoveryMissed, 6), (Verdict::ObjectiveMissed, 14)]));
    }

    #[test]
    fn no_runs_are_no_drill() {
        assert!(Drill::of(&Sweep::default()).is_none());
    }

    #[test]
    fn a_seed_that_failed_or_was_not_reached_is_named_and_the_others_are_kept() {
        let failed = FailedRun {
            seed: 4,
            problem: "the run is wedged: trips-1 keeps itself busy at 70s without time passing".to_string(),
            reproduce: "rehearse run scenarios/drills/zone-power-loss.toml --seed 4".to_string(),
        };
        let sweep = Sweep { asked: 10, outcomes: outcomes(7), failed: vec![failed], ..Sweep::default() };
        let drill = Drill::of(&sweep).expect("runs");
        assert_eq!((drill.complete, drill.verdict, drill.runs.len()), (false, Verdict::Incomplete, 7));
        let text = drill.render(false);
        let said: Vec<&str> = text.lines().skip(1).take(3).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        7 of 10 seeds: 1 failed, 2 not run to their end

        seed 4 has no result: the run is wedged: trips-1 keeps itself busy at 70s without time passing
        ");
    }

    #[test]
    fn the_order_in_which_runs_end_does_not_matter() {
        let mut shuffled = outcomes(20);
        shuffled.swap(3, 17);
        assert_eq!(drill(shuffled), drill(outcomes(20)));
    }

    #[test]
    fn less_availability_is_worse() {
        let mut some = outcomes(7);
        some[2].tiers.get_mut(&Tier::Critical).expect("there").availability = Some(0.5);
        let drill = drill(some);
        assert_eq!(drill.distributions[&Metric::Availability(Tier::Critical)].worst, Some(0.5));
    }

    #[test]
    fn each_store_s_losses_are_spread_over_the_runs_and_a_promise_that_leaves_them_out_says_so() {
        let mut some = outcomes(7);
        for (seed, outcome) in some.iter_mut().enumerate().skip(4) {
            let store = outcome.stores.get_mut("orders-replica").expect("the fixture has it");
            (store.lost, store.divergent, store.oldest_age_s) = (seed as u64, 1, Some(2.0));
        }
        let drill = drill(some);
        let store = &drill.stores["orders-replica"];
        assert_eq!((store.runs_with_losses, store.runs_with_a_bug), (3, 0));
        assert_eq!((store.lost.median, store.lost.worst, store.divergent.worst), (Some(0.0), Some(6.0), Some(1.0)));
        let ages = store.oldest_age_s.expect("something broke in every run");
        assert_eq!((ages.runs, ages.median, ages.worst), (7, Some(0.0), Some(2.0)));
        let text = drill.render(false);
        assert!(
            text.contains("not in it: orders-replica, which lost writes in 3 of 7 runs and counts in standard"),
            "{text}"
        );
    }

    #[test]
    fn divergent_writes_are_not_in_a_recovery_point() {
        let mut some = outcomes(7);
        for outcome in some.iter_mut().skip(5) {
            outcome.stores.get_mut("orders-db").expect("the fixture has it").divergent = 15;
        }
        let said = "not in it: divergent writes of orders-db in 2 of 7 runs, acknowledged after the onset";
        let mut drill = drill(some);
        let text = drill.render(false);
        assert!(text.contains(said), "{text}");
        drill.objectives[1].metric = Metric::LostWrites(Tier::Critical);
        assert!(!drill.render(false).contains("not in it: divergent"), "it counts them");
    }

    #[test]
    fn a_drill_reads_well_and_survives_its_file() {
        let drill = drill(outcomes(20));
        insta::assert_snapshot!("drill", drill.render(false));
        let directory = tempfile::tempdir().expect("a temporary directory");
        drill.write(directory.path()).expect("written");
        let text = std::fs::read_to_string(directory.path().join(DRILL_FILE)).expect("drill.json");
        assert_eq!(serde_json::from_str::<Drill>(&text).expect("a drill"), drill);
    }
}
