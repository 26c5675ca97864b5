//! From commits and decisions to what happened to each trip, in words: the rows of `trip_events.parquet`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{Debug, Write};

use platform::domain::ids::{DriverId, RiderId, TripId};
use platform::domain::ledger::JournalKind;
use platform::domain::movement::refunded_trip;
use platform::domain::payment::PaymentState;
use platform::domain::schema::{
    JournalEntry, Movement, Offer, OutboxEntry, Payment, ToldNotification, Trip, TripLogEntry, TripNews,
};
use platform::domain::session::Caller;
use platform::domain::trip::EventKind;
use platform::services::notifications::recipient_of;
use platform::services::relay::trip_of;
use ports::IdempotencyKey;
use ports::database::{Record, Row, RowError};
use ports::observe::{Change, CommittedTransaction, EventPosition};
use ports::processor::{Operation, Outcome};
use reports::records::{CommitPlace, TripEventKind, TripEventRecord};

/// Operations at the processor whose trip is remembered: those of more than an hour at a trip a second, two each. A decision on
/// an older one is nobody's any more (assumption).
const OPERATIONS_REMEMBERED: usize = 16_384;

/// Tells what commits did to trips.
#[derive(Debug, Default)]
pub struct Trips {
    /// Whose operations the processor is or was asked for.
    operations: BTreeMap<IdempotencyKey, TripId>,
    /// Their keys, the oldest first.
    keys: VecDeque<IdempotencyKey>,
    /// Kept for its room: no event allocates.
    words: Words,
}

impl Trips {
    /// Calls `put` with everything that the commit did to a trip, in the commit's order.
    pub fn committed(
        &mut self,
        transaction: &CommittedTransaction,
        at_ns: i64,
        mut put: impl FnMut(&TripEventRecord<'_>),
    ) {
        let place = CommitPlace {
            store: &transaction.position.store,
            node: &transaction.node,
            epoch: transaction.position.epoch,
            position: transaction.position.lsn,
        };
        let mut journal: Option<(TripId, JournalKind, i64)> = None;
        for change in &transaction.changes {
            let Some(after) = &change.after else { continue };
            let Ok(told) = self.told(change, after, transaction) else { continue };
            if let Some(line) = told.journal {
                let sum = journal.filter(|(trip, kind, _)| (*trip, *kind) == (line.trip_id, line.kind));
                let taken = sum.map_or(0, |(.., amount)| amount) + line.amount_minor.max(0);
                journal = Some((line.trip_id, line.kind, taken));
            }
            if let Some(told) = told.event {
                put(&TripEventRecord {
                    at_ns,
                    trip: told.trip.0,
                    kind: told.kind,
                    what: &self.words.what,
                    result: told.has_result.then_some(self.words.result.as_str()),
                    party: told.party,
                    amount_minor: told.amount_minor,
                    place: Some(place),
                });
            }
        }
        if let Some((trip, kind, amount_minor)) = journal {
            self.words.set(&kind);
            put(&TripEventRecord {
                at_ns,
                trip: trip.0,
                kind: TripEventKind::Ledger,
                what: &self.words.what,
                result: None,
                party: None,
                amount_minor: Some(amount_minor),
                place: Some(place),
            });
        }
    }

    /// What the external processor decided, if it is known of which trip's payment.
    pub fn decided(
        &self,
        key: IdempotencyKey,
        operation: Operation,
        outcome: Outcome,
        at_ns: i64,
    ) -> Option<TripEventRecord<'static>> {
        let (what, amount_minor) = match operation {
            Operation::Authorise { amount_minor, .. } => ("authorise", Some(amount_minor)),
            Operation::Capture { amount_minor, .. } => ("capture", Some(amount_minor)),
            Operation::Void { .. } => ("void", None),
            Operation::Refund { amount_minor, .. } => ("refund", Some(amount_minor)),
            Operation::PayOut { amount_minor, .. } => ("pay out", Some(amount_minor)),
        };
        let result = match outcome {
            Outcome::Approved => "approved",
            Outcome::Declined(_) => "declined",
        };
        let trip = self.operations.get(&key)?.0;
        let (kind, result) = (TripEventKind::Processor, Some(result));
        Some(TripEventRecord { at_ns, trip, kind, what, result, party: None, amount_minor, place: None })
    }

    /// What a record in the event log tells, if it is about a trip; `partition` is where it is.
    pub fn logged<'a>(event: &'a EventPosition, partition: &'a str, at_ns: i64) -> Option<TripEventRecord<'a>> {
        let place = CommitPlace { store: &event.store, node: partition, epoch: event.epoch, position: event.offset.0 };
        Some(TripEventRecord {
            at_ns,
            trip: trip_of(&event.key)?.0,
            kind: TripEventKind::Event,
            what: "written to the event log",
            result: None,
            party: None,
            amount_minor: None,
            place: Some(place),
        })
    }

