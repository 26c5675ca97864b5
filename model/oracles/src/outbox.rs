//! Invariant 26: the outbox tells of every committed transition, and of nothing else.

use std::collections::BTreeMap;

use platform::domain::outbox::DomainEvent;
use platform::domain::schema::TripLogEntry;

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OutboxTellsEveryChange)]
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
