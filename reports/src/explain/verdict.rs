//! How a trip ended and why, in a sentence.

use std::collections::BTreeMap;

use super::gather::{Event, Story};
use super::states::{self, SETTLED};
use crate::format::{seconds, span};
use crate::records::TripEventKind;

/// A pause before a trip's end that is worth naming, seconds (assumption: nothing on a trip's way takes the platform longer).
const PAUSE_S: f64 = 10.0;

/// The sentence.
pub(super) fn verdict(story: &Story) -> String {
    let mut sentence = format!("Trip {} {}", story.trip, ending(story));
    let unwell = story.state() != Some(SETTLED);
    if unwell && let Some(declined) = story.events.iter().rfind(|event| event.result.as_deref() == Some("declined")) {
        sentence.push_str(&format!(", because the payment processor declined to {} its fare", declined.what));
    }
    if unwell && let Some(pause) = pause(story) {
        sentence.push_str(&pause);
    }
    if let Some(trouble) = trouble(story) {
        sentence.push_str(&trouble);
    }
    if let [fault, more @ ..] = story.faults.as_slice() {
        let and = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        sentence.push_str(&format!(
            ", {} {} {}{and}",
            if unwell { "during" } else { "in spite of" },
            fault.kind,
            fault.target
        ));
    }
    sentence.push('.');
    sentence
}

fn ending(story: &Story) -> String {
    let after = |at_ns: i64| span(seconds(at_ns - story.requested_ns));
    let Some(last) = story.transitions().next_back() else { return "has payments and no life of its own".to_string() };
    let state = last.result.as_deref().unwrap_or("unknown");
    let before = story.transitions().rev().nth(1).and_then(|event| event.result.as_deref()).unwrap_or("asked for");
    let when = after(last.at_ns);
    match state {
        SETTLED => well(story),
        "no drivers found" => format!("found no driver: the search ended after {when} and {}", offers(story)),
        "cancelled by rider" => format!("was cancelled by its rider after {when}, when it was {before}"),
        "cancelled by driver" => format!("was cancelled by its driver after {when}, when it was {before}"),
        "cancelled by system" => format!("was cancelled by the platform after {when}, when it was {before}"),
        "no show" => format!("ended after {when} at the pickup, where its rider did not come"),
        "arrears" => format!("was driven and could not be paid for: its fare was written to arrears after {when}"),
        "quote expired" => "was asked for at a price that was no longer good".to_string(),
        state if states::is_end(state) => format!("ended as {state} after {when}"),
        state => {
            let end_ns = (story.run.duration_s * 1e9) as i64;
            let (_, known_ns) = story.span_ns();
            let waited = span(seconds(known_ns.max(end_ns) - last.at_ns));
            let run = if story.run.complete { "run" } else { "part that was run" };
            format!("did not end: it was {state} for the last {waited} of the {run}")
        }
    }
}

/// The steps of a trip that was driven and paid for.
fn well(story: &Story) -> String {
    let mut text = "was driven and paid for".to_string();
    let mut from_ns = story.requested_ns;
    for (state, words) in [
        ("accepted", "a driver took it after"),
        ("in progress", "picked up"),
        ("completed", "driven in"),
        (SETTLED, "paid"),
    ] {
        let Some(at_ns) =
            story.transitions().rfind(|event| event.result.as_deref() == Some(state)).map(|event| event.at_ns)
        else {
            continue;
        };
        let took = span(seconds(at_ns - from_ns));
        let sign = if from_ns == story.requested_ns { ":" } else { "," };
        let later = if matches!(state, "in progress" | SETTLED) { " later" } else { "" };
        text.push_str(&format!("{sign} {words} {took}{later}"));
        from_ns = at_ns;
    }
    text
}

fn offers(story: &Story) -> String {
    let made = story.transitions().filter(|event| event.result.as_deref() == Some("offered")).count();
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for event in story.events.iter().filter(|event| event.kind == TripEventKind::Offer && event.what != "live") {
        *ends.entry(event.what.as_str()).or_default() += 1;
    }
    let ends: Vec<String> = ends.iter().map(|(what, count)| format!("{count} {what}")).collect();
    match (made, ends.is_empty()) {
        (0, _) => "no offer".to_string(),
        (made, true) => format!("{made} offers"),
        (1, false) => format!("one offer ({})", ends.join(", ")),
        (made, false) => format!("{made} offers ({})", ends.join(", ")),
    }
}

/// What the platform did last before the end, if that was long before.
fn pause(story: &Story) -> Option<String> {
    // What it was told of afterwards did not bring it about.
    let of_its_life = |event: &&Event| !matches!(event.kind, TripEventKind::Event | TripEventKind::Notification);
    let mut back = story.events.iter().rev().filter(of_its_life);
    let (last, before) = (back.next()?, back.next()?);
    let pause_s = seconds(last.at_ns - before.at_ns);
    let ended = story.state().is_some_and(states::is_end);
    let told =
        || format!(" and nothing had happened in {} since {} {}", span(pause_s), before.kind.name(), before.what);
    (ended && pause_s >= PAUSE_S).then(told)
}

/// What its phones met.
fn trouble(story: &Story) -> Option<String> {
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for code in story.journeys.iter().filter_map(|journey| journey.failure.as_deref()) {
        *codes.entry(code).or_default() += 1;
    }
    let failed: u64 = codes.values().sum();
    let (most, _) = codes.iter().max_by_key(|(_, count)| **count)?;
    let what = if failed == 1 { "request".to_string() } else { format!("{failed} requests") };
    let mostly = if codes.len() > 1 { "mostly " } else { "" };
    Some(format!(", after {what} of its phones had failed ({mostly}{most})"))
}
