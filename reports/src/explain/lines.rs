//! Everything about a trip as lines in one order of time.

use super::gather::{Call, Event, Journey, Phone, Story};
use super::states::Part;
use crate::format;
use crate::records::{Fate, TripEventKind};
use crate::story::{self, Kind};
use crate::terminal::table::Tone;

/// One line of the timeline.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// When, seconds from the end of the warm-up.
    pub(super) at_s: f64,
    /// Whose line it is: a phone, a part of the platform, a fault.
    pub(super) who: String,
    pub(super) text: String,
    /// Where it was committed.
    pub(super) place: String,
    pub(super) tone: Tone,
    /// The part of the trip's life that begins with it.
    pub(super) begins: Option<Part>,
}

/// All lines, in order of time.
pub(super) fn lines(story: &Story) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut part = Part::Asking;
    for (index, event) in story.events.iter().enumerate() {
        if is_half_told(event, &story.events[index + 1..]) {
            continue;
        }
        let mut line = platform(event);
        let entered = event.result.as_deref().filter(|_| event.kind == TripEventKind::Trip).map(Part::of);
        if let Some(entered) = entered.filter(|entered| *entered != part) {
            part = entered;
            line.begins = Some(part).filter(|part| *part != Part::Over);
        }
        lines.push(line);
    }
    for run in runs(&story.journeys) {
        phone(run, story.requested_ns, &mut lines);
    }
    for run in story.calls.iter().flat_map(|calls| calls.chunk_by(are_alike)) {
        lines.push(called(run, story.requested_ns));
    }
    let (around, _) = story::events_of(&story.faults, &story.happenings);
    let (_, to_ns) = story.span_ns();
    let during = around.into_iter().filter(|event| event.at_s <= format::seconds(to_ns));
    lines.extend(during.map(|event| {
        let tone = match event.kind {
            Kind::Fault => Tone::Bad,
            Kind::Healed => Tone::Good,
            Kind::Marked | Kind::State => Tone::Quiet,
        };
        line(event.at_s, event.label, event.text, tone)
    }));
    for (object, acknowledged_ns, fate) in &story.lost {
        let what = if *fate == Fate::Divergent { "by a side that lost" } else { "and lost" };
        let text = format!("{object} was acknowledged here {what}");
        lines.push(line(format::seconds(*acknowledged_ns), "write".to_string(), text, Tone::Bad));
    }
    lines.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    lines
}

/// Whether a notification was only claimed, and what came of it follows.
fn is_half_told(event: &Event, later: &[Event]) -> bool {
    let is_claim = event.kind == TripEventKind::Notification && event.result.as_deref() == Some("claimed");
    is_claim && later.iter().any(|end| end.kind == event.kind && end.what == event.what && end.result != event.result)
}

/// A moment counted from the request: `+01:02.3`.
pub(super) fn relative(seconds: f64) -> String {
    // The sign is of what is shown: half a tenth before is not before.
    let shown = (seconds * 10.0).round() / 10.0;
    if shown < 0.0 { format::moment(shown) } else { format!("+{}", format::moment(shown)) }
}

fn line(at_s: f64, who: String, text: String, tone: Tone) -> Line {
    Line { at_s, who, text, place: String::new(), tone, begins: None }
}

fn platform(event: &Event) -> Line {
    let mut text = event.what.clone();
    match (event.kind, &event.result) {
        (TripEventKind::Trip, Some(state)) => text.push_str(&format!(" → {state}")),
        (_, Some(decided)) => text.push_str(&format!(": {decided}")),
        (_, None) => {}
    }
    if let Some(amount_minor) = event.amount_minor {
        text.push_str(&format!(", {}.{:02}", amount_minor / 100, amount_minor % 100));
    }
    if let Some(party) = event.party {
        let rider = event.kind == TripEventKind::Payment || event.what == "requested";
        text.push_str(&format!(" ({} {party})", if rider { "rider" } else { "driver" }));
    }
    let went_wrong = ["declined", "unknown", "failed", "cancelled", "arrears", "lapsed", "no drivers", "reassigned"];
    let told = format!("{} {}", event.what, event.result.as_deref().unwrap_or_default());
    let tone = if went_wrong.iter().any(|word| told.contains(word)) { Tone::Bad } else { Tone::Plain };
    let place =
        event.place.as_ref().map_or(String::new(), |(node, epoch, position)| format!("{node} {epoch}/{position}"));
    Line { place, ..line(format::seconds(event.at_ns), event.kind.name().to_string(), text, tone) }
}

