//! The trips of a run that did not end as their riders wished, for those who look for one to explain.

use std::collections::BTreeMap;
use std::path::Path;

use super::states::{self, SETTLED};
use crate::error::Error;
use crate::format;
use crate::reader::{read_run, read_tables};
use crate::records::{Record, TripEventKind};
use crate::schema;
use crate::terminal::Page;
use crate::terminal::table::{Table, Tone, left, right};

/// Trips that are listed; the others are counted by how they ended.
const LISTED: usize = 40;

/// What the list says of a trip.
#[derive(Debug)]
struct Trip {
    number: i64,
    requested_ns: i64,
    ended_ns: i64,
    state: String,
    /// The last that happened to it but for its transitions.
    last: String,
    /// The fault during which it was under way, if there was one.
    fault: Option<String>,
}

/// Every trip in the records, in the order of their first events.
fn read(directory: &Path) -> Result<Vec<Trip>, Error> {
    let mut places: BTreeMap<i64, usize> = BTreeMap::new();
    let mut trips: Vec<Trip> = Vec::new();
    read_tables(directory, &[&schema::TRIP_EVENTS], |record| {
        let Record::TripEvent(event) = record else { return };
        let place = *places.entry(event.trip).or_insert(trips.len());
        if place == trips.len() {
            let (number, requested_ns) = (event.trip, event.at_ns);
            let (ended_ns, state, last) = (requested_ns, String::new(), String::new());
            trips.push(Trip { number, requested_ns, ended_ns, state, last, fault: None });
        }
        // Who was told of it afterwards did not bring it about.
        if !matches!(event.kind, TripEventKind::Trip | TripEventKind::Event | TripEventKind::Notification) {
            trips[place].last.clear();
            trips[place].last.push_str(event.what);
        }
        if let (TripEventKind::Trip, Some(state)) = (event.kind, event.result) {
            trips[place].ended_ns = event.at_ns;
            trips[place].state.clear();
            trips[place].state.push_str(state);
        }
    })?;
    read_tables(directory, &[&schema::FAULTS], |record| {
        let Record::Fault(fault) = record else { return };
        let during = fault.onset_ns..fault.healed_ns.unwrap_or(i64::MAX);
        for trip in trips.iter_mut().filter(|trip| trip.requested_ns < during.end && trip.ended_ns >= during.start) {
            trip.fault.get_or_insert_with(|| format!("{} {}", fault.kind, fault.target));
        }
    })?;
    Ok(trips)
}

/// The number of every trip.
pub(super) fn numbers(directory: &Path) -> Result<Vec<i64>, Error> {
    Ok(read(directory)?.into_iter().map(|trip| trip.number).collect())
}

pub(super) fn render(directory: &Path, colour: bool) -> Result<String, Error> {
    let run = read_run(directory)?;
    let trips = read(directory)?;
    let mut page = Page { text: String::new(), colour };
    page.line(&Tone::Heading.paint(&run.title, colour));
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for trip in &trips {
        *ends.entry(words(trip)).or_default() += 1;
    }
    let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{} {end}", format::count(*count as u64))).collect();
    page.line(&format!("{} trips: {}", format::count(trips.len() as u64), ends.join(", ")));
    let mut unwell: Vec<&Trip> = trips.iter().filter(|trip| trip.state != SETTLED).collect();
    // What a fault is the likely cause of comes first; the order of time is kept.
    unwell.sort_by_key(|trip| trip.fault.is_none());
    let Some(first) = unwell.first() else { return Ok(page.text) };
    for group in unwell[..unwell.len().min(LISTED)].chunk_by(|one, other| one.fault == other.fault) {
        page.heading(&match &group[0].fault {
            Some(fault) => format!("Not driven and paid for, under way during {fault}"),
            None => "Not driven and paid for, while nothing was broken".to_string(),
        });
        let mut table = Table::default();
        let heads = [right("trip"), right("requested"), right("last news"), left("ended"), left("after")];
        table.row(heads.map(|cell| cell.toned(Tone::Quiet)));
        for trip in group {
            table.row([
                right(trip.number.to_string()),
                right(format::moment(format::seconds(trip.requested_ns))),
                right(format!("+{}", format::moment(format::seconds(trip.ended_ns - trip.requested_ns)))),
                left(words(trip)),
                left(trip.last.as_str()),
            ]);
        }
        page.table(&table);
    }
    if unwell.len() > LISTED {
        let more = format::count((unwell.len() - LISTED) as u64);
        page.item("…", &format!("and {more} more in {}", schema::TRIP_EVENTS.file));
    }
    page.line("");
    page.line(&format!("rehearse explain-trip {} {}", directory.display(), first.number));
    Ok(page.text)
}

/// How it ended, or that it did not.
fn words(trip: &Trip) -> String {
    if states::is_end(&trip.state) { trip.state.clone() } else { format!("not ended ({})", trip.state) }
}
