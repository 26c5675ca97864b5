//! Many seeds of one scenario, told as distributions: a verdict that rests on one run rests on luck.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

use crate::error::Error;
use crate::measures::objectives::{Metric, ObjectiveStatus, Unit};
use crate::outcome::{Outcome, Verdict};
use crate::run::SCHEMA_VERSION;
use crate::terminal::table::{Table, Tone, left, right};
use crate::{format, writer};

/// The answer of a drill, for programs.
pub const DRILL_FILE: &str = "drill.json";

/// How sure an interval is asked to be. Convention.
const CONFIDENCE: f64 = 0.95;

/// What many runs of one scenario come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's title.
    pub title: String,
    /// Whether every run was complete.
    pub complete: bool,
    /// The verdict of the worst run.
    pub verdict: Verdict,
    /// How many runs came to which verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// RTO, RPO, lost writes, availability and latency, by metric.
    pub distributions: BTreeMap<Metric, Distribution>,
    /// How many runs kept each promise.
    pub objectives: Vec<Kept>,
    /// What must hold in every run, all runs together.
    pub oracles: BTreeMap<String, Looked>,
    /// The runs, in order of seed.
    pub runs: Vec<Run>,
}

/// One number over many runs. A recovery that did not come is longer than any that did, and null.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Runs that say something about it.
    pub runs: u64,
    /// Of these, how many never recovered.
    pub never: u64,
    /// The median run (the worse of two middle ones); null when it never recovered.
    pub median: Option<f64>,
    /// The worst run; null when it never recovered.
    pub worst: Option<f64>,
    /// An interval that holds the median of all seeds; null of too few runs.
    pub interval: Option<Interval>,
}

/// An interval for a median, from the order of the runs alone: no shape of distribution is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its good end; null when that run never recovered.
    pub from: Option<f64>,
    /// Its bad end; null when that run never recovered.
    pub to: Option<f64>,
    /// The exact binomial probability that it holds the median, at least 0.95.
    pub confidence: f64,
}

/// How often a promise was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is about.
    pub metric: Metric,
    /// The condition as people wrote it.
    pub objective: String,
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

impl Drill {
    /// What these runs come to; `None` of no runs. They are put in order of seed, so the order they ended in does not matter.
    pub fn of(outcomes: &[Outcome]) -> Option<Drill> {
        let mut outcomes: Vec<&Outcome> = outcomes.iter().collect();
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
        let distributions =
            Metric::all().into_iter().filter_map(|metric| Some((metric, distribution(metric, &outcomes)?))).collect();
        Some(Drill {
            schema_version: SCHEMA_VERSION,
            title: first.title.clone(),
            complete: outcomes.iter().all(|outcome| outcome.complete),
            verdict: outcomes.iter().map(|outcome| outcome.verdict).min().unwrap_or(Verdict::Incomplete),
            verdicts,
            distributions,
            objectives: kept(&outcomes),
            oracles,
            runs: outcomes
                .iter()
                .map(|outcome| Run {
                    seed: outcome.seed,
                    verdict: outcome.verdict,
                    trace_hash: outcome.trace_hash.clone(),
                    reproduce: outcome.reproduce.clone(),
                })
                .collect(),
        })
    }