/// Neighbours of one phone that asked for the same with the same result: polls, of which a trip has hundreds.
fn runs(journeys: &[Journey]) -> Vec<&[Journey]> {
    let alike = |one: &Journey, other: &Journey| {
        let key =
            |journey: &Journey| (journey.phone, journey.failure.clone(), journey.refusal.clone(), journey.attempts);
        one.kind == other.kind && one.retries.is_empty() && other.retries.is_empty() && key(one) == key(other)
    };
    journeys.chunk_by(alike).collect()
}

/// Calls for the same, neighbours in time, that were answered at once or met the same.
fn are_alike(one: &Call, other: &Call) -> bool {
    let is_plain = |call: &Call| call.attempt == 1 || call.failure.is_some();
    let asked = |call: &Call| (call.from.clone(), call.to.clone(), call.what.clone(), call.failure.clone());
    is_plain(one) && is_plain(other) && asked(one) == asked(other)
}

fn called(run: &[Call], requested_ns: i64) -> Line {
    let (first, last) = (&run[0], &run[run.len() - 1]);
    let took = |call: &Call| format::seconds(call.ended_at_ns - call.began_at_ns) * 1e3;
    let longest = format::latency(run.iter().map(took).fold(0.0, f64::max));
    let Call { what, at, attempt, .. } = first;
    let number = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
    let until = || relative(format::seconds(last.began_at_ns - requested_ns));
    let (text, tone) = match &first.failure {
        Some(met) if run.len() > 1 => {
            let text = format!("{what}, {} attempts until {}, each failed: {met} within {longest}", run.len(), until());
            (text, Tone::Bad)
        }
        Some(met) => (format!("{what} at {at}{number}, failed: {met}, after {longest}"), Tone::Bad),
        None if run.len() > 1 => {
            (format!("{what} ×{} until {}, each answered within {longest}", run.len(), until()), Tone::Quiet)
        }
        None => (format!("{what} at {at}{number}, answered, after {longest}"), Tone::Quiet),
    };
    line(format::seconds(first.began_at_ns), format!("{} → {}", first.from, first.to), text, tone)
}

fn phone(run: &[Journey], requested_ns: i64, lines: &mut Vec<Line>) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let who = match first.phone {
        Phone::Rider => "rider".to_string(),
        Phone::Driver(driver) => format!("driver {driver}"),
        Phone::Platform => "platform".to_string(),
    };
    let took = |journey: &Journey| format::seconds(journey.ended_at_ns - journey.meant_at_ns) * 1e3;
    let longest = format::latency(run.iter().map(took).fold(0.0, f64::max));
    let (met, tone) = match (&first.failure, &first.refusal) {
        (Some(code), _) => (format!("failed: {code}"), Tone::Bad),
        (None, Some(code)) => (format!("refused: {code}"), Tone::Plain),
        (None, None) => ("answered".to_string(), Tone::Quiet),
    };
    let mut text = first.kind.clone();
    if run.len() > 1 {
        let until = relative(format::seconds(last.meant_at_ns - requested_ns));
        text.push_str(&format!(" ×{} until {until}, each {met} within {longest}", run.len()));
    } else {
        for (number, (ended_ns, code)) in first.retries.iter().enumerate() {
            let after = format::latency(format::seconds(ended_ns - first.meant_at_ns) * 1e3);
            let text = format!("{}, attempt {}, failed: {code}, after {after}", first.kind, number + 1);
            lines.push(line(format::seconds(first.meant_at_ns), who.clone(), text, Tone::Bad));
        }
        let attempts = match first.attempts {
            0 | 1 => String::new(),
            attempts => format!(", attempt {attempts},"),
        };
        text.push_str(&format!("{attempts} {met}, after {longest}"));
    }
    lines.push(line(format::seconds(first.meant_at_ns), who, text, tone));
}
