//! A payment processor that keeps its promises, and whose network does not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::IdempotencyKey;
use ports::processor::{Decline, Operation, Outcome, Processor, ProcessorError};
use runtime::Time;

/// What happens on the way to the processor and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Requests do not get there.
    Unreachable,
    /// Requests get there, answers do not get back.
    NoAnswers,
    /// Requests are lost, and nobody can tell.
    Lost,
}

/// Clones are clients of the same processor.
#[derive(Clone)]
pub struct Desk(Rc<Shared>);

struct Shared {
    weather: Cell<Weather>,
    declines: Cell<bool>,
    declines_captures: Cell<bool>,
    decided: RefCell<BTreeMap<IdempotencyKey, Decided>>,
}

/// What a key stands for: an operation and its outcome, or nothing ever more.
type Decided = (Option<Operation>, Option<Outcome>);

impl Desk {
    pub fn new() -> Self {
        Self(Rc::new(Shared {
            weather: Cell::new(Weather::Fair),
            declines: Cell::new(false),
            declines_captures: Cell::new(false),
            decided: RefCell::default(),
        }))
    }

    pub fn set_weather(&self, weather: Weather) {
        self.0.weather.set(weather);
    }

    pub fn decline_cards(&self) {
        self.0.declines.set(true);
    }

    pub fn decline_captures(&self) {
        self.0.declines_captures.set(true);
    }

    /// Every operation that was carried out.
    pub fn approved(&self) -> Vec<Operation> {
        let decided = self.0.decided.borrow();
        decided.values().filter(|(_, outcome)| *outcome == Some(Outcome::Approved)).filter_map(|(o, _)| *o).collect()
    }

    fn decide(&self, operation: Operation) -> Outcome {
        let ended = |key: IdempotencyKey| {
            let of_authorisation = |operation: &Operation| {
                matches!(operation, Operation::Capture { authorisation, .. } | Operation::Void { authorisation }
                    if *authorisation == key)
            };
            self.approved().iter().any(of_authorisation)
        };
        let authorised = |key: IdempotencyKey| {
            matches!(
                self.0.decided.borrow().get(&key),
                Some((Some(Operation::Authorise { .. }), Some(Outcome::Approved)))
            ) && !ended(key)
        };
        match operation {
            Operation::Authorise { .. } if self.0.declines.get() => Outcome::Declined(Decline::Card),
            Operation::Authorise { .. } => Outcome::Approved,
            Operation::Capture { .. } if self.0.declines_captures.get() => Outcome::Declined(Decline::NoAuthorisation),
            Operation::Refund { authorisation, amount_minor } => {
                let left_minor: i64 = self
                    .approved()
                    .iter()
                    .map(|operation| match operation {
                        Operation::Capture { authorisation: of, amount_minor } if *of == authorisation => *amount_minor,
                        Operation::Refund { authorisation: of, amount_minor } if *of == authorisation => -amount_minor,
                        _ => 0,
                    })
                    .sum();
                if amount_minor <= left_minor { Outcome::Approved } else { Outcome::Declined(Decline::AmountTooLarge) }
            }
            Operation::PayOut { .. } => Outcome::Approved,
            Operation::Capture { authorisation, .. } | Operation::Void { authorisation } => {
                if authorised(authorisation) { Outcome::Approved } else { Outcome::Declined(Decline::NoAuthorisation) }
            }
        }
    }
}

impl Processor for Desk {
    async fn submit(
        &self,
        key: IdempotencyKey,
        operation: Operation,
        deadline: Time,
    ) -> Result<Outcome, ProcessorError> {
        runtime::sleep(Duration::from_millis(50)).await;
        let weather = self.0.weather.get();
        if weather == Weather::Unreachable {
            return Err(ProcessorError::Unreachable);
        }
        if weather == Weather::Lost {
            runtime::sleep_until(deadline).await;
            return Err(ProcessorError::TimedOut);
        }
        let known = self.0.decided.borrow().get(&key).copied();
        let outcome = match known {
            Some((Some(first), Some(outcome))) if first == operation => outcome,
            Some(_) => Outcome::Declined(Decline::KeyReused),
            None => {
                let outcome = self.decide(operation);
                self.0.decided.borrow_mut().insert(key, (Some(operation), Some(outcome)));
                outcome
            }
        };
        if weather == Weather::NoAnswers {
            runtime::sleep_until(deadline).await;
            return Err(ProcessorError::TimedOut);
        }
        runtime::sleep(Duration::from_millis(50)).await;
        Ok(outcome)
    }

    async fn query(&self, key: IdempotencyKey, deadline: Time) -> Result<Option<Outcome>, ProcessorError> {
        runtime::sleep(Duration::from_millis(100)).await;
        match self.0.weather.get() {
            Weather::Fair => Ok(self.0.decided.borrow_mut().entry(key).or_insert((None, None)).1),
            Weather::Unreachable => Err(ProcessorError::Unreachable),
            Weather::NoAnswers | Weather::Lost => {
                runtime::sleep_until(deadline).await;
                Err(ProcessorError::TimedOut)
            }
        }
    }
}
