//! From observations to records: what models and phones tell becomes rows, handed to the measures and to the files.

mod trips;

use std::cell::RefCell;
use std::collections::VecDeque;

use oracles::{each_cache_entry, event_name, object_name, partition_name};
use platform::domain::ids::TripId;
use ports::observe::{
    CacheWrite, CommittedTransaction, EventPosition, JourneyEnded, JourneyOutcome, Mark, Observation, Observer, Tier,
    history_of,
};
use reports::error::Error;
use reports::measures::Measures;
use reports::records::{self, AttemptRecord, ComponentStateRecord, Fate, Record, RequestRecord, WriteRecord};
use reports::report::Report;
use reports::run::RunRecord;
use reports::writer::Writer;
use runtime::{Time, digest};

use self::trips::Trips;
use crate::settlement::Settlement;

/// Commits that may wait for their acknowledgement at once: more than all pools of a blueprint hold connections
/// (assumption).
const UNACKNOWLEDGED_MAX: usize = 4_096;

/// Turns what is observed into records.
pub struct Recorder(RefCell<Inner>);

struct Inner {
    measures: Measures,
    writer: Option<Writer>,
    /// The end of the warm-up, from which records count.
    origin: Time,
    settlement: Settlement,
    trips: Trips,
    /// Commits that are visible and not yet acknowledged to their client, the oldest first; few, and bounded.
    unacknowledged: VecDeque<CommittedTransaction>,
    /// The name of what was written last to a cache, for the next one to be written into.
    entry: String,
    /// Sum of the digests of all rows committed and not replaced: what the stores hold, in any order.
    state: u64,
}

impl Recorder {
    /// Records count from `origin`. `writer` keeps them, if they are to be kept.
    #[must_use]
    pub fn new(origin: Time, duration_ns: i64, writer: Option<Writer>) -> Self {
        Recorder(RefCell::new(Inner {
            measures: Measures::new(duration_ns),
            writer,
            origin,
            settlement: Settlement::default(),
            trips: Trips::default(),
            unacknowledged: VecDeque::new(),
            entry: String::new(),
            state: 0,
        }))
    }

    /// A moment of the run as records have it: signed nanoseconds from the end of the warm-up.
    #[must_use]
    pub fn moment(&self, at: Time) -> i64 {
        moment(self.0.borrow().origin, at)
    }

    /// Adds a record that is nobody's observation.
    pub fn add(&self, record: &Record<'_>) {
        self.0.borrow_mut().add(record);
    }

    /// Digest of what the stores hold.
    #[must_use]
    pub fn state(&self) -> u64 {
        self.0.borrow().state
    }

    /// Trips whose money is still on its way, and since when.
    #[must_use]
    pub fn unsettled(&self) -> Vec<(TripId, Time)> {
        self.0.borrow().settlement.open().collect()
    }

    /// Whether records can no longer be written.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.0.borrow().writer.as_ref().is_some_and(Writer::failed)
    }

    /// Settles what is still open at `end`, closes the files and concludes; of a run that was stopped, for as long as it was measured.
    ///
    /// # Errors
    /// Not all records could be written; the files say so.
    pub fn finish(self, end: Time, run: &RunRecord) -> Result<Report, Error> {
        let mut inner = self.0.into_inner();
        inner.measures.stop_at(run.duration_ns());
        for unsettled in inner.settlement.unsettled(end) {
            inner.journey(&unsettled);
        }
        if let Some(writer) = inner.writer {
            writer.finish(run)?;
        }
        Ok(inner.measures.finish(run))
    }
}

impl Observer for Recorder {
    fn observe(&self, observation: &Observation) {
        let mut inner = self.0.borrow_mut();
        match observation {
            Observation::JourneyEnded(journey) => inner.journey(journey),
            Observation::AttemptFailed(attempt) => {
                let record = AttemptRecord {
                    began_at_ns: moment(inner.origin, attempt.began_at),
                    ended_at_ns: moment(inner.origin, attempt.ended_at),
                    journey: attempt.kind,
                    actor: attempt.actor,
                    number: u8::try_from(attempt.number).unwrap_or(u8::MAX),
                    failure: attempt.error,
                };
                inner.add(&Record::Attempt(record));
            }
            Observation::ProcessorOperation { key, operation, outcome, at } => {
                let Inner { trips, origin, .. } = &*inner;
                if let Some(event) = trips.decided(*key, *operation, *outcome, moment(*origin, *at)) {
                    inner.add(&Record::TripEvent(event));
                }
            }
            Observation::ComponentState(state) => {
                let at_ns = moment(inner.origin, state.at);
                inner.add(&Record::ComponentState(ComponentStateRecord {
                    at_ns,
                    component: &state.component,
                    zone: &state.zone,
                    state: state.state,
                    detail: &state.detail,
                    mark: state.mark.map(mark),
                }));
            }
            Observation::Committed(transaction) => {
                if let Some(settled) = inner.settlement.committed(transaction) {
                    inner.journey(&settled);
                }
                inner.trip_events(transaction);
                for change in &transaction.changes {
                    let digest = |row| digest::of(&(&*transaction.position.store, change.table, &change.key, row)).0;
                    let (before, after) = (change.before.as_ref().map(digest), change.after.as_ref().map(digest));
                    inner.state = inner.state.wrapping_sub(before.unwrap_or(0)).wrapping_add(after.unwrap_or(0));
                }
                inner.unacknowledged.push_back(transaction.clone());
                // A client, or a server, that went away leaves commits of which nobody is told: what is this old is nobody's any more.
                if inner.unacknowledged.len() > UNACKNOWLEDGED_MAX {
                    inner.unacknowledged.pop_front();
                }
            }
            Observation::CommitAcknowledged(position) => {
                let same = |commit: &CommittedTransaction| {
                    commit.position.store == position.store
                        && (commit.position.epoch, commit.position.lsn) == (position.epoch, position.lsn)
                };
                // The newest first: what nobody was told of lies at the other end.
                if let Some(at) = inner.unacknowledged.iter().rposition(same) {
                    let commit = inner.unacknowledged.remove(at).expect("it was found there");
                    inner.acknowledged(&commit, position.at);
                }
            }
            Observation::CacheWriteAcknowledged(write) => inner.cached(write),
            Observation::EventAcknowledged(event) => {
                inner.published(event);
                let Inner { origin, .. } = &*inner;
                let (at_ns, partition) = (moment(*origin, event.at), partition_name(event.partition));
                if let Some(told) = Trips::logged(event, &partition, at_ns) {
                    inner.add(&Record::TripEvent(told));
                }
            }
            _ => {}
        }
    }
}

