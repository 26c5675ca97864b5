//! The parts of the report, in the order in which they are read.

use super::table::{Cell, Table, Tone, left, right, wrap};
use super::{Page, WIDTH};
use crate::measures::latency::Quantiles;
use crate::measures::recovery::Recovery;
use crate::objective::ObjectiveStatus;
use crate::outcome::{TierOutcome, Verdict};
use crate::report::Report;
use crate::story::{self, Kind};
use crate::{format, story::value_text};

/// Characters that a zone's column takes before what stands there is broken into lines: three zones fit on the page.
const ZONE_WIDTH: usize = 26;

/// Lost writes that a terminal names, by store; the other files name the rest.
const LOSSES_SHOWN: usize = 12;

pub(super) fn header(page: &mut Page, report: &Report) {
    let run = &report.run;
    let title = Tone::Heading.paint(&run.title, page.colour);
    page.line(&title);
    for line in story::identity(report) {
        page.line(&Tone::Quiet.paint(&line, page.colour));
    }
    page.line("");
    let tone = if report.outcome.verdict == Verdict::Passed { Tone::Good } else { Tone::Bad };
    for line in wrap(&story::verdict(report), WIDTH) {
        page.line(&tone.paint(&line, page.colour));
    }
}

pub(super) fn placement(page: &mut Page, report: &Report) {
    if report.run.placement.is_empty() {
        return;
    }
    page.heading("Placement");
    let grid = story::placement(&report.run);
    let mut table = Table::default();
    table.row(std::iter::once(left("")).chain(grid.zones.iter().map(|zone| left(zone.as_str()).toned(Tone::Quiet))));
    for (group, cells) in grid.rows {
        let broken = |cell: &Vec<String>| cell.iter().flat_map(|host| wrap(host, ZONE_WIDTH)).collect();
        let cells: Vec<Vec<String>> = cells.iter().map(broken).collect();
        for index in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let name = if index == 0 { group.as_str() } else { "" };
            let lines = cells.iter().map(|cell| cell.get(index).map_or("", String::as_str));
            table.row(std::iter::once(name).chain(lines).map(left));
        }
    }
    page.table(&table);
    if !grid.elsewhere.is_empty() {
        page.item("·", &format!("in no zone: {}", grid.elsewhere.join(", ")));
    }
}

pub(super) fn happenings(page: &mut Page, report: &Report) {
    if report.faults.is_empty() {
        return;
    }
    page.heading("What broke, who noticed and when");
    let (events, left_off) = story::events(report);
    let sign_width = 2 + 9 + 2 + 10 + 2;
    let mut table = Table::default();
    for event in events {
        let tone = match event.kind {
            Kind::Fault => Tone::Bad,
            Kind::Healed => Tone::Good,
            Kind::Marked | Kind::State => Tone::Plain,
        };
        let lines = wrap(&event.text, WIDTH - sign_width - 1);
        for (index, line) in lines.iter().enumerate() {
            let first = |text: String| if index == 0 { text } else { String::new() };
            table.row([
                right(first(format::moment(event.at_s))),
                left(first(event.label.clone())).toned(tone),
                left(line.as_str()),
            ]);
        }
    }
    page.table(&table);
    if left_off > 0 {
        page.item("…", &format!("and {} more in component_states.parquet", format::count(left_off)));
    }
}

pub(super) fn recovery(page: &mut Page, report: &Report) {
    if report.outcome.tiers.is_empty() {
        return;
    }
    page.heading("Recovery by tier");
    let mut table = Table::default();
    table.row(std::iter::once(left("")).chain(story::RECOVERY_HEADS.map(right)).map(|cell| cell.toned(Tone::Quiet)));
    for (tier, outcome) in &report.outcome.tiers {
        table.row(tier_row(tier.name(), outcome));
    }
    page.table(&table);
    phases(page, report);
    for (tier, outcome) in &report.outcome.tiers {
        if let Some(late) = story::late_breach(outcome) {
            page.item("·", &format!("{} {late}", tier.name()));
        }
        for breach in &outcome.breaches {
            page.item("·", &format!("{} {}", tier.name(), story::breach(breach)));
        }
    }
}

