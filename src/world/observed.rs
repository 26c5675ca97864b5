//! What the oracles are told about a run, and what they tell its records.

use std::collections::BTreeMap;
use std::time::Duration;

use oracles::{Fate, Rules, Watch};
use platform::services::relay::TRIP_EVENTS;
use ports::event_log::Topic;
use reports::records::{self, Record, Tier, WriteRecord};
use reports::run::Store;
use runtime::Time;
use scenarios::FaultKind;
use scenarios::blueprint::{self, Blueprint, Kafka, Redis};

use super::parameters::{event_log, platform_config};
use crate::prepare::Prepared;
use crate::recorder::Recorder;

/// What the invariants need to know of this run.
#[must_use]
pub fn rules(prepared: &Prepared) -> Rules {
    // A loss of any age is no bug where nobody declared how old it may be.
    let declared = |(store, loss): (&str, Option<Duration>)| (store.to_owned(), loss.unwrap_or(Duration::MAX));
    Rules {
        settings: platform_config(prepared),
        speed_max_m_per_s: Rules::SPEED_MAX_M_PER_S,
        database: blueprint::DATABASE.to_owned(),
        declared_loss: accepted_losses(prepared).into_iter().map(declared).collect(),
        commits_remembered: Rules::COMMITS_REMEMBERED,
    }
}

/// Every store, with the tiers that its losses count in and the loss that its design accepts.
#[must_use]
pub fn stores(prepared: &Prepared) -> Vec<Store> {
    let cache_has_objective = prepared.loaded.blueprint.redis.as_ref().is_some_and(|redis| redis.rpo.is_some());
    let of = |(name, accepted): (&str, Option<Duration>)| {
        let (tiers, holds) = match name {
            blueprint::DATABASE => {
                (vec![Tier::Critical, Tier::Important], "trips, payments and the ledger, and it alone has them")
            }
            // The outbox lets go of an event once it is published, and notifications are all that reads them.
            blueprint::EVENT_LOG => (
                vec![Tier::Standard],
                "events on their way to notifications; of what they tell, the database has the original",
            ),
            _ if cache_has_objective => (
                vec![Tier::Critical],
                "where drivers wait, surge, how riders pay; phones and the database tell it anew, and yet the blueprint declares an objective",
            ),
            _ => (
                Vec::new(),
                "where drivers wait, surge, how riders pay: phones and the database tell it anew, so nothing durable is lost with it, and the \
                 blueprint declares no objective",
            ),
        };
        let declared_rpo_s = accepted.map(|accepted| accepted.as_secs_f64());
        Store { name: name.to_owned(), tiers, holds: holds.to_owned(), declared_rpo_s }
    };
    accepted_losses(prepared).into_iter().map(of).collect()
}

/// Every store with how much time's worth of acknowledged writes its design accepts to lose: what the blueprint declares or, where it declares
/// nothing, none if the store cannot lose any by design, and `None`, which is any, if it can.
fn accepted_losses(prepared: &Prepared) -> BTreeMap<&'static str, Option<Duration>> {
    let Blueprint { redis, kafka, .. } = &prepared.loaded.blueprint;
    let none_unless = |may_lose: bool| (!may_lose).then_some(Duration::ZERO);
    // A cache answers before its replica has heard of the write.
    let of_cache = |redis: &Redis| redis.rpo;
    // A leader that was in step has everything that was acknowledged.
    let of_log = |kafka: &Kafka| kafka.rpo.or(none_unless(kafka.unclean_election));
    let database = (blueprint::DATABASE, none_unless(database_may_lose(prepared)));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::prepare::prepare;

    /// What a store of the main drill is, with the blueprint changed.
    fn store(name: &str, change: impl Fn(&mut Blueprint)) -> Store {
        let mut prepared = prepare("scenarios/drills/zone-power-loss.toml".as_ref(), None).expect("a scenario");
        change(&mut Arc::make_mut(&mut prepared.loaded).blueprint);
        stores(&prepared).into_iter().find(|store| store.name == name).expect("the blueprint has it")
    }

    #[test]
    fn a_cache_counts_in_a_tier_if_somebody_declares_how_much_it_may_lose() {
        let rebuilt = store(blueprint::CACHE, |_| {});
        assert_eq!((rebuilt.tiers, rebuilt.declared_rpo_s), (Vec::new(), None));
        assert!(rebuilt.holds.contains("nothing durable"), "{}", rebuilt.holds);
        let minute = Some(Duration::from_secs(60));
        let declared = store(blueprint::CACHE, |blueprint| blueprint.redis.as_mut().expect("it has one").rpo = minute);
        assert_eq!((declared.tiers, declared.declared_rpo_s), (vec![Tier::Critical], Some(60.0)));
    }

    #[test]
    fn the_event_log_counts_in_the_tier_of_notifications_and_may_lose_by_an_unclean_election_alone() {
        let unclean = store(blueprint::EVENT_LOG, |blueprint| {
            blueprint.kafka.as_mut().expect("it has one").unclean_election = true;
        });
        assert_eq!((unclean.tiers, unclean.declared_rpo_s), (vec![Tier::Standard], None));
        let clean = store(blueprint::EVENT_LOG, |blueprint| {
            blueprint.kafka.as_mut().expect("it has one").unclean_election = false;
        });
        assert_eq!(clean.declared_rpo_s, Some(0.0));
    }

    #[test]
    fn a_database_that_syncs_may_lose_nothing() {
        let synced = store(blueprint::DATABASE, |_| {});
        assert_eq!((synced.tiers, synced.declared_rpo_s), (vec![Tier::Critical, Tier::Important], Some(0.0)));
        assert_eq!(store(blueprint::DATABASE, |blueprint| blueprint.rds.fsync = false).declared_rpo_s, None);
    }
}