impl Inner {
    fn add(&mut self, record: &Record<'_>) {
        self.measures.add(record);
        if let Some(writer) = &mut self.writer {
            writer.write(record);
        }
    }

    fn journey(&mut self, journey: &JourneyEnded) {
        let record = RequestRecord {
            meant_at_ns: moment(self.origin, journey.intended_at),
            ended_at_ns: moment(self.origin, journey.ended_at),
            kept_ns: i64::try_from(journey.kept.span.as_nanos()).unwrap_or(i64::MAX),
            spared: journey.kept.spared,
            journey: journey.kind,
            tier: tier(journey.tier),
            actor: journey.actor,
            trip: journey.trip,
            attempts: u8::try_from(journey.attempts).unwrap_or(u8::MAX),
            // A refusal is an answer: the platform did what it should.
            failure: journey.error.filter(|_| journey.outcome == JourneyOutcome::Failed),
            refusal: journey.error.filter(|_| journey.outcome == JourneyOutcome::Refused),
        };
        self.add(&Record::Request(record));
    }

    fn trip_events(&mut self, transaction: &CommittedTransaction) {
        let at_ns = moment(self.origin, transaction.position.at);
        let mut trips = std::mem::take(&mut self.trips);
        trips.committed(transaction, at_ns, |event| self.add(&Record::TripEvent(*event)));
        self.trips = trips;
    }

    fn acknowledged(&mut self, commit: &CommittedTransaction, at: Time) {
        let acknowledged_at_ns = moment(self.origin, at);
        for change in &commit.changes {
            let object = object_name(change.table, &change.key);
            self.add(&Record::Write(WriteRecord {
                store: &commit.position.store,
                object: &object,
                position: commit.position.lsn,
                acknowledged_at_ns,
                fate: Fate::Kept,
                epoch: commit.position.epoch,
            }));
        }
    }

    fn cached(&mut self, CacheWrite { position, command }: &CacheWrite) {
        let acknowledged_at_ns = moment(self.origin, position.at);
        let mut name = std::mem::take(&mut self.entry);
        each_cache_entry(command, |entry| {
            name.clear();
            entry.name_into(&mut name, &position.store);
            self.add(&Record::Write(WriteRecord {
                store: history_of(&position.store).0,
                object: &name,
                position: position.lsn,
                acknowledged_at_ns,
                fate: Fate::Kept,
                epoch: position.epoch,
            }));
        });
        self.entry = name;
    }

    fn published(&mut self, event: &EventPosition) {
        let object = event_name(event.partition, event.offset);
        self.add(&Record::Write(WriteRecord {
            store: &event.store,
            object: &object,
            position: event.offset.0,
            acknowledged_at_ns: moment(self.origin, event.at),
            fate: Fate::Kept,
            epoch: event.epoch,
        }));
    }
}

fn moment(origin: Time, at: Time) -> i64 {
    let nanos = |time: Time| i64::try_from(time.nanos()).unwrap_or(i64::MAX);
    nanos(at) - nanos(origin)
}

/// The tier as records name it.
#[must_use]
pub fn tier(tier: Tier) -> records::Tier {
    match tier {
        Tier::Critical => records::Tier::Critical,
        Tier::Important => records::Tier::Important,
        Tier::Standard => records::Tier::Standard,
    }
}

fn mark(mark: Mark) -> records::Mark {
    match mark {
        Mark::Detected => records::Mark::Detected,
        Mark::Decided => records::Mark::Decided,
        Mark::Promoted => records::Mark::Promoted,
        Mark::Propagated => records::Mark::Propagated,
    }
}
