//! The sentences and cells that the terminal and the page share, so that both say the same.

mod placement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::placement::placement;
use crate::format;
use crate::measures::latency::Quantiles;
use crate::measures::objectives::Measured;
use crate::measures::recovery::Recovery;
use crate::measures::stores::{Loss, StoreOutcome};
use crate::measures::timeline::{Fault, Happening};
use crate::measures::windows::Breach;
use crate::objective::{Metric, ObjectiveOutcome, Unit};
use crate::outcome::{AfterBegins, LatencyOutcome, Outcome, RequestCounts, Speed, TierOutcome, Verdict};
use crate::records::{Fate, Tier, Unrest};
use crate::report::Report;
use crate::run::Stretch;

/// States without a mark that are told; every mark and fault is.
const STATES_TOLD: usize = 40;

/// Components that are named when several do the same at once.
const COMPONENTS_NAMED: usize = 3;

/// Causes of failure that are named of one kind of request.
const FAILURES_NAMED: usize = 2;

/// What was run: scenario, seed, engine, time, demand.
pub fn identity(report: &Report) -> Vec<String> {
    let run = &report.run;
    let (traffic, rate) = (run.traffic, report.outcome.request_rate);
    let spared = if rate.sent_per_s < rate.measured_per_s {
        format!(" ({} sent, the push channel spares the rest)", format::rate(rate.sent_per_s))
    } else {
        String::new()
    };
    vec![
        format!("{} · seed {} · {} engine", run.scenario, run.seed, run.engine),
        format!("{}, {} after a warm-up of {}", run.start, format::span(run.duration_s), format::span(run.warmup_s)),
        format!(
            "requests: {} of {} asked{spared}; {} riders/h, {} trips/h, {} drivers",
            format::rate(rate.measured_per_s),
            format::rate(rate.asked_per_s),
            format::about(traffic.riders_per_h),
            format::about(traffic.trips_per_h),
            format::about(traffic.drivers)
        ),
    ]
}

/// The verdict, and what of the run it rests on where that is not in a table of its own.
pub fn verdict(report: &Report) -> String {
    let outcome = &report.outcome;
    let words = outcome.verdict.words().to_uppercase();
    // People who wait for the same are one item: what else there is are groups of them, and are not people.
    let restless = |kind, (one, several): (&str, &str)| {
        let mut all = outcome.pending.iter().filter(move |pending| pending.kind == kind);
        let first = all.next().map_or(String::new(), |first| format!("{}: {}", first.what, first.why));
        match all.count() {
            0 => first,
            1 => format!("{first}; and 1 more {one}"),
            more => format!("{first}; and {more} more {several}"),
        }
    };
    match outcome.verdict {
        Verdict::Incomplete => {
            let why = outcome.stopped_by.as_deref().unwrap_or("something that left no word");
            let basis = if outcome.lacks_rows() { "of the rows that were kept" } else { "true" };
            format!("{words}: stopped by {why}; what follows is {basis} and proves nothing")
        }
        Verdict::ProcessPanicked => format!("{words}: {}", restless(Unrest::Panicked, ("panic", "panics"))),
        Verdict::NotConverged => format!("{words}: {}", restless(Unrest::Pending, ("group", "groups"))),
        Verdict::OracleBroken | Verdict::RecoveryMissed | Verdict::ObjectiveMissed | Verdict::Passed => words,
    }
}

/// What was not at rest at the end, by how: a heading and its items.
pub fn restless(report: &Report) -> Vec<(&'static str, Vec<String>)> {
    let of_kind = |kind| {
        let all = report.outcome.pending.iter().filter(|pending| pending.kind == kind);
        let items: Vec<String> = all.map(|pending| format!("{}: {}", pending.what, pending.why)).collect();
        let heading = match kind {
            Unrest::Panicked => "Processes that panicked",
            Unrest::Pending => "Still pending after everything was healed",
        };
        (!items.is_empty()).then_some((heading, items))
    };
    [Unrest::Panicked, Unrest::Pending].into_iter().filter_map(of_kind).collect()
}

/// What a run was made of, and how fast it went.
pub fn footing(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let Speed { scenario, rest, .. } = report.outcome.speed;
    let ratio = if scenario.wall_s > 0.0 { scenario.simulated_s / scenario.wall_s } else { 0.0 };
    let stretch = |stretch: Stretch| {
        let (simulated, wall) = (format::span(stretch.simulated_s), format::span(stretch.wall_s));
        (format!("{simulated} simulated in {wall}"), format!("{} events", format::count(stretch.events)))
    };
    let (took, events) = stretch(scenario);
    let mut rows = vec![("speed", format!("{took}, {} times real time; {events}", format::about(ratio)))];
    if rest.events > 0 {
        let (took, events) = stretch(rest);
        rows.push(("rest", format!("{took} after the horizon, healed and without new demand; {events}")));
    }
    rows.extend([("scenario", run.scenario_hash.clone()), ("trace", run.trace_hash.clone())]);
    if !run.commit.is_empty() {
        rows.push(("commit", run.commit.clone()));
    }
    rows
}

