//! A run's report as one page that needs nothing else: no network, no scripts, light or dark, on paper too.

mod charts;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::format;
use crate::measures::recovery::Phases;
use crate::objective::ObjectiveStatus;
use crate::outcome::{Outcome, Verdict};
use crate::records::Tier;
use crate::report::Report;
use crate::story::{self, Kind};

/// Lost writes that the page names, by store; `outcome.json` and `writes.parquet` name the rest.
const LOSSES_SHOWN: usize = 100;

/// The whole page.
pub fn render(report: &Report) -> String {
    let run = &report.run;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (run.title) " · rehearsal" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { main {
                (header(report))
                (tiles(report))
                (objectives(report))
                (pictures(report))
                (happenings(report))
                (recovery(report))
                (stores(report))
                (latency(report))
                (requests(report))
                (oracles(report))
                (placement(report))
                (not_modelled(report))
                (footer(report))
            } }
        }
    };
    page.into_string()
}

fn header(report: &Report) -> Markup {
    let verdict = report.outcome.verdict;
    let tone = if verdict == Verdict::Passed { "good" } else { "bad" };
    html! {
        h1 { (report.run.title) }
        @for line in story::identity(report) { p.quiet { (line) } }
        div class={ "badge " (tone) } { (verdict.words()) }
        @if let Some((_, why)) = story::verdict(report).split_once(": ") { p.why { (why) } }
    }
}

/// The five numbers that are asked for first.
fn tiles(report: &Report) -> Markup {
    let outcome = &report.outcome;
    let tier = outcome.tiers.get(&Tier::Critical);
    let gone: u64 = outcome.stores.values().map(|store| store.lost + store.divergent).sum();
    let worst = outcome.latency.during.or(outcome.latency.whole);
    let (looked, violated) = oracle_totals(outcome);
    html! {
        div.tiles {
            @if let Some(tier) = tier {
                @if outcome.disaster.is_some() { (tile(&story::recovery_time(tier), "recovery time, critical")) }
                (tile(&tier.availability.map_or("-".to_string(), format::percent), "served, critical"))
            }
            @if !outcome.stores.is_empty() { (tile(&format::count(gone), "acknowledged writes lost")) }
            @if let Some(worst) = worst {
                (tile(&format::latency(worst.p99_ms), if outcome.disaster.is_some() { "p99 during the outage" } else { "p99" }))
            }
            (tile(&format::count(violated), &format!("oracle violations in {} looks", format::count(looked))))
        }
    }
}

fn tile(number: &str, meaning: &str) -> Markup {
    html! { div.tile { b { (number) } span { (meaning) } } }
}

fn oracle_totals(outcome: &Outcome) -> (u64, u64) {
    let oracles = outcome.oracles.values();
    oracles.fold((0, 0), |(looked, violated), oracle| (looked + oracle.evaluations, violated + oracle.violations))
}

fn objectives(report: &Report) -> Markup {
    html! {
        @if !report.outcome.objectives.is_empty() {
            h2 { "Objectives" }
            table {
                tr { th { } th { "promise" } th { "asked" } th.n { "shown" } }
                @for objective in &report.outcome.objectives {
                    @let (sign, tone) = sign(objective.status);
                    tr {
                        td class={ "s " (tone) } { (sign) }
                        td { (objective.metric.to_string()) }
                        td { (objective.objective) }
                        td class={ "n " (tone) } { (story::value_text(objective, report)) }
                    }
                    @for beside in story::not_in(objective, &report.outcome) { tr { td { } td.bad colspan="3" { (beside) } } }
                }
            }
        }
    }
}

fn sign(status: ObjectiveStatus) -> (&'static str, &'static str) {
    match status {
        ObjectiveStatus::Met => ("✓", "good"),
        ObjectiveStatus::Missed => ("✗", "bad"),
        ObjectiveStatus::Unknown => ("?", "bad"),
        ObjectiveStatus::NotRehearsed => ("-", "quiet"),
    }
}

fn pictures(report: &Report) -> Markup {
    html! {
        h2 { "The run" }
        (figure(&charts::panels(report, charts::Span::whole(report))))
        @if let Some(span) = charts::Span::around_onset(report) {
            h2 { "Its first minutes of trouble" }
            (figure(&charts::panels(report, span)))
        }
    }
}

