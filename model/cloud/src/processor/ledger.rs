//! What the processor decided: every key's decision, and the authorisations that are open.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ports::IdempotencyKey;
use ports::processor::{Decline, Operation, Outcome};
use runtime::Time;
use serde::{Deserialize, Serialize};

/// An entry of the ledger, as it is kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: IdempotencyKey,
    pub(super) at: Time,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum What {
    Decided {
        operation: Operation,
        outcome: Outcome,
    },
    /// Somebody was told that there is no such operation, and there never will be.
    Burnt,
}

/// What the ledger has to say about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// What is to be posted; none if it was decided before or its key forbids it.
    pub(super) entry: Option<Entry>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    idempotent: bool,
    key_lifetime: Duration,
    authorisation_lifetime: Duration,
    keys: BTreeMap<IdempotencyKey, Entry>,
    /// What was authorised, not yet captured or voided, and since when.
    open: BTreeMap<IdempotencyKey, (i64, Time)>,
    /// What is left to give back of what was captured from each authorisation, and since when.
    refundable: BTreeMap<IdempotencyKey, (i64, Time)>,
    /// Keys in the order of their entries, to forget the oldest first.
    remembered: VecDeque<(Time, IdempotencyKey)>,
    /// Authorisations in the order they were given.
    authorised: VecDeque<(Time, IdempotencyKey)>,
    /// Captured authorisations in the order of their captures.
    captured: VecDeque<(Time, IdempotencyKey)>,
}

impl Ledger {
    /// An empty ledger. Without `idempotent` it never looks a key's decision up before it decides.
    pub(super) fn new(idempotent: bool, key_lifetime: Duration, authorisation_lifetime: Duration) -> Self {
        Ledger {
            idempotent,
            key_lifetime,
            authorisation_lifetime,
            keys: BTreeMap::new(),
            open: BTreeMap::new(),
            refundable: BTreeMap::new(),
            remembered: VecDeque::new(),
            authorised: VecDeque::new(),
            captured: VecDeque::new(),
        }
    }

    /// Decides an operation, or finds that it is decided. `bank_declines` is what the card's bank says if it is asked.
    pub(super) fn decide(&self, key: IdempotencyKey, operation: Operation, bank_declines: bool, at: Time) -> Verdict {
        if self.idempotent
            && let Some(entry) = self.keys.get(&key)
        {
            let outcome = match entry.what {
                What::Decided { operation: before, outcome } if before == operation => outcome,
                _ => Outcome::Declined(Decline::KeyReused),
            };
            return Verdict { outcome, entry: None };
        }
        let outcome = self.judge(operation, bank_declines);
        Verdict { outcome, entry: Some(Entry { key, at, what: What::Decided { operation, outcome } }) }
    }

    fn judge(&self, operation: Operation, bank_declines: bool) -> Outcome {
        match operation {
            Operation::Authorise { .. } if bank_declines => Outcome::Declined(Decline::Card),
            Operation::Authorise { .. } => Outcome::Approved,
            Operation::Capture { authorisation, amount_minor } => match self.open.get(&authorisation) {
                None => Outcome::Declined(Decline::NoAuthorisation),
                Some((authorised_minor, _)) if amount_minor > *authorised_minor => {
                    Outcome::Declined(Decline::AmountTooLarge)
                }
                Some(_) => Outcome::Approved,
            },
            Operation::Void { authorisation } => match self.open.get(&authorisation) {
                None => Outcome::Declined(Decline::NoAuthorisation),
                Some(_) => Outcome::Approved,
            },
            Operation::Refund { authorisation, amount_minor } => match self.refundable.get(&authorisation) {
                None => Outcome::Declined(Decline::NoAuthorisation),
                Some((left_minor, _)) if amount_minor > *left_minor => Outcome::Declined(Decline::AmountTooLarge),
                Some(_) => Outcome::Approved,
            },
            // Bank accounts are checked when they are registered.
            Operation::PayOut { .. } => Outcome::Approved,
        }
    }

    /// What became of a key's operation; none if it was never decided.
    pub(super) fn find(&self, key: IdempotencyKey) -> Option<Outcome> {
        match self.keys.get(&key)?.what {
            What::Decided { outcome, .. } => Some(outcome),
            What::Burnt => None,
        }
    }

    /// The entry that burns a key, if it was never seen.
    pub(super) fn burn(&self, key: IdempotencyKey, at: Time) -> Option<Entry> {
        (!self.keys.contains_key(&key)).then_some(Entry { key, at, what: What::Burnt })
    }

    /// Takes an entry in: one just decided, or one read back from disk.
    pub(super) fn post(&mut self, entry: Entry) {
        self.forget(entry.at);
        self.keys.insert(entry.key, entry);
        self.remembered.push_back((entry.at, entry.key));
        let What::Decided { operation, outcome: Outcome::Approved } = entry.what else { return };
        match operation {
            Operation::Authorise { amount_minor, .. } => {
                self.open.insert(entry.key, (amount_minor, entry.at));
                self.authorised.push_back((entry.at, entry.key));
            }
            Operation::Capture { authorisation, amount_minor } => {
                self.open.remove(&authorisation);
                self.refundable.insert(authorisation, (amount_minor, entry.at));
                self.captured.push_back((entry.at, authorisation));
            }
            Operation::Void { authorisation } => {
                self.open.remove(&authorisation);
            }
            Operation::Refund { authorisation, amount_minor } => {
                if let Some((left_minor, _)) = self.refundable.get_mut(&authorisation) {
                    *left_minor -= amount_minor;
                }
            }
            Operation::PayOut { .. } => {}
        }
    }

    /// Forgets keys and authorisations whose time is over.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(&(at, key)) = self.remembered.front()
            && now.since(at) >= self.key_lifetime
        {
            self.remembered.pop_front();
            // A key that was used again is remembered from then on.
            if self.keys.get(&key).is_some_and(|entry| entry.at == at) {
                self.keys.remove(&key);
            }
        }
        while let Some(&(at, key)) = self.authorised.front()
            && now.since(at) >= self.authorisation_lifetime
        {
            self.authorised.pop_front();
            if self.open.get(&key).is_some_and(|(_, since)| *since == at) {
                self.open.remove(&key);
            }
        }
        while let Some(&(at, key)) = self.captured.front()
            && now.since(at) >= self.authorisation_lifetime
        {
            self.captured.pop_front();
            self.refundable.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