    /// Writes `drill.json` into a directory that exists.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        writer::write_json(&directory.join(DRILL_FILE), self)
    }

    /// The drill in plain columns; the line that reproduces its worst run comes last.
    pub fn render(&self, colour: bool) -> String {
        let mut text = format!("{}\n{} seeds\n\n", Tone::Heading.paint(&self.title, colour), self.runs.len());
        let tone = |verdict| if verdict == Verdict::Passed { Tone::Good } else { Tone::Bad };
        let mut verdicts = Table::default();
        for (&verdict, &runs) in &self.verdicts {
            verdicts.row([right(format!("{runs} of {}", self.runs.len())), left(verdict.words()).toned(tone(verdict))]);
        }
        push(&mut text, &verdicts, colour);
        text.push_str(&format!("\n{}\n", Tone::Heading.paint("Over all seeds", colour)));
        push(&mut text, &self.distribution_table(), colour);
        if !self.objectives.is_empty() {
            text.push_str(&format!("\n{}\n", Tone::Heading.paint("Objectives", colour)));
            push(&mut text, &self.objective_table(), colour);
        }
        let mut oracles = Table::default();
        for (name, looked) in &self.oracles {
            let (sign, tone) = match (looked.violations, looked.evaluations) {
                (1.., _) => ("✗", Tone::Bad),
                (0, 0) => ("-", Tone::Quiet),
                (0, 1..) => ("✓", Tone::Good),
            };
            let violations = if looked.violations > 0 {
                format!("{} violations", format::count(looked.violations))
            } else {
                String::new()
            };
            let looked = format!("looked {} times", format::count(looked.evaluations));
            oracles.row([left(sign).toned(tone), left(name.as_str()), right(looked), left(violations).toned(tone)]);
        }
        if !self.oracles.is_empty() {
            text.push_str(&format!("\n{}\n", Tone::Heading.paint("Oracles", colour)));
            push(&mut text, &oracles, colour);
        }
        if let Some(worst) = self.runs.iter().min_by_key(|run| run.verdict) {
            text.push_str(&format!("\nThe first seed with the worst verdict:\n{}\n", worst.reproduce));
        }
        text
    }

    fn distribution_table(&self) -> Table {
        let mut table = Table::default();
        let heads = ["median", "worst", "interval of the median", "never"];
        table.row(std::iter::once(left("")).chain(heads.map(right)).map(|cell| cell.toned(Tone::Quiet)));
        for (&metric, distribution) in &self.distributions {
            let shown = |value: Option<f64>| value.map_or("never".to_string(), |value| value_text(metric, value));
            let interval = distribution.interval.map_or("too few runs".to_string(), |interval| {
                format!("{} to {} ({})", shown(interval.from), shown(interval.to), format::percent(interval.confidence))
            });
            let never = if distribution.never > 0 {
                format!("{} of {}", distribution.never, distribution.runs)
            } else {
                "-".to_string()
            };
            let cells = [shown(distribution.median), shown(distribution.worst), interval, never].map(right);
            table.row(std::iter::once(left(metric.to_string())).chain(cells));
        }
        table
    }

    fn objective_table(&self) -> Table {
        let mut table = Table::default();
        for kept in &self.objectives {
            let (sign, tone) = match (kept.missed, kept.met) {
                (0, 0) => ("-", Tone::Quiet),
                (0, _) => ("✓", Tone::Good),
                _ => ("✗", Tone::Bad),
            };
            let met = format!("kept in {} of {}", kept.met, kept.met + kept.missed);
            table.row([
                left(sign).toned(tone),
                left(kept.metric.to_string()),
                left(kept.objective.as_str()),
                right(met).toned(tone),
            ]);
        }
        table
    }
}

fn push(text: &mut String, table: &Table, colour: bool) {
    for line in table.lines(colour) {
        text.push_str(&line);
        text.push('\n');
    }
}

fn value_text(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Seconds => format::span(value),
        Unit::Milliseconds => format::latency(value),
        Unit::Count => format::about(value),
        Unit::Ratio if metric.is_error() => format::error_percent(value),
        Unit::Ratio => format::percent(value),
    }
}

fn distribution(metric: Metric, outcomes: &[&Outcome]) -> Option<Distribution> {
    use crate::measures::objectives::Measured;
    let more_is_better = matches!(metric, Metric::Availability(_));
    // From good to bad: a recovery that never came is the worst of all.
    let mut badness: Vec<f64> = outcomes
        .iter()
        .filter_map(|outcome| match metric.measure(outcome) {
            Measured::Value(value) => Some(if more_is_better { -value } else { value }),
            Measured::Never => Some(f64::INFINITY),
            Measured::Unknown | Measured::NotRehearsed => None,
        })
        .collect();
    if let Metric::RecoveryPoint(tier) | Metric::LostWrites(tier) = metric
        && outcomes.iter().all(|outcome| outcome.stores.values().all(|store| !store.tiers.contains(&tier)))
    {
        return None;
    }
    badness.sort_by(f64::total_cmp);
    let runs = badness.len();
    let value = |rank: usize| {
        let bad = badness[rank];
        bad.is_finite().then_some(if more_is_better && bad != 0.0 { -bad } else { bad })
    };
    (runs > 0).then(|| Distribution {
        runs: runs as u64,
        never: badness.iter().filter(|bad| !bad.is_finite()).count() as u64,
        median: value(runs / 2),
        worst: value(runs - 1),
        interval: median_ranks(runs).map(|(rank, confidence)| Interval {
            from: value(rank),
            to: value(runs - 1 - rank),
            confidence,
        }),
    })
}