fn figure(panels: &[charts::Panel]) -> Markup {
    html! {
        figure {
            @for panel in panels {
                div {
                    figcaption {
                        b { (panel.title) }
                        @for (name, colour) in panel.legend.iter().zip(charts::LINE_NAMES) {
                            span { i style={ "background: var(" (colour) ")" } {} (name) }
                        }
                    }
                    (PreEscaped(&panel.svg))
                }
            }
        }
    }
}

fn happenings(report: &Report) -> Markup {
    let (events, left_off) = story::events(report);
    html! {
        @if !report.faults.is_empty() {
            h2 { "What broke, who noticed and when" }
            table {
                @for event in &events {
                    @let tone = match event.kind { Kind::Fault => "bad", Kind::Healed => "good", Kind::Marked | Kind::State => "" };
                    tr { td.n.quiet { (format::moment(event.at_s)) } td class={ "t " (tone) } { (event.label) } td { (event.text) } }
                }
            }
            @if left_off > 0 { p.quiet { "and " (format::count(left_off)) " more in component_states.parquet" } }
        }
    }
}

fn recovery(report: &Report) -> Markup {
    let phases = Phases::default().named().map(|(name, _)| name);
    html! {
        @if !report.outcome.tiers.is_empty() {
            h2 { "Recovery by tier" }
            div.scroll { table {
                tr { th { } @for head in story::RECOVERY_HEADS.into_iter().chain(phases) { th.n { (head) } } }
                @for (tier, outcome) in &report.outcome.tiers {
                    tr {
                        td { (tier.name()) }
                        @for cell in story::recovery_cells(outcome) { td.n { (cell) } }
                        @match story::phase_cells(outcome) {
                            Some(cells) => { @for (_, spent) in cells { td.n { (spent) } } }
                            None => { @for _ in phases { td.n { "-" } } }
                        }
                    }
                }
            } }
            ul {
                @for (tier, outcome) in &report.outcome.tiers {
                    @if let Some(late) = story::late_breach(outcome) { li { (tier.name()) " " (late) } }
                    @for breach in &outcome.breaches { li { (tier.name()) " " (story::breach(breach)) } }
                }
            }
        }
    }
}

fn stores(report: &Report) -> Markup {
    html! {
        @if !report.outcome.stores.is_empty() {
            h2 { "Acknowledged writes by store" }
            table {
                @let [numbers @ .., counts_in] = story::STORE_HEADS;
                tr { th { } @for head in numbers { th.n { (head) } } th { (counts_in) } th { } }
                @for (name, store) in &report.outcome.stores {
                    @let tone = if store.accepted { "" } else { "bad" };
                    tr {
                        td { (name) }
                        td.n { (format::count(store.acknowledged)) }
                        td class={ "n " (tone) } { (format::count(store.lost)) }
                        td class={ "n " (tone) } { (format::count(store.divergent)) }
                        td.n { (story::recovery_point(store)) }
                        td { (story::counts_in(&store.tiers)) }
                        td class=(tone) { (story::loss_judgement(name, store, &report.outcome.objectives)) }
                    }
                }
            }
            ul { @for holding in story::holdings(&report.outcome) { li { (holding) } } }
            @for (name, store) in &report.outcome.stores {
                @let gone = store.lost + store.divergent;
                @if gone > 0 {
                    ul {
                        @for loss in store.losses.iter().take(LOSSES_SHOWN) { li { (name) ": " (story::loss(loss)) } }
                        @if gone > LOSSES_SHOWN as u64 { li { (format::count(gone - LOSSES_SHOWN as u64)) " more are named in writes.parquet" } }
                    }
                }
            }
        }
    }
}

fn latency(report: &Report) -> Markup {
    html! {
        h2 { "Latency, from the moment the person meant to act" }
        table {
            tr { th { } @for head in ["p50", "p90", "p95", "p99", "p99.9", "max", "requests"] { th.n { (head) } } }
            @for (name, quantiles) in story::latency_spans(&report.outcome.latency) {
                tr {
                    td { (name) }
                    @if let Some(q) = quantiles {
                        @for value in [q.p50_ms, q.p90_ms, q.p95_ms, q.p99_ms, q.p999_ms, q.max_ms] { td.n { (format::latency(value)) } }
                        td.n { (format::count(q.count)) }
                    } @else {
                        @for _ in 0..7 { td.n { "-" } }
                    }
                }
            }
        }
    }
}

