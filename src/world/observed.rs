//! What the oracles are told about a run, and what they tell its records.

use std::collections::BTreeMap;
use std::time::Duration;

use oracles::{Fate, Rules, Watch};
use platform::services::relay::TRIP_EVENTS;
use ports::event_log::Topic;
use reports::records::{self, Record, WriteRecord};
use runtime::Time;
use scenarios::FaultKind;
use scenarios::blueprint::{self, Blueprint, Kafka, Redis};

use super::parameters::{event_log, platform_config};
use crate::prepare::Prepared;
use crate::recorder::Recorder;

/// What the invariants need to know of this run.
#[must_use]
pub fn rules(prepared: &Prepared) -> Rules {
    let declared = declared_losses(prepared).into_iter().map(|(store, loss)| (store.to_owned(), loss));
    Rules {
        settings: platform_config(prepared),
        speed_max_m_per_s: Rules::SPEED_MAX_M_PER_S,
        database: blueprint::DATABASE.to_owned(),
        declared_loss: declared.collect(),
        commits_remembered: Rules::COMMITS_REMEMBERED,
    }
}

/// Every store with how much time's worth of acknowledged writes its design accepts to lose: what the blueprint says, or else none or
/// whatever it comes to.
#[must_use]
pub fn declared_losses(prepared: &Prepared) -> BTreeMap<&'static str, Duration> {
    let Blueprint { redis, kafka, .. } = &prepared.loaded.blueprint;
    let if_accepted = |accepts| if accepts { prepared.loaded.scenario.duration } else { Duration::ZERO };
    // A cache answers before its replica has heard of the write.
    let of_cache = |redis: &Redis| redis.rpo.unwrap_or_else(|| if_accepted(true));
    // A leader that was in step has everything that was acknowledged.
    let of_log = |kafka: &Kafka| kafka.rpo.unwrap_or_else(|| if_accepted(kafka.unclean_election));
    let database = (blueprint::DATABASE, if_accepted(database_may_lose(prepared)));
    let cache = redis.as_ref().map(|redis| (blueprint::CACHE, of_cache(redis)));
    let event_log = kafka.as_ref().map(|kafka| (blueprint::EVENT_LOG, of_log(kafka)));
    std::iter::once(database).chain(cache).chain(event_log).collect()
}

/// Whether somebody chose to lose rows: by settings that acknowledge before they are durable, or by promoting a copy
/// that may lag. Then a loss is counted and named, and is no bug.
fn database_may_lose(prepared: &Prepared) -> bool {
    let Blueprint { rds, .. } = &prepared.loaded.blueprint;
    let promotes = |kind: &FaultKind| matches!(kind, FaultKind::PromoteReplica(_));
    !rds.fsync || !rds.synchronous_commit || prepared.loaded.scenario.faults.iter().any(|fault| promotes(&fault.kind))
}

/// What each broker of the event log is to lead, in words, such as `leads trip-events 0, 3`: the topic of trips' events, since the others
/// carry little.
#[must_use]
pub fn first_leaders(prepared: &Prepared) -> BTreeMap<String, String> {
    let blueprint = &prepared.loaded.blueprint;
    let Some(kafka) = &blueprint.kafka else { return BTreeMap::new() };
    let spec = event_log(blueprint, kafka, &blueprint.regions[0].name);
    let told = |(broker, led): (&str, Vec<(Topic, u16)>)| {
        let numbers: Vec<String> =
            led.into_iter().filter(|(topic, _)| *topic == TRIP_EVENTS).map(|(_, number)| number.to_string()).collect();
        (broker.to_owned(), format!("leads {} {}", TRIP_EVENTS.name, numbers.join(", ")))
    };
    spec.first_leaders().into_iter().map(told).collect()
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
