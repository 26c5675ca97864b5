//! What the external payment processor approved, as itself told: the other side of our books.

use std::collections::{BTreeMap, VecDeque};

use ports::IdempotencyKey;
use ports::processor::{Operation, Outcome};

/// How many authorisations are remembered, the newest ones: a card's hold is captured or voided within the hour or two that so many
/// take at ten trips a second.
const AUTHORISATIONS_MAX: usize = 65_536;

/// One authorisation and what was approved on it.
#[derive(Debug)]
pub struct Authorisation {
    pub authorised_minor: i64,
    /// Each approved capture: its key and amount.
    pub captures: Vec<(IdempotencyKey, i64)>,
    /// Each approved refund: its key and amount.
    pub refunds: Vec<(IdempotencyKey, i64)>,
}

/// The authorisations by their keys.
#[derive(Debug, Default)]
pub struct ProcessorBook {
    authorisations: BTreeMap<IdempotencyKey, Authorisation>,
    oldest: VecDeque<IdempotencyKey>,
}

impl ProcessorBook {
    /// What was approved under this authorisation's key.
    pub fn authorisation(&self, key: IdempotencyKey) -> Option<&Authorisation> {
        self.authorisations.get(&key)
    }

    /// Notes a decision. The same operation decided twice under one key is one operation.
    pub(crate) fn note(&mut self, key: IdempotencyKey, operation: Operation, outcome: Outcome) {
        if outcome != Outcome::Approved {
            return;
        }
        match operation {
            Operation::Authorise { amount_minor, .. } => {
                if self.authorisations.contains_key(&key) {
                    return;
                }
                let authorisation =
                    Authorisation { authorised_minor: amount_minor, captures: Vec::new(), refunds: Vec::new() };
                self.authorisations.insert(key, authorisation);
                self.oldest.push_back(key);
                if self.oldest.len() > AUTHORISATIONS_MAX
                    && let Some(oldest) = self.oldest.pop_front()
                {
                    self.authorisations.remove(&oldest);
                }
            }
            Operation::Capture { authorisation, amount_minor } => {
                if let Some(authorisation) = self.authorisations.get_mut(&authorisation) {
                    add_once(&mut authorisation.captures, key, amount_minor);
                }
            }
            Operation::Refund { authorisation, amount_minor } => {
                if let Some(authorisation) = self.authorisations.get_mut(&authorisation) {
                    add_once(&mut authorisation.refunds, key, amount_minor);
                }
            }
            Operation::Void { .. } | Operation::PayOut { .. } => {}
        }
    }
}

fn add_once(operations: &mut Vec<(IdempotencyKey, i64)>, key: IdempotencyKey, amount_minor: i64) {
    if operations.iter().all(|(seen, _)| *seen != key) {
        operations.push((key, amount_minor));
    }
}

impl Authorisation {
    /// What was taken, and what of it was given back.
    pub fn taken_and_returned_minor(&self) -> (i64, i64) {
        let sum = |operations: &[(IdempotencyKey, i64)]| operations.iter().map(|(_, amount_minor)| amount_minor).sum();
        (sum(&self.captures), sum(&self.refunds))
    }
}
