//! A follower's side of replication: one loop for each leader asks for everything behind the ends of the own logs.

use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::Partition;

use super::broker::Broker;
use super::cluster::BrokerId;
use super::protocol::{BrokerAnswer, BrokerRequest};

/// Follows one leader in whatever it leads, for ever.
pub(super) async fn follow(broker: &Rc<Broker>, leader: BrokerId) {
    let hold = broker.plan.operator.hold(broker.me);
    loop {
        let version = broker.cluster().version;
        let behind = broker.replicas.values().filter_map(|replica| replica.position_behind(leader));
        let positions: Vec<_> = behind.collect();
        if positions.is_empty() {
            broker.instructed_since(version).await;
            continue;
        }
        hold.ends().await;
        if broker.cluster().version != version {
            continue;
        }
        let epochs: BTreeMap<Partition, u64> =
            positions.iter().map(|position| (position.partition, position.epoch)).collect();
        let request = BrokerRequest::Fetch { broker: broker.me, positions };
        runtime::select! {
            answer = broker.ask(leader, request) => {
                if !take(broker, leader, &epochs, answer).await {
                    // It is silent, or it does not know yet that it leads.
                    runtime::select! {
                        () = broker.instructed_since(version) => {}
                        () = runtime::sleep(broker.plan.broker.fetch_backoff) => {}
                    }
                }
            }
            () = broker.instructed_since(version) => {}
            () = hold.begins() => {}
        }
    }
}

/// Takes over what the leader sent. Returns whether to go on at once.
async fn take(
    broker: &Rc<Broker>,
    leader: BrokerId,
    epochs: &BTreeMap<Partition, u64>,
    answer: Option<BrokerAnswer>,
) -> bool {
    let Some(BrokerAnswer::Fetched(fetched)) = answer else { return false };
    broker.writeback.room().await;
    let mut goes_on = true;
    for (partition, fetched) in fetched {
        goes_on &= broker.replicas[&partition].receive(leader, epochs[&partition], fetched);
    }
    goes_on
}