/// The narrowest pair of order statistics, `rank` from either end (0 is the end), that holds the median with at least
/// [`CONFIDENCE`], and its exact confidence: 1 - 2 P(Binomial(runs, 1/2) <= rank). `None` when even the extremes do not.
fn median_ranks(runs: usize) -> Option<(usize, f64)> {
    let below_median = Binomial::new(0.5, runs as u64).ok()?;
    let confidence = |rank: usize| 1.0 - 2.0 * below_median.cdf(rank as u64);
    (0..runs / 2).map(|rank| (rank, confidence(rank))).take_while(|&(_, confidence)| confidence >= CONFIDENCE).last()
}

fn kept(outcomes: &[&Outcome]) -> Vec<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    for objective in outcomes.iter().flat_map(|outcome| &outcome.objectives) {
        let same = |known: &Kept| known.metric == objective.metric && known.objective == objective.objective;
        let index = kept.iter().position(same).unwrap_or_else(|| {
            kept.push(Kept {
                metric: objective.metric,
                objective: objective.objective.clone(),
                met: 0,
                missed: 0,
                not_rehearsed: 0,
            });
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
    use crate::measures::recovery::Recovery;
    use crate::records::Tier;

    /// Twenty runs like the fixture's, in which recovery takes 60 s, 120 s, ... and the last never recovers.
    fn outcomes(runs: u64) -> Vec<Outcome> {
        let base = fixture::outage().outcome;
        (0..runs)
            .rev()
            .map(|seed| {
                let mut outcome = Outcome { seed, ..base.clone() };
                let tier = outcome.tiers.get_mut(&Tier::Critical).expect("the fixture has it");
                tier.rto_s = Some(60.0 * (seed + 1) as f64);
                if seed + 1 == runs {
                    (tier.rto_s, tier.recovery) = (None, Recovery::NotRecovered);
                }
                outcome.objectives =
                    crate::measures::objectives::judge(&fixture::run(fixture::Course::Outage).objectives, &outcome);
                outcome.verdict = Verdict::of(&outcome);
                outcome
            })
            .collect()
    }

    #[test]
    fn the_median_the_worst_and_the_interval_are_order_statistics() {
        let drill = Drill::of(&outcomes(20)).expect("runs");
        let found = drill.distributions[&Metric::RecoveryTime(Tier::Critical)];
        assert_eq!((found.runs, found.never, found.median, found.worst), (20, 1, Some(660.0), None));
        let interval = found.interval.expect("twenty are enough");
        // The textbook interval of 20: the 6th to the 15th, 95.9 %.
        assert_eq!((interval.from, interval.to), (Some(360.0), Some(900.0)));
        assert!((interval.confidence - 0.958_6).abs() < 1e-4, "{interval:?}");
    }

    #[test]
    fn few_runs_have_no_interval_and_none_have_no_drill() {
        assert_eq!(median_ranks(5), None);
        assert_eq!(median_ranks(6).map(|(rank, _)| rank), Some(0));
        assert!(Drill::of(&[]).is_none());
    }

    #[test]
    fn the_order_in_which_runs_end_does_not_matter() {
        let mut shuffled = outcomes(20);
        shuffled.swap(3, 17);
        assert_eq!(Drill::of(&shuffled), Drill::of(&outcomes(20)));
    }

    #[test]
    fn less_availability_is_worse() {
        let mut some = outcomes(7);
        some[2].tiers.get_mut(&Tier::Critical).expect("there").availability = Some(0.5);
        let drill = Drill::of(&some).expect("runs");
        assert_eq!(drill.distributions[&Metric::Availability(Tier::Critical)].worst, Some(0.5));
    }

    #[test]
    fn a_drill_reads_well_and_survives_its_file() {
        let drill = Drill::of(&outcomes(20)).expect("runs");
        insta::assert_snapshot!("drill", drill.render(false));
        let directory = tempfile::tempdir().expect("a temporary directory");
        drill.write(directory.path()).expect("written");
        let text = std::fs::read_to_string(directory.path().join(DRILL_FILE)).expect("drill.json");
        assert_eq!(serde_json::from_str::<Drill>(&text).expect("a drill"), drill);
    }
}
