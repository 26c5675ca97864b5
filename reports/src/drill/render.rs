//! A drill in plain columns.

use super::{Distribution, Drill, Kept, StoreSpread};
use crate::format;
use crate::objective::Metric;
use crate::outcome::Verdict;
use crate::story;
use crate::terminal::Page;
use crate::terminal::table::{Cell, Table, Tone, left, right};

/// Percentiles of latency that are shown; `drill.json` has the others.
const PERCENTILES: [&str; 3] = ["p50_ms", "p95_ms", "p99_ms"];

/// The columns of a distribution.
const SPREAD_HEADS: [&str; 3] = ["median", "worst", "interval"];

impl Drill {
    /// The drill in plain columns; the line that reproduces its worst run comes last.
    pub fn render(&self, colour: bool) -> String {
        let mut page = Page { text: String::new(), colour };
        page.line(&Tone::Heading.paint(&self.title, colour));
        page.line(&self.seeds());
        page.line("");
        for failed in &self.failed {
            let problem = format!("seed {} has no result: {}", failed.seed, failed.problem);
            page.line(&Tone::Bad.paint(&problem, colour));
            page.line(&failed.reproduce);
            page.line("");
        }
        page.table(&self.verdict_table());
        for (heading, table) in [
            ("Over all seeds", self.metric_table()),
            ("Recovery by phase, median and worst", self.phase_table()),
            ("Acknowledged writes by store", self.store_table()),
            ("Latency, median and worst", self.latency_table()),
            ("Objectives", self.objective_table()),
            ("Oracles", self.oracle_table()),
            ("Speed", Some(self.speed_table())),
        ] {
            if let Some(table) = table {
                page.heading(heading);
                page.table(&table);
            }
        }
        if !self.not_modelled.is_empty() {
            page.heading("Not modelled");
            self.not_modelled.iter().for_each(|item| page.item("·", item));
        }
        let note = "interval: the two runs, in order, that enclose the median of all seeds with at least 95 %";
        page.line("");
        page.line(&Tone::Quiet.paint(note, colour));
        if let Some(worst) = self.runs.iter().min_by_key(|run| run.verdict) {
            page.line("");
            page.line("The first seed with the worst verdict:");
            page.line(&worst.reproduce);
        }
        page.text
    }

    fn seeds(&self) -> String {
        let (whole, failed) = (self.runs.len() as u64, self.failed.len() as u64);
        if whole == self.asked {
            return format!("{whole} seeds");
        }
        let unreached = self.asked.saturating_sub(whole + failed);
        format!("{whole} of {} seeds: {failed} failed, {unreached} not run to their end", self.asked)
    }

    fn verdict_table(&self) -> Table {
        let mut table = Table::default();
        for (&verdict, &runs) in &self.verdicts {
            let tone = if verdict == Verdict::Passed { Tone::Good } else { Tone::Bad };
            table.row([right(format!("{runs} of {}", self.runs.len())), left(verdict.words()).toned(tone)]);
        }
        table
    }

    fn metric_table(&self) -> Option<Table> {
        let mut table = headed(SPREAD_HEADS.into_iter().chain(["never"]));
        for (&metric, distribution) in &self.distributions {
            let never = match distribution.never {
                0 => "-".to_string(),
                never => format!("{never} of {}", distribution.runs),
            };
            let cells = spread(distribution, |value| story::value_in_unit(metric, value));
            table.row(std::iter::once(left(metric.to_string())).chain(cells).chain([right(never)]));
        }
        (!self.distributions.is_empty()).then_some(table)
    }

    fn store_table(&self) -> Option<Table> {
        let mut table = headed(SPREAD_HEADS);
        for (name, store) in &self.stores {
            let counts_in = story::counts_in(&store.tiers);
            let of_runs = |runs: u64| format!("in {runs} of {} runs", store.lost.runs);
            let losses = match (store.runs_with_losses, store.runs_with_a_bug) {
                (0, _) => left("nothing lost in any run"),
                (losses, 0) => left(format!("loses {}, counts in {counts_in}", of_runs(losses))),
                (losses, bugs) => {
                    let told = format!("loses {}, {} by a bug, counts in {counts_in}", of_runs(losses), of_runs(bugs));
                    left(told).toned(Tone::Bad)
                }
            };
            table.row([left(name.as_str()), losses]);
            for (what, over_runs) in [("  lost", &store.lost), ("  divergent", &store.divergent)] {
                table.row(std::iter::once(left(what)).chain(spread(over_runs, format::about)));
            }
            if let Some(ages) = &store.oldest_age_s {
                table.row(std::iter::once(left("  RPO")).chain(spread(ages, format::span)));
            }
        }
        (!self.stores.is_empty()).then_some(table)
    }

