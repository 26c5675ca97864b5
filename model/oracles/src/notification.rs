//! Invariants 28 and 29: what people are told, once and while it is so, and that nothing that is to be told gets lost.

use std::time::Duration;

use platform::domain::ids::RiderId;
use platform::domain::notification::{self, Channel, Notification, Telling};
use platform::domain::outbox::DomainEvent;
use platform::domain::schema::{ToldNotification, TripLogEntry};
use platform::domain::session::Caller;

use crate::oracle::{End, Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(ToldOnce), Box::new(ToldWhileSo), Box::new(EveryMessageEnds { consumed: false })]
}

/// What a transition means to tell.
fn meant_by(entry: &TripLogEntry, rider: RiderId) -> Vec<Notification> {
    notification::of(&DomainEvent {
        trip: entry.trip_id,
        sequence: entry.version,
        rider,
        event: entry.event,
        state: entry.after,
        attempt: entry.attempt,
        epoch: entry.epoch,
        driver: entry.driver_id,
        charge_minor: None,
        at_ns: entry.at_ns,
    })
}

/// The recipient as rows have it.
fn number_of(recipient: Caller) -> i64 {
    match recipient {
        Caller::Rider(rider) => rider.0,
        Caller::Operator(operator) => operator.0,
        Caller::Driver(driver) => !driver.0,
    }
}

/// Invariant 28, how often. A notification is claimed before it is told, so a claim after it was told, or beside another claim, is what tells
/// it twice.
struct ToldOnce;

impl Oracle for ToldOnce {
    fn name(&self) -> &'static str {
        "told-once"
    }

    fn statement(&self) -> &'static str {
        "over each channel a notification is told at most once, and by one at a time"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        use Telling::{Claimed, Failed, Told};
        for pair in transaction.told_notifications() {
            let Some(after) = &pair.after else { continue };
            let step = (pair.before.as_ref().map(|before| before.state), after.state);
            let listed = matches!(step, (None | Some(Failed), Claimed) | (Some(Claimed), Told | Failed));
            // Whoever does not hear of a commit writes the same once more.
            let again = pair.before.as_ref() == Some(after);
            tally.check(transaction.at, listed || again, || format!("{:?} became {after:?}", pair.before));
        }
    }
}

/// How long a transaction may take between what it read and its commit: another may have learnt more meanwhile. Assumption: as long as any
/// step of a service.
const TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Invariant 28, of what. Judged by what the service itself has heard: it cannot know more.
struct ToldWhileSo;

impl ToldWhileSo {
    /// Whether what is claimed is to be told to this recipient now; none if the trip is not known well enough.
    fn is_so(claimed: &ToldNotification, transaction: &Transaction, view: &View) -> Option<bool> {
        let dossier = view.dossier(claimed.trip_id).filter(|dossier| dossier.is_whole())?;
        let rider = dossier.trip.as_ref()?.rider_id;
        let meant = dossier.log.iter().find(|entry| entry.version == claimed.sequence).and_then(|entry| {
            meant_by(entry, rider).into_iter().find(|meant| number_of(meant.recipient) == claimed.recipient)
        });
        let Some(meant) = meant else { return Some(false) };
        let known = view.news(claimed.trip_id).filter(|(_, since)| *since + TRANSACTION_MAX <= transaction.at);
        let newest = known.map_or((meant.sequence, meant.state), |(news, _)| (news.sequence, news.state));
        Some(meant.check(newest, claimed.at_ns).is_ok())
    }
}

impl Oracle for ToldWhileSo {
    fn name(&self) -> &'static str {
        "told-while-so"
    }

    fn statement(&self) -> &'static str {
        "nobody is told what does not concern them, is no longer so, or is no longer worth telling"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let written = transaction.told_notifications().filter_map(|pair| pair.after.as_ref());
        for claimed in written.filter(|row| row.state == Telling::Claimed) {
            let Some(so) = Self::is_so(claimed, transaction, view) else { continue };
            tally.check(transaction.at, so, || {
                format!("{claimed:?} was about to be told; the newest known is {:?}", view.news(claimed.trip_id))
            });
        }
    }
}

/// Invariant 29, where somebody consumes events. A message has ended when it was told, or given up over the last channel, which puts it among
/// the dead letters, or when it is dropped because it is no longer so; one in a retry topic comes back within minutes.
struct EveryMessageEnds {
    /// Whether anybody consumes events at all.
    consumed: bool,
}

impl Oracle for EveryMessageEnds {
    fn name(&self) -> &'static str {
        "every-message-ends"
    }

    fn statement(&self) -> &'static str {
        "every message ends acknowledged, waits in a retry topic for its minutes, or is dead-lettered"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, _tally: &mut Tally) {
        self.consumed |= transaction.news().next().is_some();
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        if !self.consumed {
            return;
        }
        for (id, dossier) in view.dossiers().filter(|(_, dossier)| dossier.is_whole()) {
            let Some(trip) = &dossier.trip else { continue };
            for meant in dossier.log.iter().flat_map(|entry| meant_by(entry, trip.rider_id)) {
                let dropped = meant.check((trip.version, trip.state), end.at.nanos().cast_signed()).is_err();
                let last = view.told(*id, meant.sequence, number_of(meant.recipient)).last();
                let gone = dossier.told_and_gone.contains(&(meant.sequence, number_of(meant.recipient)));
                let ended = gone
                    || last.is_some_and(|row| row.state == Telling::Told || Some(&row.channel) == Channel::ALL.last());
                let since_ns = last.map_or(meant.due_at_ns, |row| row.at_ns);
                tally.check(end.at, dropped || ended || !end.is_overdue(since_ns), || {
                    format!("{meant:?} came to {last:?} and no further")
                });
            }
        }
    }
}
