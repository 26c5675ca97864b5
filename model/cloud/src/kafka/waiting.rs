//! Followers that wait at a broker for something new in the partitions that it leads.

use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::Partition;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::cluster::BrokerId;
use super::plan::Plan;

/// Whom to wake at one broker.
pub(super) struct WaitingFollowers {
    me: BrokerId,
    plan: Rc<Plan>,
    /// By follower: there may be something for it.
    news: BTreeMap<BrokerId, Notify>,
}

impl WaitingFollowers {
    pub fn new(plan: Rc<Plan>, me: BrokerId) -> Self {
        let news = plan.brokers().map(|broker| (broker, Notify::new())).collect();
        WaitingFollowers { me, plan, news }
    }

    /// Some partition that this broker leads has something new for its followers.
    pub fn wake(&self, partition: Partition) {
        for replica in self.plan.replicas(partition) {
            if *replica != self.me {
                self.news[replica].notify_waiters();
            }
        }
    }

    /// Who leads what has changed: whoever waits is to look again.
    pub fn wake_all(&self) {
        for news in self.news.values() {
            news.notify_waiters();
        }
    }

    /// Waits for what is new from now on.
    pub fn woken(&self, follower: BrokerId) -> Notified<'_> {
        self.news[&follower].notified()
    }
}
