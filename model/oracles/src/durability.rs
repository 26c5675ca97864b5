//! Invariants 30 and 31: what was acknowledged stays, and one node at a time accepts writes.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::observe::{CommittedTransaction, Name, Observation, history_of};
use runtime::Time;

use crate::history::{Acknowledged, Recovery};
use crate::oracle::{Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(AcknowledgedWritesStay { declared: rules.declared_loss.clone() }),
        Box::new(OneWritableNode { database: rules.database.clone(), reign: None }),
    ]
}

/// Invariant 30.
struct AcknowledgedWritesStay {
    declared: BTreeMap<String, Duration>,
}

impl AcknowledgedWritesStay {
    fn declared(&self, store: &str) -> Duration {
        self.declared.get(store).copied().unwrap_or(Duration::ZERO)
    }

    fn check_recovery(&self, store: &str, at: Time, recovery: Option<&Recovery>, tally: &mut Tally) {
        let Some(recovery) = recovery else { return };
        tally.check(at, !recovery.beyond_memory, || {
            format!("{store} went back further than writes are remembered: not all losses can be named")
        });
        // Writes end where the disaster begins, so the last one tells how much time's worth is gone.
        let lost_for =
            recovery.oldest_acknowledged_at.map(|oldest| recovery.last_commit_at.unwrap_or(oldest).since(oldest));
        let declared = self.declared(store);
        let accepted = lost_for.is_none_or(|lost_for| declared > Duration::ZERO && lost_for <= declared);
        tally.check(at, accepted, || {
            let lost = recovery.acknowledged_lost;
            format!("{store} lost {lost} acknowledged writes over {lost_for:?}; its design accepts {declared:?}")
        });
    }

    /// What was acknowledged is gone already.
    fn check_gone(&self, store: &str, at: Time, what: &dyn std::fmt::Debug, tally: &mut Tally) {
        let accepted = self.declared(store) > Duration::ZERO;
        tally.check(at, accepted, || format!("{what:?} was acknowledged by a side that had lost"));
    }
}

impl Oracle for AcknowledgedWritesStay {
    fn name(&self) -> &'static str {
        "acknowledged-writes-stay"
    }

    fn statement(&self) -> &'static str {
        "no acknowledged write is lost, or the loss is within what the design declares and each write of it is named"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let Transaction { store, lsn, broken, .. } = transaction;
        tally.check(transaction.at, broken.is_empty(), || {
            format!("the commit at {lsn} of {store} does not continue what was committed: {}", broken.join("; "))
        });
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        match observation {
            Observation::RecoveredTo { store, at, .. } => {
                self.check_recovery(store, *at, view.history().recovery(store), tally);
            }
            Observation::CacheRecoveredTo { store, at, .. } => {
                self.check_recovery(history_of(store).0, *at, view.history().cache_recovery(store), tally);
            }
            Observation::PartitionLed(led) => {
                self.check_recovery(&led.store, led.at, view.history().partition_recovery(led.partition), tally);
            }
            Observation::CacheWriteAcknowledged(write) => {
                self.check_gone(history_of(&write.position.store).0, write.position.at, write, tally);
            }
            Observation::EventAcknowledged(event) => self.check_gone(&event.store, event.at, event, tally),
            Observation::CommitAcknowledged(position) => {
                let about = view.history().acknowledged(position);
                let accepted = match about {
                    Acknowledged::Kept => true,
                    Acknowledged::Abandoned => self.declared(&position.store) > Duration::ZERO,
                    Acknowledged::NeverCommitted => false,
                };
                tally.check(position.at, accepted, || format!("{position:?} was acknowledged and is {about:?}"));
            }
            _ => {}
        }
    }
}

/// The newest node that said that it accepts writes.
#[derive(Debug)]
struct Reign {
    node: Name,
    epoch: u64,
}

/// Invariant 31. A node that was cut off, or lost power, cannot say that its reign is over, and harms nobody while it serves nobody: it is
/// judged by what it commits and acknowledges after another's reign began.
struct OneWritableNode {
    database: String,
    reign: Option<Reign>,
}

impl Oracle for OneWritableNode {
    fn name(&self) -> &'static str {
        "one-writable-node"
    }

    fn statement(&self) -> &'static str {
        "at any time at most one node of the database accepts writes, and reigns follow each other by epoch"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let Transaction { store, node, epoch, lsn, .. } = transaction;
        let Some(reign) = self.reign.as_ref().filter(|_| **store == *self.database) else { return };
        // Commits of the epoch before are those that a recovery brought along.
        let by_another = *epoch == reign.epoch && *node != reign.node;
        tally.check(transaction.at, !by_another && *epoch <= reign.epoch, || {
            let Reign { node: reigning, epoch: since } = reign;
            format!("{node} committed {lsn} of {store} in epoch {epoch} while {reigning} reigned in {since}")
        });
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        match observation {
            Observation::WritableSince { store, node, epoch, at } if **store == *self.database => {
                let follows = self
                    .reign
                    .as_ref()
                    .is_none_or(|reign| *epoch > reign.epoch || (*epoch == reign.epoch && *node == reign.node));
                tally.check(*at, follows, || {
                    format!("{node} accepts writes to {store} in epoch {epoch} under the reign of {:?}", self.reign)
                });
                if follows {
                    self.reign = Some(Reign { node: node.clone(), epoch: *epoch });
                }
            }
            // Only commits outside the shared history come this way.
            Observation::Committed(transaction) if *transaction.position.store == *self.database => {
                tally.check(transaction.position.at, false, || {
                    let CommittedTransaction { node, position, .. } = transaction;
                    format!("{node} committed {position:?} under the reign of {:?}", self.reign)
                });
            }
            Observation::CommitAcknowledged(position) if *position.store == *self.database => {
                let Some(reign) = &self.reign else { return };
                let shared = || view.history().acknowledged(position) != Acknowledged::Abandoned;
                tally.check(position.at, position.epoch >= reign.epoch || shared(), || {
                    format!("{position:?} was acknowledged under the reign of {} in {}", reign.node, reign.epoch)
                });
            }
            _ => {}
        }
    }
}
