//! A drill in plain columns.

use super::{Distribution, Drill};
use crate::format;
use crate::outcome::Verdict;
use crate::story;
use crate::terminal::table::{Cell, Table, Tone, left, right};

/// Percentiles of latency that are shown; `drill.json` has the others.
const PERCENTILES: [&str; 3] = ["p50_ms", "p95_ms", "p99_ms"];

impl Drill {
    /// The drill in plain columns; the line that reproduces its worst run comes last.
    pub fn render(&self, colour: bool) -> String {
        let mut text = format!("{}\n{}\n\n", Tone::Heading.paint(&self.title, colour), self.seeds());
        for failed in &self.failed {
            let problem = format!("seed {} has no result: {}", failed.seed, failed.problem);
            text.push_str(&format!("{}\n{}\n\n", Tone::Bad.paint(&problem, colour), failed.reproduce));
        }
        push(&mut text, &self.verdict_table(), colour);
        for (heading, table) in [
            ("Over all seeds", self.metric_table()),
            ("Recovery by phase, median and worst", self.phase_table()),
            ("Latency, median and worst", self.latency_table()),
            ("Objectives", self.objective_table()),
            ("Oracles", self.oracle_table()),
        ] {
            if let Some(table) = table {
                text.push_str(&format!("\n{}\n", Tone::Heading.paint(heading, colour)));
                push(&mut text, &table, colour);
            }
        }
        let note = "interval: the two runs, in order, that enclose the median of all seeds with at least 95 %";
        text.push_str(&format!("\n{}\n", Tone::Quiet.paint(note, colour)));
        if let Some(worst) = self.runs.iter().min_by_key(|run| run.verdict) {
            text.push_str(&format!("\nThe first seed with the worst verdict:\n{}\n", worst.reproduce));
        }
        text
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
        let mut table = headed(["median", "worst", "interval", "never"]);
        for (&metric, distribution) in &self.distributions {
            let shown =
                |value: Option<f64>| value.map_or("never".to_string(), |value| story::value_in_unit(metric, value));
            let interval = distribution.interval.map_or("too few runs".to_string(), |interval| {
                format!("{} to {}", shown(interval.from), shown(interval.to))
            });
            let never = match distribution.never {
                0 => "-".to_string(),
                never => format!("{never} of {}", distribution.runs),
            };
            let cells = [shown(distribution.median), shown(distribution.worst), interval, never].map(right);
            table.row(std::iter::once(left(metric.to_string())).chain(cells));
        }
        (!self.distributions.is_empty()).then_some(table)
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
            table.row([left(sign).toned(tone), metric, asked, right(met).toned(tone)]);
        }
        (!self.objectives.is_empty()).then_some(table)
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

fn both(distribution: &Distribution, shown: fn(f64) -> String) -> String {
    let shown = |value: Option<f64>| value.map_or("never".to_string(), shown);
    format!("{}, {}", shown(distribution.median), shown(distribution.worst))
}

fn push(text: &mut String, table: &Table, colour: bool) {
    for line in table.lines(colour) {
        text.push_str(&line);
        text.push('\n');
    }
}