/// What an event of the story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A fault began.
    Fault,
    /// A fault was healed.
    Healed,
    /// A step of a recovery.
    Marked,
    /// A component entered another state.
    State,
}

/// An event of the story.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, seconds from the end of the warm-up.
    pub at_s: f64,
    /// What it is.
    pub kind: Kind,
    /// One word: the fault, the mark or the state.
    pub label: String,
    /// Who and why.
    pub text: String,
}

/// What broke, who noticed and when, in order of time; and how many states are not told.
pub fn events(report: &Report) -> (Vec<Event>, u64) {
    let (events, left_off) = events_of(&report.faults, &report.happenings);
    (events, left_off + report.happenings_left_off)
}

/// The same of these faults and states, the states in order of time.
pub fn events_of(faults: &[Fault], happenings: &[Happening]) -> (Vec<Event>, u64) {
    let mut events: Vec<Event> = Vec::new();
    for fault in faults {
        let text = format!("{} {}: {}", fault.kind, fault.target, fault.description);
        events.push(Event { at_s: fault.onset_s, kind: Kind::Fault, label: "fault".to_string(), text });
        if let Some(healed_s) = fault.healed_s {
            let text = format!("{} {}", fault.kind, fault.target);
            events.push(Event { at_s: healed_s, kind: Kind::Healed, label: "healed".to_string(), text });
        }
    }
    let (marked, states): (Vec<&Happening>, Vec<&Happening>) =
        happenings.iter().partition(|happening| happening.mark.is_some());
    events.extend(together(&marked).into_iter().map(|group| told(&group)));
    let states = together(&states);
    let left_off = states.iter().skip(STATES_TOLD).map(|group| group.len() as u64).sum();
    events.extend(states.into_iter().take(STATES_TOLD).map(|group| told(&group)));
    events.sort_by(|one, other| one.at_s.total_cmp(&other.at_s).then(one.kind.cmp(&other.kind)));
    (events, left_off)
}

/// Neighbours that say the same within a second.
fn together<'h>(happenings: &[&'h Happening]) -> Vec<Vec<&'h Happening>> {
    let mut groups: Vec<Vec<&Happening>> = Vec::new();
    for &happening in happenings {
        let alike = |group: &&mut Vec<&Happening>| {
            let first = group[0];
            let same =
                (&first.state, &first.detail, first.mark) == (&happening.state, &happening.detail, happening.mark);
            same && happening.at_s - first.at_s < 1.0
        };
        match groups.iter_mut().rev().take_while(|group| happening.at_s - group[0].at_s < 1.0).find(alike) {
            Some(group) => group.push(happening),
            None => groups.push(vec![happening]),
        }
    }
    groups
}

fn told(group: &[&Happening]) -> Event {
    let first = group[0];
    let mut who: Vec<&str> = group.iter().map(|happening| happening.component.as_str()).collect();
    who.dedup();
    let more = who.len().saturating_sub(COMPONENTS_NAMED);
    who.truncate(COMPONENTS_NAMED);
    let mut text = who.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    match first.mark {
        Some(_) if first.detail.is_empty() => text.push_str(&format!(": {}", first.state)),
        _ if first.detail.is_empty() => {}
        _ => text.push_str(&format!(": {}", first.detail)),
    }
    let label = first.mark.map_or_else(|| first.state.clone(), |mark| mark.name().to_string());
    let kind = if first.mark.is_some() { Kind::Marked } else { Kind::State };
    Event { at_s: first.at_s, kind, label, text }
}

/// A tier's RTO in words.
pub fn recovery_time(tier: &TierOutcome) -> String {
    match tier.recovery {
        Recovery::NotRehearsed => "-".to_string(),
        Recovery::Unaffected => "unaffected".to_string(),
        Recovery::Recovered => tier.rto_s.map_or("-".to_string(), format::span),
        Recovery::NotRecovered => "not recovered".to_string(),
        Recovery::Unknown => "unknown".to_string(),
    }
}

/// The columns of the table of recovery, after the tier's name.
pub const RECOVERY_HEADS: [&str; 4] = ["RTO", "served", "broken", "unknown"];

/// A tier's cells under [`RECOVERY_HEADS`].
pub fn recovery_cells(tier: &TierOutcome) -> [String; 4] {
    let served = tier.availability.map_or("-".to_string(), format::percent);
    let minutes = |minutes| format!("{minutes} m");
    [recovery_time(tier), served, minutes(tier.minutes_below), minutes(tier.minutes_unknown)]
}

