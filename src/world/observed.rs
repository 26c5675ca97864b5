//! What the oracles are told about a run, and what they tell its records.

use std::collections::BTreeMap;
use std::time::Duration;

use oracles::{Fate, Rules, Watch};
use reports::records::{self, Record, WriteRecord};
use runtime::Time;
use scenarios::FaultKind;
use scenarios::blueprint::{self, Blueprint};

use super::parameters::platform_config;
use crate::prepare::Prepared;
use crate::recorder::Recorder;

/// What the invariants need to know of this run.
#[must_use]
pub fn rules(prepared: &Prepared) -> Rules {
    let declared_loss = BTreeMap::from([(blueprint::DATABASE.to_owned(), declared_loss(prepared))]);
    Rules {
        settings: platform_config(prepared),
        speed_max_m_per_s: Rules::SPEED_MAX_M_PER_S,
        declared_loss,
        commits_remembered: Rules::COMMITS_REMEMBERED,
    }
}

/// How much time's worth of acknowledged writes the design accepts to lose: none, or whatever it comes to.
#[must_use]
pub fn declared_loss(prepared: &Prepared) -> Duration {
    if accepts_loss(prepared) { prepared.loaded.scenario.duration } else { Duration::ZERO }
}

/// Whether somebody chose to lose writes: by settings that acknowledge before they are durable, or by promoting a copy
/// that may lag. Then a loss is counted and named, and is no bug.
fn accepts_loss(prepared: &Prepared) -> bool {
    let Blueprint { rds, .. } = &prepared.loaded.blueprint;
    let promotes = |kind: &FaultKind| matches!(kind, FaultKind::PromoteReplica(_));
    !rds.fsync || !rds.synchronous_commit || prepared.loaded.scenario.faults.iter().any(|fault| promotes(&fault.kind))
}

/// Adds the writes that were acknowledged and did not survive to the records.
pub fn record_losses(oracles: &Watch, onset: Option<Time>, recorder: &Recorder) {
    for lost in oracles.lost_writes(onset) {
        recorder.add(&Record::Write(WriteRecord {
            store: &lost.store,
            object: &lost.object,
            position: lost.lsn,
            acknowledged_at_ns: recorder.moment(lost.acknowledged_at),
            fate: match lost.fate {
                Fate::Lost => records::Fate::Lost,
                Fate::Superseded => records::Fate::Superseded,
                Fate::Divergent => records::Fate::Divergent,
            },
            epoch: lost.epoch,
        }));
    }
}
