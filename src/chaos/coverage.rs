//! What chaos tried: which states of trips and payments met which kinds of faults.
//!
//! A *stay* is one trip, or one payment, in one state from the commit that brought it there to the next. A cell of the
//! matrix counts the stays that a fault of the kind was active in, each once a seed and kind however many faults of it
//! there were. A stay that a recovery undid counts all the same: it was there when the fault was.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use platform::domain::payment::PaymentState;
use platform::domain::schema::{Payment, Trip};
use platform::domain::trip::State;
use ports::database::Record;
use ports::observe::{Observation, Observer};
use runtime::Time;

/// Where a trip or a payment stands, while it is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Trip(State),
    Payment(PaymentState),
}

impl Stage {
    /// Every stage of a trip and of a payment that something can still come of, in the order of a journey.
    #[must_use]
    pub fn all() -> Vec<Stage> {
        let trips = State::ALL.iter().copied().filter(|state| is_under_way(*state)).map(Stage::Trip);
        let payments = PaymentState::ALL.iter().copied().filter(|state| is_open(*state)).map(Stage::Payment);
        trips.chain(payments).collect()
    }

    /// Its name in the matrix.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Stage::Trip(state) => format!("trip {state:?}"),
            Stage::Payment(state) => format!("payment {state:?}"),
        }
    }
}

fn is_under_way(state: State) -> bool {
    state.is_active() || matches!(state, State::Completed | State::PaymentPending)
}

fn is_open(state: PaymentState) -> bool {
    use PaymentState::{Captured, Failed, None, Voided};
    !matches!(state, None | Captured | Voided | Failed)
}

/// One trip or payment in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    pub stage: Stage,
    pub from: Time,
    pub to: Time,
}

/// A fault while it was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    pub kind: &'static str,
    pub from: Time,
    pub to: Time,
}

/// Collects stays from what a run commits.
#[derive(Default)]
pub struct Stays(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    trips: BTreeMap<i64, (Stage, Time)>,
    payments: BTreeMap<i64, (Stage, Time)>,
    over: Vec<Stay>,
}

impl Stays {
    /// Every stay, those that still last cut off at `end`.
    #[must_use]
    pub fn until(&self, end: Time) -> Vec<Stay> {
        let inner = self.0.borrow();
        let open = inner.trips.values().chain(inner.payments.values());
        let lasting = open.map(|&(stage, from)| Stay { stage, from, to: end });
        inner.over.iter().copied().chain(lasting).collect()
    }
}

impl Observer for Stays {
    fn observe(&self, observation: &Observation) {
        let Observation::Committed(transaction) = observation else { return };
        let Inner { trips, payments, over } = &mut *self.0.borrow_mut();
        let at = transaction.position.at;
        for change in &transaction.changes {
            let Some(row) = &change.after else { continue };
            if change.table == Trip::SCHEMA.id
                && let Ok(trip) = Trip::from_row(row)
            {
                let stage = is_under_way(trip.state).then_some(Stage::Trip(trip.state));
                step(trips, trip.id.0, stage, at, over);
            }
            if change.table == Payment::SCHEMA.id
                && let Ok(payment) = Payment::from_row(row)
            {
                let stage = is_open(payment.state).then_some(Stage::Payment(payment.state));
                step(payments, payment.trip_id.0, stage, at, over);
            }
        }
    }
}

fn step(open: &mut BTreeMap<i64, (Stage, Time)>, id: i64, now: Option<Stage>, at: Time, over: &mut Vec<Stay>) {
    let before = open.get(&id).copied();
    if before.map(|(stage, _)| stage) == now {
        return;
    }
    if let Some((stage, from)) = before {
        over.push(Stay { stage, from, to: at });
        open.remove(&id);
    }
    if let Some(stage) = now {
        open.insert(id, (stage, at));
    }
}

/// Which stages met which faults, over one seed or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Stays of each stage during which a fault of each kind was active.
    pub met: BTreeMap<&'static str, BTreeMap<Stage, u64>>,
    /// Seeds in which a fault of the kind struck.
    pub seeds_with: BTreeMap<&'static str, u64>,
    /// Seeds by how many of their faults were active during a trip.
    pub overlapping: BTreeMap<usize, u64>,
}

impl Coverage {
    /// The coverage of one seed.
    #[must_use]
    pub fn of(stays: &[Stay], faults: &[FaultSpan]) -> Coverage {
        let meets = |stay: &Stay, fault: &FaultSpan| stay.from <= fault.to && fault.from <= stay.to;
        let mut met: BTreeMap<&'static str, BTreeMap<Stage, u64>> = BTreeMap::new();
        let kinds: BTreeSet<&'static str> = faults.iter().map(|fault| fault.kind).collect();
        for &kind in &kinds {
            let active: Vec<&FaultSpan> = faults.iter().filter(|fault| fault.kind == kind).collect();
            let row = met.entry(kind).or_default();
            for stay in stays.iter().filter(|stay| active.iter().any(|fault| meets(stay, fault))) {
                *row.entry(stay.stage).or_default() += 1;
            }
        }
        let on_trips = |fault: &&FaultSpan| {
            stays.iter().any(|stay| matches!(stay.stage, Stage::Trip(state) if state.is_active()) && meets(stay, fault))
        };
        let overlapping = BTreeMap::from([(faults.iter().filter(on_trips).count(), 1)]);
        Coverage { met, seeds_with: kinds.into_iter().map(|kind| (kind, 1)).collect(), overlapping }
    }

    /// Adds another seed's.
    pub fn add(&mut self, other: &Coverage) {
        for (kind, row) in &other.met {
            let mine = self.met.entry(kind).or_default();
            for (stage, count) in row {
                *mine.entry(*stage).or_default() += count;
            }
        }
        for (kind, count) in &other.seeds_with {
            *self.seeds_with.entry(kind).or_default() += count;
        }
        for (faults, count) in &other.overlapping {
            *self.overlapping.entry(*faults).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(state: State, from: u64, to: u64) -> Stay {
        Stay { stage: Stage::Trip(state), from: Time::from_secs(from), to: Time::from_secs(to) }
    }

    fn fault(kind: &'static str, from: u64, to: u64) -> FaultSpan {
        FaultSpan { kind, from: Time::from_secs(from), to: Time::from_secs(to) }
    }

    #[test]
    fn a_stay_meets_a_kind_once_and_only_while_it_is_active() {
        let stays = [stay(State::Matching, 0, 10), stay(State::Matching, 20, 30), stay(State::InProgress, 10, 90)];
        let faults = [fault("a", 5, 6), fault("a", 7, 8), fault("b", 25, 25), fault("c", 100, 200)];
        let coverage = Coverage::of(&stays, &faults);
        let cell = |kind, state| coverage.met[kind].get(&Stage::Trip(state)).copied().unwrap_or(0);
        assert_eq!(cell("a", State::Matching), 1, "two faults of one kind in one stay are one meeting");
        assert_eq!(cell("a", State::InProgress), 0);
        assert_eq!((cell("b", State::Matching), cell("b", State::InProgress)), (1, 1), "what is over at once met both");
        assert!(coverage.met["c"].is_empty());
        assert_eq!(coverage.overlapping, BTreeMap::from([(3, 1)]), "the fourth fault came when no trip was active");
        let mut twice = coverage.clone();
        twice.add(&coverage);
        assert_eq!((twice.seeds_with["a"], twice.met["b"][&Stage::Trip(State::Matching)]), (2, 2));
    }
}