fn phases(page: &mut Page, report: &Report) {
    let tiers = report.outcome.tiers.iter();
    let mut affected = tiers.filter_map(|(tier, outcome)| Some((tier.name(), story::phase_cells(outcome)?))).peekable();
    let Some((_, first)) = affected.peek() else { return };
    let mut table = Table::default();
    let heads = first.each_ref().map(|(name, _)| right(*name));
    table.row(std::iter::once(left("of which")).chain(heads).map(|cell| cell.toned(Tone::Quiet)));
    for (name, cells) in affected {
        table.row(std::iter::once(left(name)).chain(cells.map(|(_, spent)| right(spent))));
    }
    page.table(&table);
}

fn tier_row(name: &str, outcome: &TierOutcome) -> Vec<Cell> {
    let tone = match outcome.recovery {
        Recovery::NotRecovered | Recovery::Unknown => Tone::Bad,
        _ => Tone::Plain,
    };
    let [recovery_time, rest @ ..] = story::recovery_cells(outcome).map(right);
    [left(name), recovery_time.toned(tone)].into_iter().chain(rest).collect()
}

pub(super) fn stores(page: &mut Page, report: &Report) {
    if report.outcome.stores.is_empty() {
        return;
    }
    page.heading("Acknowledged writes by store");
    let mut table = Table::default();
    let [numbers @ .., counts_in] = story::STORE_HEADS;
    let heads = std::iter::once(left("")).chain(numbers.map(right)).chain([left(counts_in), left("")]);
    table.row(heads.map(|cell| cell.toned(Tone::Quiet)));
    for (name, store) in &report.outcome.stores {
        let tone = if store.accepted { Tone::Plain } else { Tone::Bad };
        table.row([
            left(name.as_str()),
            right(format::count(store.acknowledged)),
            right(format::count(store.lost)).toned(tone),
            right(format::count(store.divergent)).toned(tone),
            right(story::recovery_point(store)),
            left(story::counts_in(&store.tiers)),
            left(story::loss_judgement(name, store, &report.outcome.objectives)).toned(tone),
        ]);
    }
    page.table(&table);
    story::holdings(&report.outcome).iter().for_each(|holding| page.item("·", holding));
    for (name, store) in &report.outcome.stores {
        for loss in store.losses.iter().take(LOSSES_SHOWN) {
            page.item("·", &format!("{name}: {}", story::loss(loss)));
        }
        let unnamed = (store.lost + store.divergent).saturating_sub(LOSSES_SHOWN as u64);
        if unnamed > 0 {
            page.item("…", &format!("{name}: {} more are named in writes.parquet", format::count(unnamed)));
        }
    }
}

pub(super) fn latency(page: &mut Page, report: &Report) {
    page.heading("Latency, from the moment the person meant to act");
    let mut table = Table::default();
    let heads = ["p50", "p90", "p95", "p99", "p99.9", "max", "requests"];
    table.row(std::iter::once(left("")).chain(heads.map(right)).map(|cell| cell.toned(Tone::Quiet)));
    for (name, quantiles) in story::latency_spans(&report.outcome.latency) {
        table.row(std::iter::once(left(name)).chain(quantile_cells(quantiles).into_iter().map(right)));
    }
    page.table(&table);
}

fn quantile_cells(quantiles: Option<Quantiles>) -> Vec<String> {
    let Some(q) = quantiles else { return vec!["-".to_string(); 7] };
    let mut cells: Vec<String> =
        [q.p50_ms, q.p90_ms, q.p95_ms, q.p99_ms, q.p999_ms, q.max_ms].map(format::latency).to_vec();
    cells.push(format::count(q.count));
    cells
}

pub(super) fn requests(page: &mut Page, report: &Report) {
    page.heading("Requests");
    let mut table = Table::default();
    let heads = ["first attempts", "sent", "ok", "failed"];
    table.row(
        std::iter::once(left("")).chain(heads.map(right)).chain([left("why")]).map(|cell| cell.toned(Tone::Quiet)),
    );
    for (name, counts, causes) in story::request_rows(&report.outcome) {
        let numbers = [counts.first_attempts, counts.attempts, counts.ok, counts.failed]
            .map(|number| right(format::count(number)));
        table.row(std::iter::once(left(name)).chain(numbers).chain([left(causes)]));
    }
    page.table(&table);
}

