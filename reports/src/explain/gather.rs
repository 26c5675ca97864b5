//! What of a run concerns one trip.

use std::collections::BTreeSet;
use std::path::Path;

use super::states::Part;
use crate::error::Error;
use crate::format::seconds;
use crate::measures::timeline::{Fault, Happening};
use crate::reader::{read_run, read_tables};
use crate::records::{Fate, Record, TripEventKind, TripEventRecord};
use crate::run::RunRecord;
use crate::schema;

/// How long before its request a rider's looking at prices belongs to a trip, nanoseconds (assumption: a quote is good for five
/// minutes, and phones try several times).
const LOOKING_NS: i64 = 600_000_000_000;

/// Journeys of a rider that are about a trip which has no number yet.
const BEFORE_THE_TRIP: [&str; 2] = ["quote", "request"];

/// Journeys of a driver that name no trip, and without which a driver gets none or loses it.
const OF_THE_DRIVER: [&str; 3] = ["ping", "offer-poll", "online"];

/// Something on the platform's side.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at_ns: i64,
    pub(super) kind: TripEventKind,
    pub(super) what: String,
    pub(super) result: Option<String>,
    pub(super) party: Option<i64>,
    pub(super) amount_minor: Option<i64>,
    /// Node, epoch and position of its commit.
    pub(super) place: Option<(String, u64, u64)>,
}

/// Whose phone it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phone {
    Rider,
    Driver(u64),
    /// Nobody's: the capture that follows a trip.
    Platform,
}

/// A request of a phone.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    /// Earlier than `meant_at_ns` where the push channel kept it.
    sent_at_ns: i64,
    pub(super) meant_at_ns: i64,
    pub(super) ended_at_ns: i64,
    pub(super) kind: String,
    pub(super) phone: Phone,
    pub(super) attempts: u8,
    pub(super) failure: Option<String>,
    pub(super) refusal: Option<String>,
    /// What the attempts before the last met, each with when it ended.
    pub(super) retries: Vec<(i64, String)>,
}

/// A call between services that was about the trip or its rider: one attempt. Records do not have them; whoever ran the seed again does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Nanoseconds from the end of the warm-up.
    pub began_at_ns: i64,
    /// Nanoseconds from the end of the warm-up.
    pub ended_at_ns: i64,
    /// The service that called.
    pub from: String,
    /// The service that was called.
    pub to: String,
    /// The host that was called.
    pub at: String,
    /// What was asked for.
    pub what: String,
    /// From 1.
    pub attempt: u32,
    /// What it met; none if it was answered.
    pub failure: Option<String>,
}

/// A trip with all that happened to it and around it.
#[derive(Debug)]
pub struct Story {
    pub(super) run: RunRecord,
    pub(super) trip: i64,
    pub(super) rider: Option<i64>,
    /// When it was requested: what times are told from.
    pub(super) requested_ns: i64,
    pub(super) events: Vec<Event>,
    pub(super) journeys: Vec<Journey>,
    /// Faults that were there at some moment of it.
    pub(super) faults: Vec<Fault>,
    /// What components did during it, and how they stood at its beginning where a fault had already struck.
    pub(super) happenings: Vec<Happening>,
    /// Its acknowledged writes that did not survive: object, when acknowledged, and what became of it.
    pub(super) lost: Vec<(String, i64, Fate)>,
    /// Calls between services, in order of time; none where nobody ran the seed again.
    pub(super) calls: Option<Vec<Call>>,
}

impl Story {
    /// Reads it; `None` when the records hold no such trip.
    pub(super) fn gather(directory: &Path, trip: i64) -> Result<Option<Story>, Error> {
        let run = read_run(directory)?;
        let mut events: Vec<Event> = Vec::new();
        read_tables(directory, &[&schema::TRIP_EVENTS], |record| match record {
            Record::TripEvent(event) if event.trip == trip => events.push(Event::of(event)),
            _ => {}
        })?;
        let Some(requested_ns) = events.first().map(|event| event.at_ns) else { return Ok(None) };
        let rider = events.iter().find(|event| event.kind == TripEventKind::Trip).and_then(|event| event.party);
        let mut story = Story {
            run,
            trip,
            rider,
            requested_ns,
            events,
            journeys: Vec::new(),
            faults: Vec::new(),
            happenings: Vec::new(),
            lost: Vec::new(),
            calls: None,
        };
        story.phones(directory)?;
        story.surroundings(directory)?;
        Ok(Some(story))
    }

