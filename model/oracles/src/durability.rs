//! Invariants 30 and 31: what was acknowledged stays, and one node at a time accepts writes.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::observe::{Name, Observation};
use runtime::Time;

use crate::history::Acknowledged;
use crate::oracle::{Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(AcknowledgedWritesStay { declared: rules.declared_loss.clone() }),
        Box::new(OneWritableNode { reigns: BTreeMap::new() }),
    ]
}

/// Invariant 30.
struct AcknowledgedWritesStay {
    declared: BTreeMap<String, Duration>,
}

impl AcknowledgedWritesStay {
    fn declared(&self, store: &Name) -> Duration {
        self.declared.get(&**store).copied().unwrap_or(Duration::ZERO)
    }

    fn check_recovery(&self, store: &Name, at: Time, view: &View, tally: &mut Tally) {
        let Some(recovery) = view.history().recovery(store) else { return };
        tally.check(at, !recovery.beyond_memory, || {
            format!("{store} went back further than commits are remembered: not all losses can be named")
        });
        // Commits end where the disaster begins, so the last one tells how much time's worth is gone.
        let lost_for =
            recovery.oldest_acknowledged_at.map(|oldest| recovery.last_commit_at.unwrap_or(oldest).since(oldest));
        let declared = self.declared(store);
        let accepted = lost_for.is_none_or(|lost_for| declared > Duration::ZERO && lost_for <= declared);
        tally.check(at, accepted, || {
            let lost = recovery.acknowledged_lost;
            format!("{store} lost {lost} acknowledged commits over {lost_for:?}; its design accepts {declared:?}")
        });
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
            Observation::RecoveredTo { store, at, .. } => self.check_recovery(store, *at, view, tally),
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
struct Reign {
    node: Name,
    epoch: u64,
}

/// Invariant 31. A node that was cut off, or lost power, cannot say that its reign is over, and harms nobody while it serves nobody: it is
/// judged by what it commits and acknowledges after another's reign began.
struct OneWritableNode {
    reigns: BTreeMap<Name, Reign>,
}

impl Oracle for OneWritableNode {
    fn name(&self) -> &'static str {
        "one-writable-node"
    }

    fn statement(&self) -> &'static str {
        "at any time at most one node of a store accepts writes, and reigns follow each other by epoch"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let Transaction { store, node, epoch, lsn, .. } = transaction;
        let Some(reign) = self.reigns.get(store) else { return };
        // Commits of the epoch before are those that a recovery brought along.
        let by_another = *epoch == reign.epoch && *node != reign.node;
        tally.check(transaction.at, !by_another && *epoch <= reign.epoch, || {
            let Reign { node: reigning, epoch: since } = reign;
            format!("{node} committed {lsn} of {store} in epoch {epoch} while {reigning} reigned in {since}")
        });
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        match observation {
            Observation::WritableSince { store, node, epoch, at } => {
                let follows = self
                    .reigns
                    .get(store)
                    .is_none_or(|reign| *epoch > reign.epoch || (*epoch == reign.epoch && *node == reign.node));
                tally.check(*at, follows, || {
                    let reign = self.reigns.get(store).map(|reign| (&reign.node, reign.epoch));
                    format!("{node} accepts writes to {store} in epoch {epoch} under the reign of {reign:?}")
                });
                if follows {
                    self.reigns.insert(store.clone(), Reign { node: node.clone(), epoch: *epoch });
                }
            }
            // Only commits outside the shared history come this way.
            Observation::Committed(transaction) => {
                let store = &transaction.position.store;
                tally.check(transaction.position.at, false, || {
                    let reign = self.reigns.get(store).map(|reign| (&reign.node, reign.epoch));
                    format!("{} committed {:?} under the reign of {reign:?}", transaction.node, transaction.position)
                });
            }
            Observation::CommitAcknowledged(position) => {
                let Some(reign) = self.reigns.get(&position.store) else { return };
                let shared = || view.history().acknowledged(position) != Acknowledged::Abandoned;
                tally.check(position.at, position.epoch >= reign.epoch || shared(), || {
                    format!("{position:?} was acknowledged under the reign of {} in {}", reign.node, reign.epoch)
                });
            }
            _ => {}
        }
    }
}