    /// What one change tells, with its words in `self.words`. Rows that are not read back are the oracles' concern.
    fn told(&mut self, change: &Change, after: &Row, transaction: &CommittedTransaction) -> Result<Told, RowError> {
        let table = change.table;
        let mut told = Told::default();
        if table == TripLogEntry::SCHEMA.id {
            let entry = TripLogEntry::from_row(after)?;
            self.words.set(&entry.event);
            self.words.set_result(&entry.after);
            let party = match entry.event {
                EventKind::Requested => rider_of(entry.trip_id, transaction),
                _ => entry.driver_id.map(|DriverId(driver)| driver),
            };
            told.event = Some(Event { has_result: true, party, ..Event::of(entry.trip_id, TripEventKind::Trip) });
        } else if table == Offer::SCHEMA.id {
            let offer = Offer::from_row(after)?;
            if status(change)? != Some(offer.status) {
                self.words.set(&offer.status);
                let party = Some(offer.driver_id.0);
                told.event = Some(Event { party, ..Event::of(offer.trip_id, TripEventKind::Offer) });
            }
        } else if table == Payment::SCHEMA.id {
            let payment = Payment::from_row(after)?;
            let before = change.before.as_ref().map(|row| Payment::from_row(row)).transpose()?;
            if let Some(key) = payment.pending_key {
                self.remember(key, payment.trip_id);
            }
            if before.is_none_or(|before| before.state != payment.state) && payment.state != PaymentState::None {
                self.words.set(&payment.state);
                let amount_minor = payment.pending_minor.or(match payment.state {
                    PaymentState::Authorised => Some(payment.authorised_minor),
                    PaymentState::Captured => Some(payment.captured_minor),
                    _ => None,
                });
                let party = Some(payment.rider_id.0);
                let of = Event::of(payment.trip_id, TripEventKind::Payment);
                told.event = Some(Event { party, amount_minor, ..of });
            }
        } else if table == JournalEntry::SCHEMA.id {
            told.journal = Some(JournalEntry::from_row(after)?);
        } else if table == OutboxEntry::SCHEMA.id && change.before.is_some() {
            let entry = OutboxEntry::from_row(after)?;
            if entry.published_at_ns.is_some() {
                self.words.what.clear();
                let _ = write!(self.words.what, "event {} published", entry.sequence);
                told.event = Some(Event::of(entry.trip_id, TripEventKind::Event));
            }
        } else if table == TripNews::SCHEMA.id {
            let news = TripNews::from_row(after)?;
            self.words.what.clear();
            let _ = write!(self.words.what, "event {} read by notifications", news.sequence);
            told.event = Some(Event::of(news.trip_id, TripEventKind::Event));
        } else if table == ToldNotification::SCHEMA.id {
            told.event = Some(self.notification(&ToldNotification::from_row(after)?));
        } else if table == Movement::SCHEMA.id {
            told.event = self.refund(change, &Movement::from_row(after)?)?;
        }
        Ok(told)
    }

    fn notification(&mut self, row: &ToldNotification) -> Event {
        let ToldNotification { trip_id, sequence, recipient, .. } = *row;
        self.words.set(&row.channel);
        let _ = write!(self.words.what, " of event {sequence} to ");
        let _ = match recipient_of(recipient) {
            Caller::Rider(rider) => write!(self.words.what, "rider {rider}"),
            Caller::Driver(driver) => write!(self.words.what, "driver {driver}"),
            Caller::Operator(operator) => write!(self.words.what, "operator {operator}"),
        };
        self.words.set_result(&row.state);
        Event { has_result: true, ..Event::of(trip_id, TripEventKind::Notification) }
    }

    /// A refund that is new, or whose state is; payouts are about no trip.
    fn refund(&mut self, change: &Change, movement: &Movement) -> Result<Option<Event>, RowError> {
        let Some(trip) = refunded_trip(movement) else { return Ok(None) };
        self.remember(movement.pending_key, trip);
        let before = change.before.as_ref().map(|row| Movement::from_row(row)).transpose()?;
        if before.is_some_and(|before| before.state == movement.state) {
            return Ok(None);
        }
        self.words.set(&movement.state);
        let amount_minor = Some(movement.amount_minor);
        Ok(Some(Event { amount_minor, ..Event::of(trip, TripEventKind::Refund) }))
    }

    fn remember(&mut self, key: IdempotencyKey, trip: TripId) {
        if self.operations.insert(key, trip).is_none() {
            self.keys.push_back(key);
        }
        if self.keys.len() > OPERATIONS_REMEMBERED
            && let Some(oldest) = self.keys.pop_front()
        {
            self.operations.remove(&oldest);
        }
    }
}