fn requests(report: &Report) -> Markup {
    html! {
        h2 { "Requests" }
        table {
            tr { th { } th.n { "first attempts" } th.n { "sent" } th.n { "ok" } th.n { "failed" } th { "why" } }
            @for (name, counts, causes) in story::request_rows(&report.outcome) {
                tr {
                    td { (name) }
                    @for number in [counts.first_attempts, counts.attempts, counts.ok, counts.failed] { td.n { (format::count(number)) } }
                    td { (causes) }
                }
            }
        }
    }
}

fn oracles(report: &Report) -> Markup {
    html! {
        @if !report.outcome.oracles.is_empty() {
            h2 { "Oracles" }
            table {
                tr { th { } th { "must hold" } th.n { "looked" } th.n { "violated" } th { "first" } }
                @for (name, oracle) in &report.outcome.oracles {
                    @let (sign, tone) = match (oracle.violations, oracle.evaluations) {
                        (1.., _) => ("✗", "bad"),
                        (0, 0) => ("-", "quiet"),
                        (0, 1..) => ("✓", "good"),
                    };
                    tr {
                        td class={ "s " (tone) } { (sign) }
                        td { (name) }
                        td.n { (format::count(oracle.evaluations)) }
                        td class={ "n " (tone) } { (format::count(oracle.violations)) }
                        td { (oracle.first_violation.as_deref().unwrap_or("")) }
                    }
                }
            }
        }
        @for (heading, items) in story::restless(report) {
            h2 { (heading) }
            ul { @for item in items { li.bad { (item) } } }
        }
    }
}

fn placement(report: &Report) -> Markup {
    let grid = story::placement(&report.run);
    html! {
        @if !grid.rows.is_empty() {
            h2 { "Placement" }
            div.scroll { table {
                tr { th { } @for zone in &grid.zones { th { (zone) } } }
                @for (group, cells) in &grid.rows { tr { td { (group) } @for cell in cells { td { (cell.join("; ")) } } } }
            } }
            @if !grid.elsewhere.is_empty() { p.quiet { "in no zone: " (grid.elsewhere.join(", ")) } }
        }
    }
}

fn not_modelled(report: &Report) -> Markup {
    html! {
        @if !report.run.not_modelled.is_empty() {
            h2 { "Not modelled" }
            ul { @for item in &report.run.not_modelled { li { (item) } } }
        }
    }
}

fn footer(report: &Report) -> Markup {
    html! {
        h2 { "This run" }
        table { @for (name, value) in story::footing(report) { tr { td.quiet.t { (name) } td { code { (value) } } } } }
        div.reproduce { code { (report.run.reproduce) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_page_needs_no_network() {
        let page = render(&fixture::outage());
        let outside: Vec<&str> =
            page.split("http").skip(1).filter(|rest| !rest.starts_with("://www.w3.org/2000/svg\"")).collect();
        assert!(outside.is_empty(), "{outside:?}");
        for forbidden in ["<script", "<link", "<img", "@import", "url("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn names_from_files_are_escaped() {
        let mut report = fixture::quiet();
        report.run.title = "<b>loud</b>".to_string();
        assert!(render(&report).contains("&lt;b&gt;loud&lt;/b&gt;"));
    }

    #[test]
    fn the_page_tells_a_breach_that_stands_apart() {
        let page = render(&fixture::outage());
        let said = "critical RTO ends with a breach 29 m after the one before, seen in 60 requests of the kind quote; without it 2 m";
        assert!(page.contains(said), "{said}");
    }

    #[test]
    fn the_page_says_what_the_terminal_says() {
        let report = fixture::broken();
        let page = render(&report);
        for said in [
            "lost trips/897, acknowledged at 19:56.2",
            "not in it: 15 divergent writes of orders-db, acknowledged after the onset",
            "orders-db: trips and payments",
            "payments-1 on node-0",
            "in no zone: route 53 (2 × checker)",
            "not recovered",
            "incomplete",
            "trip 894 in MATCHING",
            "orders-replica",
            "us-east-1c",
            "p99.9",
        ] {
            assert!(page.contains(said), "{said}");
        }
    }
}