/// What a tier's recovery was spent on, by phase; nothing of a tier that had nothing to recover from.
pub fn phase_cells(tier: &TierOutcome) -> Option<[(&'static str, String); 6]> {
    let affected = matches!(tier.recovery, Recovery::Recovered | Recovery::NotRecovered);
    affected.then(|| tier.phases.named().map(|(name, spent_s)| (name, format::span(spent_s))))
}

/// The parts of the run that latency is told of, each with what it begins with where that needs saying.
pub fn latency_spans(latency: &LatencyOutcome) -> Vec<(&'static str, Option<Quantiles>)> {
    let after = match latency.after_begins {
        None => return vec![("whole run", latency.whole)],
        Some(AfterBegins::ServiceRecovered) => "after service recovery",
        Some(AfterBegins::FaultHealed) => "after the fault healed",
        Some(AfterBegins::Never) => "after",
    };
    vec![("before", latency.before), ("during", latency.during), (after, latency.after)]
}

/// A breach in words.
pub fn breach(breach: &Breach) -> String {
    let unknown = if breach.unknown_s > 0.0 {
        format!(", {} of it unknown", format::span(breach.unknown_s))
    } else {
        String::new()
    };
    format!(
        "{} to {}{}: success down to {}, p95 up to {}{unknown}",
        format::clock(breach.from_s),
        format::clock(breach.to_s),
        if breach.open { " and not over" } else { "" },
        format::percent(breach.success_ratio_min),
        format::latency(breach.p95_ms_max),
    )
}

/// Where a tier's recovery time ends with a breach that stands apart from what was before: how far, and on how little that rests.
pub fn late_breach(tier: &TierOutcome) -> Option<String> {
    let late = tier.late_breach.as_ref()?;
    let apart = match late.rto_without_s > 0.0 {
        true => format!("{} after the one before", format::span(late.apart_s)),
        false => format!("{} after the onset", format::span(late.apart_s)),
    };
    let (seen_in, without) = (format::count(late.journeys), format::span(late.rto_without_s));
    let of = match late.kinds.as_slice() {
        [] => String::new(),
        [kind] => format!(" of the kind {kind}"),
        kinds => format!(" of the kinds {}", kinds.join(", ")),
    };
    Some(format!("RTO ends with a breach {apart}, seen in {seen_in} requests{of}; without it {without}"))
}

/// A store's RPO in words.
pub fn recovery_point(store: &StoreOutcome) -> String {
    match store.oldest_age_s {
        Some(age_s) => format::span(age_s),
        None if store.lost > 0 => "no onset".to_string(),
        None => "0 s".to_string(),
    }
}

/// The columns of the table of stores, after the store's name and before the judgement.
pub const STORE_HEADS: [&str; 5] = ["acknowledged", "lost", "divergent", "RPO", "counts in"];

/// The tiers that a store's losses count in.
pub fn counts_in(tiers: &[Tier]) -> String {
    if tiers.is_empty() {
        "no tier".to_string()
    } else {
        tiers.iter().map(|tier| tier.name()).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a store lost what its design lets it lose; where no objective is declared for it alone, which promise looks at it, if any.
pub fn loss_judgement(name: &str, store: &StoreOutcome, objectives: &[ObjectiveOutcome]) -> String {
    if store.lost + store.divergent == 0 {
        return "nothing lost".to_string();
    }
    match (store.declared_rpo_s, store.accepted) {
        (None, true) => {
            // A recovery point is the age of lost writes: it has no number for divergent ones.
            let counts = |metric| store.lost > 0 || matches!(metric, Metric::LostWrites(_));
            let judges = |objective: &&ObjectiveOutcome| {
                counts(objective.metric) && objective.stores.iter().any(|one| one == name)
            };
            match objectives.iter().find(judges) {
                Some(objective) => format!("judged by {}", objective.metric),
                None if store.lost == 0 => "no objective looks at divergent writes".to_string(),
                None => "no objective declared".to_string(),
            }
        }
        (None, false) => "nothing broke: a bug".to_string(),
        (Some(accepted_s), true) => format!("{} accepted: within", format::span(accepted_s)),
        (Some(accepted_s), false) if accepted_s > 0.0 => format!("{} accepted: a bug", format::span(accepted_s)),
        (Some(_), false) => "none accepted: a bug".to_string(),
    }
}

/// What each store holds, and so where its losses count.
pub fn holdings(outcome: &Outcome) -> Vec<String> {
    let told = outcome.stores.iter().filter(|(_, store)| !store.holds.is_empty());
    told.map(|(name, store)| format!("{name}: {}", store.holds)).collect()
}

/// How many of what was lost, such as `12 lost and 3 divergent writes`; nothing of none.
fn gone(lost: u64, divergent: u64) -> Option<String> {
    let counted = |count: u64, how: &str| (count > 0).then(|| format!("{} {how}", format::count(count)));
    let counts: Vec<String> = [counted(lost, "lost"), counted(divergent, "divergent")].into_iter().flatten().collect();
    let noun = if lost + divergent == 1 { "write" } else { "writes" };
    (!counts.is_empty()).then(|| format!("{} {noun}", counts.join(" and ")))
}

/// What was lost and is not in an objective's number, so that a promise kept hides no loss.
pub fn not_in(objective: &ObjectiveOutcome, outcome: &Outcome) -> Vec<String> {
    if !objective.metric.is_about_losses() {
        return Vec::new();
    }
    let of = |(name, store): (&String, &StoreOutcome)| match (objective.stores.contains(name), objective.metric) {
        (true, Metric::RecoveryPoint(_)) => {
            let gone = gone(0, store.divergent)?;
            Some(format!("not in it: {gone} of {name}, acknowledged after the onset"))
        }
        (true, _) => None,
        (false, _) => {
            let gone = gone(store.lost, store.divergent)?;
            Some(format!("not in it: {gone} of {name}, which counts in {}", counts_in(&store.tiers)))
        }
    };
    outcome.stores.iter().filter_map(of).collect()
}

/// A lost write in words.
pub fn loss(loss: &Loss) -> String {
    let how = match loss.fate {
        Fate::Divergent => "divergent",
        Fate::Lost | Fate::Kept | Fate::Superseded => "lost",
    };
    format!(
        "{how} {}, acknowledged at {} (position {}, epoch {})",
        loss.object,
        format::moment(loss.acknowledged_at_s),
        format::count(loss.position),
        loss.epoch
    )
}

/// A row of the table of requests: a name, its counts, and its failures and refusals by cause, the most frequent first.
pub type RequestRow = (String, RequestCounts, String);

/// All requests, then each kind.
pub fn request_rows(outcome: &Outcome) -> Vec<RequestRow> {
    let (mut failures, mut refusals) = (BTreeMap::new(), BTreeMap::new());
    for journey in outcome.journeys.values() {
        for (sums, codes) in [(&mut failures, &journey.failures), (&mut refusals, &journey.refusals)] {
            codes.iter().for_each(|(code, count)| *sums.entry(code.clone()).or_insert(0) += count);
        }
    }
    let all = ("all".to_string(), outcome.requests, causes(&failures, &refusals));
    let each = outcome.journeys.iter();
    let each = each.map(|(name, row)| (name.clone(), row.counts, causes(&row.failures, &row.refusals)));
    std::iter::once(all).chain(each).collect()
}

/// Causes by code, the most frequent first.
fn causes(failures: &BTreeMap<String, u64>, refusals: &BTreeMap<String, u64>) -> String {
    let failures = most_frequent(failures, FAILURES_NAMED);
    let refused: u64 = refusals.values().sum();
    match (failures.is_empty(), refused) {
        (_, 0) => failures,
        (true, _) => format!("refused {}", format::count(refused)),
        (false, _) => format!("{failures}; refused {}", format::count(refused)),
    }
}

/// The most frequent of these, with how often.
fn most_frequent(codes: &BTreeMap<String, u64>, named: usize) -> String {
    let mut codes: Vec<(&String, u64)> = codes.iter().map(|(code, &count)| (code, count)).collect();
    codes.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let told = codes.iter().take(named).map(|(code, count)| format!("{code} {}", format::count(*count)));
    let mut text = told.collect::<Vec<_>>().join(", ");
    match codes.len().saturating_sub(named) {
        0 => {}
        more => text.push_str(&format!(", {more} more")),
    }
    text
}

/// What a run showed of an objective, in words.
pub fn value_text(objective: &ObjectiveOutcome, report: &Report) -> String {
    match objective.metric.measure(&report.outcome) {
        Measured::Value(value) if objective.stores.is_empty() => value_in_unit(objective.metric, value),
        Measured::Value(value) => {
            format!("{} in {}", value_in_unit(objective.metric, value), objective.stores.join(", "))
        }
        Measured::Never => "not recovered".to_string(),
        Measured::Unknown if objective.metric.is_about_losses() && objective.stores.is_empty() => {
            "unknown: no store counts in it".to_string()
        }
        Measured::Unknown => "unknown: too little was seen".to_string(),
        Measured::NotRehearsed => "not rehearsed: nothing broke".to_string(),
    }
}

/// A metric's value with its unit.
pub fn value_in_unit(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Seconds => format::span(value),
        Unit::Milliseconds => format::latency(value),
        Unit::Count => format::about(value),
        Unit::PerSecond => format::rate(value),
        Unit::Ratio if metric.is_error() => format::error_percent(value),
        Unit::Ratio => format::percent(value),
    }
}