/// What one change tells.
#[derive(Default)]
struct Told {
    event: Option<Event>,
    /// A line of a journal, which is told as a whole.
    journal: Option<JournalEntry>,
}

/// An event but for its words.
struct Event {
    trip: TripId,
    kind: TripEventKind,
    has_result: bool,
    party: Option<i64>,
    amount_minor: Option<i64>,
}

impl Event {
    fn of(trip: TripId, kind: TripEventKind) -> Event {
        Event { trip, kind, has_result: false, party: None, amount_minor: None }
    }
}

fn status(change: &Change) -> Result<Option<platform::domain::offer::OfferStatus>, RowError> {
    change.before.as_ref().map(|row| Offer::from_row(row).map(|offer| offer.status)).transpose()
}

fn rider_of(trip: TripId, transaction: &CommittedTransaction) -> Option<i64> {
    let rows = transaction.changes.iter().filter(|change| change.table == Trip::SCHEMA.id);
    let mut trips = rows.filter_map(|change| Trip::from_row(change.after.as_ref()?).ok());
    trips.find(|row| row.id == trip).map(|Trip { rider_id: RiderId(rider), .. }| rider)
}

/// Variants of enums as people write them: `OfferMade` as `offer made`.
#[derive(Debug, Default)]
struct Words {
    what: String,
    result: String,
    name: String,
}

impl Words {
    fn set(&mut self, variant: &impl Debug) {
        spell(variant, &mut self.name, &mut self.what);
    }

    fn set_result(&mut self, variant: &impl Debug) {
        spell(variant, &mut self.name, &mut self.result);
    }
}