    fn phase_table(&self) -> Option<Table> {
        let (_, first) = self.phases.first_key_value()?;
        let mut table = headed(first.iter().map(|phase| phase.name.as_str()));
        for (tier, phases) in &self.phases {
            let cells = phases.iter().map(|phase| right(both(&phase.over_runs, format::span)));
            table.row(std::iter::once(left(tier.name())).chain(cells));
        }
        Some(table)
    }

    fn latency_table(&self) -> Option<Table> {
        let mut table = headed(PERCENTILES.map(|name| name.trim_end_matches("_ms")));
        for span in &self.latency {
            let cells = PERCENTILES
                .map(|name| span.quantiles.get(name).map_or("-".to_string(), |found| both(found, format::latency)));
            table.row(std::iter::once(left(span.name.as_str())).chain(cells.map(right)));
        }
        (!self.latency.is_empty()).then_some(table)
    }

    fn objective_table(&self) -> Option<Table> {
        let mut table = Table::default();
        for kept in &self.objectives {
            let (sign, tone) = match (kept.missed, kept.met) {
                (0, 0) => ("-", Tone::Quiet),
                (0, _) => ("✓", Tone::Good),
                _ => ("✗", Tone::Bad),
            };
            let met = format!("kept in {} of {}", kept.met, kept.met + kept.missed);
            let (metric, asked) = (left(kept.metric.to_string()), left(kept.objective.as_str()));
            let looks_at = match kept.stores.as_slice() {
                [] => String::new(),
                stores => format!("in {}", stores.join(", ")),
            };
            table.row([left(sign).toned(tone), metric, asked, right(met).toned(tone), left(looks_at)]);
            for beside in self.not_in(kept) {
                table.row([left(""), left(beside).toned(Tone::Bad)]);
            }
        }
        (!self.objectives.is_empty()).then_some(table)
    }

    /// Losses that a promise about losses does not look at, as [`story::not_in`] tells them of one run.
    fn not_in(&self, kept: &Kept) -> Vec<String> {
        if !kept.metric.is_about_losses() {
            return Vec::new();
        }
        let told = |(name, store): (&String, &StoreSpread)| {
            let (losses, divergent, runs) = (store.runs_with_losses, store.runs_with_divergent, store.lost.runs);
            match (kept.stores.contains(name), kept.metric) {
                (true, Metric::RecoveryPoint(_)) => (divergent > 0).then(|| {
                    let of = format!("divergent writes of {name} in {divergent} of {runs} runs");
                    format!("not in it: {of}, acknowledged after the onset")
                }),
                (true, _) => None,
                (false, _) => (losses > 0).then(|| {
                    let tiers = story::counts_in(&store.tiers);
                    format!("not in it: {name}, which lost writes in {losses} of {runs} runs and counts in {tiers}")
                }),
            }
        };
        self.stores.iter().filter_map(told).collect()
    }

    fn speed_table(&self) -> Table {
        type Shown = fn(f64) -> String;
        let mut table = headed(SPREAD_HEADS);
        let parts: [(&str, &str, Shown); 3] = [
            ("simulated", "simulated_s", format::span),
            ("in real time", "wall_s", format::span),
            ("events", "events", format::about),
        ];
        for (told, name, shown) in parts {
            let cells = self.speed.get(name).into_iter().flat_map(|over_runs| spread(over_runs, shown));
            table.row(std::iter::once(left(told)).chain(cells));
        }
        table
    }

    fn oracle_table(&self) -> Option<Table> {
        let mut table = Table::default();
        for (name, looked) in &self.oracles {
            table.row(crate::terminal::oracle_row(name, looked.evaluations, looked.violations));
        }
        (!self.oracles.is_empty()).then_some(table)
    }
}

fn headed<'h>(heads: impl IntoIterator<Item = &'h str>) -> Table {
    let mut table = Table::default();
    let cells = std::iter::once(left("")).chain(heads.into_iter().map(right));
    table.row(cells.map(|cell: Cell| cell.toned(Tone::Quiet)));
    table
}

/// A distribution's cells under [`SPREAD_HEADS`].
fn spread(distribution: &Distribution, shown: impl Fn(f64) -> String) -> [Cell; 3] {
    let shown = |value: Option<f64>| value.map_or("never".to_string(), &shown);
    let interval = distribution
        .interval
        .map_or("too few runs".to_string(), |interval| format!("{} to {}", shown(interval.from), shown(interval.to)));
    [shown(distribution.median), shown(distribution.worst), interval].map(right)
}

fn both(distribution: &Distribution, shown: fn(f64) -> String) -> String {
    let shown = |value: Option<f64>| value.map_or("never".to_string(), shown);
    format!("{}, {}", shown(distribution.median), shown(distribution.worst))
}
