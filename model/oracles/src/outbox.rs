//! Invariants 26 and 27: the outbox tells of every committed transition and of nothing else, and the rest of the company hears it in order.

use std::collections::BTreeMap;

use platform::domain::outbox::DomainEvent;
use platform::domain::schema::TripLogEntry;

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OutboxTellsEveryChange), Box::new(EventsInOrder)]
}

/// Invariant 26.
struct OutboxTellsEveryChange;

impl Oracle for OutboxTellsEveryChange {
    fn name(&self) -> &'static str {
        "outbox-tells-every-change"
    }

    fn statement(&self) -> &'static str {
        "each transition of a trip and its event in the outbox are committed together, and events do not change"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let mut transitions: BTreeMap<_, &TripLogEntry> = transaction
            .log_entries()
            .filter(|pair| pair.before.is_none())
            .map(|pair| ((pair.any().trip_id, pair.any().version), pair.any()))
            .collect();
        for pair in transaction.outbox_entries() {
            let entry = pair.any();
            let place = (entry.trip_id, entry.sequence);
            if let (Some(before), Some(after)) = (&pair.before, &pair.after) {
                tally.check(transaction.at, before.payload == after.payload, || {
                    format!("event {place:?} was rewritten")
                });
            } else if pair.before.is_none() {
                let transition = transitions.remove(&place);
                let event = entry.event();
                let told = match (&event, transition) {
                    (Ok(event), Some(transition)) => tells_of(event, transition),
                    _ => false,
                };
                tally.check(transaction.at, told, || {
                    format!("the outbox has {event:?} as {place:?} for the transition {transition:?}")
                });
            }
        }
        for (place, transition) in transitions {
            tally.check(transaction.at, false, || format!("{:?} of {place:?} is not in the outbox", transition.event));
        }
    }
}

fn tells_of(event: &DomainEvent, transition: &TripLogEntry) -> bool {
    (event.trip, event.sequence, event.event, event.state)
        == (transition.trip_id, transition.version, transition.event, transition.after)
        && (event.attempt, event.epoch, event.driver, event.at_ns)
            == (transition.attempt, transition.epoch, transition.driver_id, transition.at_ns)
}

/// Invariant 27, as rows tell: an event is marked when the log has acknowledged it, and what a consumer notes of a trip is all that its events do.
struct EventsInOrder;

impl Oracle for EventsInOrder {
    fn name(&self) -> &'static str {
        "events-in-order"
    }

    fn statement(&self) -> &'static str {
        "a trip's events are published in the order in which they were committed, and each has its effect on a consumer once"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for entry in transaction.outbox_entries().filter_map(|pair| pair.after.as_ref()) {
            if entry.published_at_ns.is_none() {
                continue;
            }
            let earlier = view.unpublished_before(entry.trip_id, entry.sequence);
            tally.check(transaction.at, earlier.is_none(), || {
                format!("event {} of trip {} was published before {earlier:?}", entry.sequence, entry.trip_id)
            });
        }
        for pair in transaction.news() {
            let Some(after) = &pair.after else { continue };
            let forward = pair.before.as_ref().is_none_or(|before| before.sequence < after.sequence || before == after);
            // What was heard of a trip was committed before, unless a recovery has left it out since.
            let dossier = view.dossier(after.trip_id).filter(|dossier| dossier.is_whole());
            let trip = dossier.and_then(|dossier| dossier.trip.as_ref());
            let committed = trip.is_none_or(|trip| after.sequence <= trip.version);
            tally.check(transaction.at, forward && committed, || {
                let version = trip.map(|trip| trip.version);
                format!("{after:?} was heard after {:?} of a trip at version {version:?}", pair.before)
            });
        }
    }
}