fn spell(variant: &impl Debug, name: &mut String, words: &mut String) {
    name.clear();
    words.clear();
    let _ = write!(name, "{variant:?}");
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use platform::domain::money::Currency;
    use platform::domain::movement::{MovementKind, MovementState};
    use platform::domain::notification::{Channel, Telling};
    use platform::domain::trip::State;
    use ports::event_log::{Offset, Partition, TopicId};
    use ports::observe::CommitPosition;
    use runtime::Time;

    use super::*;

    fn commit(changes: Vec<Change>) -> CommittedTransaction {
        let position = CommitPosition { store: "orders-db".into(), epoch: 2, lsn: 77, at: Time::from_secs(5) };
        CommittedTransaction { position, node: "rds-primary".into(), changes }
    }

    fn change<R: Record>(before: Option<&R>, after: &R) -> Change {
        let (table, before) = (R::SCHEMA.id, before.map(Record::to_row));
        Change { table, key: after.key(), before, after: Some(after.to_row()) }
    }

    fn told(trips: &mut Trips, changes: Vec<Change>) -> Vec<String> {
        let mut lines = Vec::new();
        trips.committed(&commit(changes), 5, |event| {
            let place = event.place.expect("it was committed");
            assert_eq!((place.store, place.node, place.epoch, place.position), ("orders-db", "rds-primary", 2, 77));
            let TripEventRecord { trip, kind, what, result, party, amount_minor, .. } = event;
            lines.push(format!("{trip} {} {what} {result:?} {party:?} {amount_minor:?}", kind.name()));
        });
        lines
    }

    fn entry(event: EventKind, after: State) -> TripLogEntry {
        TripLogEntry {
            trip_id: TripId(9),
            version: 4,
            before: State::Matching,
            event,
            after,
            attempt: 1,
            epoch: 0,
            driver_id: Some(DriverId(3)),
            at_ns: 0,
            distance_m: None,
            duration_s: None,
        }
    }

    #[test]
    fn a_transition_is_told_in_words_and_what_did_not_change_is_not() {
        let mut trips = Trips::default();
        let offered = entry(EventKind::OfferMade, State::Offered);
        assert_eq!(
            told(&mut trips, vec![change(None, &offered)]),
            [r#"9 trip offer made Some("offered") Some(3) None"#]
        );
        let payment = Payment::new(TripId(9), RiderId(4), Currency::Usd, 0);
        let mut claimed = payment.clone();
        claimed.claimed_until_ns = 8;
        assert!(told(&mut trips, vec![change(Some(&payment), &claimed)]).is_empty());
    }

    #[test]
    fn the_lines_of_a_journal_are_told_as_one() {
        let line = |line, amount_minor| JournalEntry {
            trip_id: TripId(9),
            kind: JournalKind::Capture,
            line,
            account: platform::domain::ledger::AccountKind::Commission,
            owner: 0,
            currency: Currency::Usd,
            amount_minor,
            at_ns: 0,
        };
        let changes = [line(0, 700), line(1, -1_000), line(2, 300)].map(|line| change(None, &line)).into();
        assert_eq!(told(&mut Trips::default(), changes), ["9 ledger capture None None Some(1000)"]);
    }

    #[test]
    fn a_decision_of_the_processor_belongs_to_the_trip_whose_payment_asked_for_it() {
        let mut trips = Trips::default();
        let payment = Payment::new(TripId(9), RiderId(4), Currency::Usd, 0);
        let mut asking = payment.clone();
        asking.begin_authorisation(1_250, 1).expect("it is new");
        let lines = told(&mut trips, vec![change(Some(&payment), &asking)]);
        assert_eq!(lines, ["9 payment authorisation pending None Some(4) Some(1250)"]);
        let operation = Operation::Authorise { card_token: 1, amount_minor: 1_250 };
        let key = asking.pending_key.expect("an operation is under way");
        let decided = trips.decided(key, operation, Outcome::Approved, 6).expect("it is known");
        assert_eq!((decided.trip, decided.what, decided.result), (9, "authorise", Some("approved")));
        assert_eq!(trips.decided(IdempotencyKey(1), operation, Outcome::Approved, 6), None);
    }

    #[test]
    fn a_refund_is_told_with_its_decision_and_a_payout_is_about_no_trip() {
        let mut trips = Trips::default();
        let movement = |kind, state| Movement {
            kind,
            owner: 9,
            number: 1,
            currency: Currency::Usd,
            amount_minor: 450,
            driver_pay_minor: 300,
            commission_minor: 100,
            tax_minor: 50,
            tolls_minor: 0,
            authorisation_key: Some(IdempotencyKey(5)),
            state,
            pending_key: IdempotencyKey(6),
            claimed_until_ns: 0,
            updated_at_ns: 0,
        };
        let pending = movement(MovementKind::Refund, MovementState::Pending);
        let claimed = Movement { claimed_until_ns: 8, ..pending.clone() };
        let done = movement(MovementKind::Refund, MovementState::Done);
        assert_eq!(told(&mut trips, vec![change(None, &pending)]), ["9 refund pending None None Some(450)"]);
        assert!(told(&mut trips, vec![change(Some(&pending), &claimed)]).is_empty());
        let operation = Operation::Refund { authorisation: IdempotencyKey(5), amount_minor: 450 };
        let decided = trips.decided(IdempotencyKey(6), operation, Outcome::Approved, 6).expect("it is known");
        assert_eq!((decided.trip, decided.what, decided.result), (9, "refund", Some("approved")));
        assert_eq!(told(&mut trips, vec![change(Some(&claimed), &done)]), ["9 refund done None None Some(450)"]);
        assert!(
            told(&mut trips, vec![change(None, &movement(MovementKind::Payout, MovementState::Pending))]).is_empty()
        );
    }

    #[test]
    fn what_the_event_log_has_is_read_and_told_step_by_step() {
        let mut trips = Trips::default();
        let news = TripNews { trip_id: TripId(9), sequence: 4, state: State::Offered, at_ns: 0 };
        let row = |recipient, state| ToldNotification {
            trip_id: TripId(9),
            sequence: 4,
            recipient,
            channel: Channel::Push,
            state,
            at_ns: 0,
        };
        let lines = told(
            &mut trips,
            vec![
                change(None, &news),
                change(None, &row(7, Telling::Claimed)),
                change(Some(&row(7, Telling::Claimed)), &row(7, Telling::Told)),
                change(None, &row(!3, Telling::Failed)),
            ],
        );
        let expected = [
            "9 event event 4 read by notifications None None None",
            r#"9 notification push of event 4 to rider 7 Some("claimed") None None"#,
            r#"9 notification push of event 4 to rider 7 Some("told") None None"#,
            r#"9 notification push of event 4 to driver 3 Some("failed") None None"#,
        ];
        assert_eq!(lines, expected);

        let partition = Partition { topic: TopicId(1), number: 2 };
        let key = 9_i64.to_be_bytes().as_slice().into();
        let (store, at) = ("kafka".into(), Time::from_secs(5));
        let event = EventPosition { store, partition, key, epoch: 1, offset: Offset(118), at };
        let logged = Trips::logged(&event, "trip-events-2", 5).expect("its key is a trip's");
        let place = logged.place.expect("it is somewhere");
        assert_eq!((logged.trip, place.node, place.epoch, place.position), (9, "trip-events-2", 1, 118));
        let other = EventPosition { key: b"other".as_slice().into(), ..event.clone() };
        assert_eq!(Trips::logged(&other, "trip-events-2", 5), None);
    }

    #[test]
    fn only_so_many_operations_are_remembered() {
        let mut trips = Trips::default();
        (0..2 * OPERATIONS_REMEMBERED as u128).for_each(|key| trips.remember(IdempotencyKey(key), TripId(1)));
        assert_eq!((trips.operations.len(), trips.keys.len()), (OPERATIONS_REMEMBERED, OPERATIONS_REMEMBERED));
    }
}
