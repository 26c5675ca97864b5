//! Everybody who watches, behind one observer.

use std::cell::RefCell;

use ports::observe::{CommittedTransaction, Name, Observation, Observer};
use runtime::Time;

use crate::cached_profile::CachedProfile;
use crate::history::{Admission, LostWrite, Undone};
use crate::oracle::{End, Oracle, Report, Tally};
use crate::rules::Rules;
use crate::texts::Texts;
use crate::transaction::{RowChange, Transaction, decode_all};
use crate::view::View;
use crate::{
    city, durability, idempotency, ledger, liveness, matching, notification, offer, organisation, outbox, payment,
    pricing, privacy, profile, reading, reconciliation, retention, trip,
};

/// All oracles over one run.
///
/// It must hear of every commit, in the order of each store's log. Commits that a recovery brings along and that nobody saw before it must
/// be observed before the epoch's first own commit; those that were seen may be told of again.
pub struct Watch {
    inner: RefCell<Inner>,
}

struct Inner {
    rules: Rules,
    view: View,
    oracles: Vec<(Box<dyn Oracle>, Tally)>,
}

impl Watch {
    /// Every oracle, under these rules, over a platform of which nothing is known yet.
    pub fn new(rules: Rules) -> Self {
        let families = [
            trip::oracles(),
            offer::oracles(),
            matching::oracles(),
            organisation::oracles(),
            ledger::oracles(),
            payment::oracles(&rules),
            reconciliation::oracles(),
            pricing::oracles(&rules),
            idempotency::oracles(),
            outbox::oracles(),
            notification::oracles(),
            reading::oracles(),
            retention::oracles(&rules),
            privacy::oracles(&rules),
            profile::oracles(),
            durability::oracles(&rules),
            city::oracles(&rules),
            liveness::oracles(&rules),
        ];
        let oracles = families.into_iter().flatten().map(|oracle| (oracle, Tally::default())).collect();
        Self { inner: RefCell::new(Inner { rules, view: View::default(), oracles }) }
    }

    /// Ends the run: what can only be judged then is judged.
    pub fn finish(&self, end: End) {
        let Inner { view, oracles, .. } = &mut *self.inner.borrow_mut();
        for (oracle, tally) in oracles {
            oracle.finish(end, view, tally);
        }
    }

    /// What each oracle has found so far, always in the same order.
    pub fn reports(&self) -> Vec<Report> {
        self.inner.borrow().oracles.iter().map(|(oracle, tally)| Report::of(&**oracle, tally)).collect()
    }

    /// How many rows are remembered: bounded by how much is going on, and not by for how long.
    pub fn rows_remembered(&self) -> usize {
        self.inner.borrow().view.rows_remembered()
    }

    /// See [`History::lost_writes`](crate::History::lost_writes).
    pub fn lost_writes(&self, onset: Option<Time>) -> Vec<LostWrite> {
        self.inner.borrow().view.history().lost_writes(onset)
    }
}

impl Observer for Watch {
    fn observe(&self, observation: &Observation) {
        let inner = &mut *self.inner.borrow_mut();
        match observation {
            // The most frequent ones, and no invariant is about them.
            Observation::JourneyEnded(_) | Observation::AttemptFailed(_) => return,
            // Oracles hear of those that are gone.
            Observation::CacheWriteAcknowledged(write) => {
                if let Some(cached) = CachedProfile::of(write) {
                    for (oracle, tally) in &mut inner.oracles {
                        oracle.profile_cached(&cached, &inner.view, tally);
                    }
                }
                if inner.view.history_mut().cache_acknowledged(write) {
                    return;
                }
            }
            Observation::EventAcknowledged(event) => {
                if inner.view.history_mut().event_acknowledged(event) {
                    return;
                }
            }
            Observation::CacheRecoveredTo { store, epoch, base, at, .. } => {
                inner.view.history_mut().cache_recovered(store, *epoch, *base, *at);
            }
            Observation::PartitionLed(led) => inner.view.history_mut().partition_led(led),
            Observation::Committed(transaction) => {
                match inner.view.history_mut().commit(transaction, inner.rules.commits_remembered) {
                    Admission::New => return inner.committed(transaction),
                    Admission::Repeated => return,
                    Admission::Abandoned => {}
                }
            }
            Observation::CommitAcknowledged(position) => inner.view.history_mut().acknowledge(position),
            Observation::RecoveredTo { store, node, epoch, lsn, .. } => inner.recovered(store, node, *epoch, *lsn),
            Observation::ProcessorOperation { key, operation, outcome, .. } => {
                inner.view.processor_mut().note(*key, *operation, *outcome);
            }
            Observation::ComponentState(_)
            | Observation::WritableSince { .. }
            | Observation::WritableEnded { .. }
            | Observation::Position(_)
            | Observation::ReceiptRead(_)
            | Observation::EventsTruncated { .. } => {}
        }
        for (oracle, tally) in &mut inner.oracles {
            oracle.observed(observation, &inner.view, tally);
        }
    }
}

impl Inner {
    fn committed(&mut self, committed: &CommittedTransaction) {
        let (rows, mut broken) = decode_all(&committed.changes);
        broken.extend(rows.iter().filter_map(|row| self.view.apply(row, committed.position.at).err()));
        let position = &committed.position;
        let transaction = Transaction {
            store: position.store.clone(),
            node: committed.node.clone(),
            epoch: position.epoch,
            lsn: position.lsn,
            at: position.at,
            rows,
            broken,
            texts: Texts::read(&committed.changes),
        };
        for (oracle, tally) in &mut self.oracles {
            oracle.committed(&transaction, &self.view, tally);
        }
        let trips = transaction.rows.iter().filter_map(RowChange::trip);
        self.view.commit_ended(trips, self.rules.commits_remembered);
    }

    fn recovered(&mut self, store: &Name, node: &Name, epoch: u64, lsn: u64) {
        for undone in self.view.history_mut().recover(store, epoch, lsn) {
            let Undone { epoch, lsn, at, acknowledged, changes } = undone;
            let (rows, broken) = decode_all(&changes);
            for row in &rows {
                // What was broken when it was committed was reported then.
                let _ = self.view.apply(row, at);
            }
            if acknowledged {
                // What was to go and is still there will go again: nobody misses its absence.
                let lost = rows.iter().filter(|row| !row.is_insertion());
                lost.for_each(|row| self.view.mark_lost(row.trip()));
            }
            let (store, node, texts) = (store.clone(), node.clone(), Texts::default());
            let transaction = Transaction { store, node, epoch, lsn, at, rows, broken, texts };
            for (oracle, _) in &mut self.oracles {
                oracle.undone(&transaction, &self.view);
            }
        }
    }
}