pub(super) fn objectives(page: &mut Page, report: &Report) {
    if report.outcome.objectives.is_empty() {
        return;
    }
    page.heading("Objectives");
    let mut table = Table::default();
    for objective in &report.outcome.objectives {
        let (sign, tone) = sign(objective.status);
        table.row([
            left(sign).toned(tone),
            left(objective.metric.to_string()),
            left(objective.objective.as_str()),
            right(value_text(objective, report)).toned(tone),
        ]);
        for beside in story::not_in(objective, &report.outcome) {
            table.row([left(""), left(beside).toned(Tone::Bad)]);
        }
    }
    page.table(&table);
}

fn sign(status: ObjectiveStatus) -> (&'static str, Tone) {
    match status {
        ObjectiveStatus::Met => ("✓", Tone::Good),
        ObjectiveStatus::Missed => ("✗", Tone::Bad),
        ObjectiveStatus::Unknown => ("?", Tone::Bad),
        ObjectiveStatus::NotRehearsed => ("-", Tone::Quiet),
    }
}

pub(super) fn oracles(page: &mut Page, report: &Report) {
    if report.outcome.oracles.is_empty() {
        return;
    }
    page.heading("Oracles");
    let mut table = Table::default();
    for (name, oracle) in &report.outcome.oracles {
        table.row(oracle_row(name, oracle.evaluations, oracle.violations));
    }
    page.table(&table);
    for (name, oracle) in &report.outcome.oracles {
        if let Some(first) = &oracle.first_violation {
            page.item("✗", &format!("{name}: {first}"));
        }
    }
}

/// How often an oracle looked and what it saw; one that never looked has proven nothing.
pub(crate) fn oracle_row(name: &str, evaluations: u64, violations: u64) -> [Cell; 4] {
    let (sign, tone) = match (violations, evaluations) {
        (1.., _) => ("✗", Tone::Bad),
        (0, 0) => ("-", Tone::Quiet),
        (0, 1..) => ("✓", Tone::Good),
    };
    let seen = if violations == 0 { String::new() } else { format!("{} violations", format::count(violations)) };
    let looked = right(format!("looked {} times", format::count(evaluations)));
    [left(sign).toned(tone), left(name), looked, left(seen).toned(tone)]
}

pub(super) fn pending(page: &mut Page, report: &Report) {
    for (heading, items) in story::restless(report) {
        page.heading(heading);
        items.iter().for_each(|item| page.item("✗", item));
    }
}

pub(super) fn not_modelled(page: &mut Page, report: &Report) {
    if report.run.not_modelled.is_empty() {
        return;
    }
    page.heading("Not modelled");
    for item in &report.run.not_modelled {
        page.item("·", item);
    }
}

pub(super) fn footer(page: &mut Page, report: &Report) {
    page.heading("This run");
    let mut table = Table::default();
    for (name, value) in story::footing(report) {
        table.row([left(name).toned(Tone::Quiet), left(value)]);
    }
    page.table(&table);
    page.line("");
    page.line(&report.run.reproduce);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::run::Placement;

    #[test]
    fn each_of_many_pods_has_its_zone_and_its_node() {
        let mut report = fixture::quiet();
        let pod = |number: usize| Placement {
            group: "payments".to_string(),
            instance: format!("payments-{number}"),
            role: String::new(),
            zone: ["us-east-1a", "us-east-1b"][number % 2].to_string(),
            host: format!("node-{}", number % 4),
        };
        report.run.placement = [4, 8, 12, 2, 1].map(pod).to_vec();
        let mut page = Page { text: String::new(), colour: false };
        placement(&mut page, &report);
        insta::assert_snapshot!(page.text.trim_start(), @r"
        Placement
                    us-east-1a               us-east-1b
          payments  payments-4, payments-8,  payments-1 on node-1
                    payments-12 on node-0
                    payments-2 on node-2
        ");
    }
}