    /// The run that it was part of.
    pub fn run(&self) -> &RunRecord {
        &self.run
    }

    /// The number of its rider, if the records tell of its request.
    pub fn rider(&self) -> Option<i64> {
        self.rider
    }

    /// Adds the calls between services that another run of the seed made about the trip and its rider. Of those about the rider alone, what
    /// was before or after the trip is left out.
    pub fn add_calls(&mut self, mut calls: Vec<Call>) {
        let (from_ns, to_ns) = self.span_ns();
        calls.retain(|call| (from_ns..=to_ns).contains(&call.began_at_ns));
        calls.sort_by_key(|call| (call.began_at_ns, call.ended_at_ns));
        self.calls = Some(calls);
    }

    /// The state it was left in.
    pub(super) fn state(&self) -> Option<&str> {
        self.transitions().last().and_then(|event| event.result.as_deref())
    }

    /// Its transitions, in order.
    pub(super) fn transitions(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|event| event.kind == TripEventKind::Trip)
    }

    /// From the rider's first look at prices to the last that is known of it.
    pub(super) fn span_ns(&self) -> (i64, i64) {
        let asked = self.journeys.iter().map(|journey| journey.meant_at_ns).min();
        let last = self.events.last().map_or(self.requested_ns, |event| event.at_ns);
        let answered = self.journeys.iter().map(|journey| journey.ended_at_ns).max();
        (asked.map_or(self.requested_ns, |at| at.min(self.requested_ns)), answered.map_or(last, |at| at.max(last)))
    }

    fn phones(&mut self, directory: &Path) -> Result<(), Error> {
        let rider = self.rider.map(i64::cast_unsigned);
        let offers = self.events.iter().filter(|event| event.kind == TripEventKind::Offer);
        let drivers: BTreeSet<u64> = offers.filter_map(|event| event.party).map(i64::cast_unsigned).collect();
        let first_offer_ns =
            self.events.iter().find(|event| event.kind == TripEventKind::Offer).map(|event| event.at_ns);
        let over_ns = self
            .transitions()
            .find(|event| event.result.as_deref().is_some_and(|state| Part::of(state) >= Part::Paying));
        let over_ns = over_ns.map_or(i64::MAX, |event| event.at_ns);
        let requested_ns = self.requested_ns;
        let mut journeys: Vec<Journey> = Vec::new();
        let whose = |kind: &str, actor: u64, about: Option<i64>, meant_at_ns: i64, failed: bool| {
            if about == Some(self.trip) {
                let of_rider = Some(actor) == rider && !drivers.contains(&actor);
                return Some(match kind {
                    "capture" => Phone::Platform,
                    "request" | "cancel" => Phone::Rider,
                    "offer-answer" | "progress" => Phone::Driver(actor),
                    _ if of_rider || Some(actor) == rider && kind == "status" => Phone::Rider,
                    _ => Phone::Driver(actor),
                });
            }
            let asked = (requested_ns - LOOKING_NS..=requested_ns).contains(&meant_at_ns);
            if about.is_none() && Some(actor) == rider && asked && BEFORE_THE_TRIP.contains(&kind) {
                return Some(Phone::Rider);
            }
            let served = first_offer_ns.is_some_and(|from_ns| (from_ns..over_ns).contains(&meant_at_ns));
            let silent =
                failed && served && about.is_none() && OF_THE_DRIVER.contains(&kind) && drivers.contains(&actor);
            silent.then_some(Phone::Driver(actor))
        };
        let mut retries: Vec<(u64, String, i64, i64, String)> = Vec::new();
        read_tables(directory, &[&schema::REQUESTS, &schema::ATTEMPTS], |record| match record {
            Record::Request(row) => {
                let failed = row.failure.is_some();
                if let Some(phone) = whose(row.journey, row.actor, row.trip, row.meant_at_ns, failed) {
                    journeys.push(Journey {
                        sent_at_ns: row.meant_at_ns - row.kept_ns,
                        meant_at_ns: row.meant_at_ns,
                        ended_at_ns: row.ended_at_ns,
                        kind: row.journey.to_string(),
                        phone,
                        attempts: row.attempts,
                        failure: row.failure.map(str::to_string),
                        refusal: row.refusal.map(str::to_string),
                        retries: Vec::new(),
                    });
                }
            }
            Record::Attempt(row) if Some(row.actor) == rider || drivers.contains(&row.actor) => {
                let (journey, failure) = (row.journey.to_string(), row.failure.to_string());
                retries.push((row.actor, journey, row.began_at_ns, row.ended_at_ns, failure));
            }
            _ => {}
        })?;
        for journey in journeys.iter_mut().filter(|journey| journey.attempts > 1) {
            let actor = match journey.phone {
                Phone::Rider => rider,
                Phone::Driver(driver) => Some(driver),
                Phone::Platform => None,
            };
            let within = journey.sent_at_ns..=journey.ended_at_ns;
            let own = retries.iter().filter(|(of, kind, began_ns, ..)| {
                Some(*of) == actor && *kind == journey.kind && within.contains(began_ns)
            });
            journey.retries = own.map(|(.., ended_ns, failure)| (*ended_ns, failure.clone())).collect();
        }
        journeys.sort_by_key(|journey| (journey.meant_at_ns, journey.ended_at_ns));
        self.journeys = journeys;
        Ok(())
    }

    fn surroundings(&mut self, directory: &Path) -> Result<(), Error> {
        let (from_ns, to_ns) = self.span_ns();
        let (from_s, to_s) = (seconds(from_ns), seconds(to_ns));
        let (mut faults, mut states, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        let mut objects: BTreeSet<String> =
            ["trips", "payments"].iter().map(|table| format!("{table}/{}", self.trip)).collect();
        // What is in the event log is named by its place there.
        let logged = self.events.iter().filter(|event| event.kind == TripEventKind::Event);
        objects.extend(logged.filter_map(|event| event.place.as_ref()).map(|(node, _, at)| format!("{node}/{at}")));
        read_tables(
            directory,
            &[&schema::COMPONENT_STATES, &schema::FAULTS, &schema::WRITES],
            |record| match record {
                Record::ComponentState(state) if state.at_ns <= to_ns => states.push(Happening::of(state)),
                Record::Fault(fault) => faults.push(Fault::of(fault)),
                Record::Write(write)
                    if matches!(write.fate, Fate::Lost | Fate::Divergent) && objects.contains(write.object) =>
                {
                    lost.push((write.object.to_string(), write.acknowledged_at_ns, write.fate));
                }
                _ => {}
            },
        )?;
        faults.retain(|fault| fault.onset_s <= to_s && fault.healed_s.is_none_or(|healed_s| healed_s >= from_s));
        // How a component stood is of interest where trouble was there before the trip: its last word since the onset.
        let onset_s = faults.iter().map(|fault| fault.onset_s).fold(from_s, f64::min);
        let is_last_word = |index: usize, state: &Happening| {
            let later = states[index + 1..].iter().take_while(|later| later.at_s < from_s);
            !later.into_iter().any(|later| later.component == state.component)
        };
        let told = states
            .iter()
            .enumerate()
            .filter(|(index, state)| state.at_s >= from_s || (state.at_s >= onset_s && is_last_word(*index, state)));
        self.happenings = told.map(|(_, state)| state.clone()).collect();
        self.faults = faults;
        self.lost = lost;
        Ok(())
    }
}

impl Event {
    fn of(record: &TripEventRecord<'_>) -> Event {
        Event {
            at_ns: record.at_ns,
            kind: record.kind,
            what: record.what.to_string(),
            result: record.result.map(str::to_string),
            party: record.party,
            amount_minor: record.amount_minor,
            place: record.place.map(|place| (place.node.to_string(), place.epoch, place.position)),
        }
    }
}
