//! The controller: one broker that finds leaders for partitions, decides with the ensemble who is in step, and tells every broker.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;

use super::broker::Broker;
use super::cluster::{BrokerId, Change, Cluster, Transition};
use super::protocol::{BrokerRequest, EnsembleAnswer};

/// Pause before the ensemble is asked again that did not answer. Assumption.
const PAUSE: Duration = Duration::from_secs(1);

/// A broker's part as controller, if it has it.
pub(super) struct Controller {
    broker: Rc<Broker>,
    /// The epoch in which this broker is the controller.
    epoch: Cell<Option<u64>>,
    /// Changes are asked for one after another.
    changing: tokio::sync::Mutex<()>,
}

impl Controller {
    pub fn new(broker: Rc<Broker>) -> Self {
        Controller { broker, epoch: Cell::new(None), changing: tokio::sync::Mutex::default() }
    }

    /// Is the controller whenever nobody else is, for ever.
    pub async fn run(&self) {
        let broker = &self.broker;
        let registration = &broker.registration;
        loop {
            let mine = |cluster: &Cluster| cluster.controller.is_none() || cluster.controller == Some(broker.me);
            registration.until(|cluster| registration.is_in(cluster) && mine(cluster)).await;
            let cluster = registration.seen();
            if cluster.controller == Some(broker.me) {
                self.reign(cluster.controller_epoch).await;
                continue;
            }
            match registration.propose(Change::TakeControl(broker.me)).await {
                Some(EnsembleAnswer::Changed(cluster)) if cluster.controller_epoch > 1 => {
                    let (name, zone) = broker.plan.named(broker.me);
                    let detail = format!("{name} is the controller in epoch {}", cluster.controller_epoch);
                    broker.plan.report(&zone, "controller elected", detail, None);
                }
                Some(_) => {}
                None => runtime::sleep(PAUSE).await,
            }
        }
    }

    /// Is the controller until the ensemble knows another, or none.
    async fn reign(&self, epoch: u64) {
        let broker = &self.broker;
        self.epoch.set(Some(epoch));
        let instructing: Vec<_> = broker
            .plan
            .brokers()
            .map(|to| {
                let broker = broker.clone();
                runtime::spawn(async move { instruct(&broker, to).await })
            })
            .collect();
        let over = |cluster: &Cluster| {
            cluster.controller_epoch != epoch || cluster.controller.is_none() || !broker.registration.is_in(cluster)
        };
        runtime::select! {
            () = broker.registration.until(over) => {}
            () = self.elect(epoch) => {}
            () = self.move_back(epoch) => {}
        }
        for task in instructing {
            task.abort();
        }
        self.epoch.set(None);
    }

    /// Finds leaders for partitions without one, for ever.
    async fn elect(&self, epoch: u64) {
        let broker = &self.broker;
        let patient_until = runtime::now() + broker.plan.broker.session_timeout;
        loop {
            let cluster = broker.registration.seen();
            let replicas = |partition| broker.plan.replicas(partition);
            let overdue = runtime::now() >= patient_until;
            let transitions = cluster.elections(replicas, broker.plan.broker.unclean_election, overdue);
            if !transitions.is_empty() && self.change(epoch, transitions).await.is_none() {
                runtime::sleep(PAUSE).await;
                continue;
            }
            let version = cluster.version;
            runtime::select! {
                () = broker.registration.until(|cluster| cluster.version > version) => {}
                () = runtime::sleep_until(if overdue { Time::MAX } else { patient_until }) => {}
            }
        }
    }

    /// Moves leaders back to where they belong, for ever.
    async fn move_back(&self, epoch: u64) {
        let broker = &self.broker;
        loop {
            runtime::select! {
                () = broker.plan.operator.election_asked() => {}
                () = runtime::sleep(broker.plan.broker.rebalance_leaders_every) => {}
            }
            let moves = broker.registration.seen().preferred_elections(|partition| broker.plan.replicas(partition));
            if !moves.is_empty() {
                let (name, zone) = broker.plan.named(broker.me);
                let detail = format!("{name} has {} partitions led by their first replicas again", moves.len());
                broker.plan.report(&zone, "preferred leaders", detail, None);
                self.change(epoch, moves).await;
            }
        }
    }

    /// A leader wants others to be in step. The latest state afterwards; none if this broker is not the controller, or the ensemble
    /// did not answer.
    pub async fn alter(&self, transitions: Vec<Transition>) -> Option<Cluster> {
        let epoch = self.epoch.get()?;
        self.change(epoch, transitions).await
    }

    async fn change(&self, epoch: u64, transitions: Vec<Transition>) -> Option<Cluster> {
        let _changing = self.changing.lock().await;
        let change = Change::Update { controller_epoch: epoch, transitions };
        match self.broker.registration.propose(change).await? {
            EnsembleAnswer::Changed(cluster) | EnsembleAnswer::Refused(_, cluster) => Some(*cluster),
            _ => None,
        }
    }
}

/// Tells one broker every new state of the cluster, as long as it lives, for ever.
async fn instruct(broker: &Rc<Broker>, to: BrokerId) {
    let mut told = 0;
    loop {
        let news = |cluster: &Cluster| cluster.version > told && cluster.sessions.contains_key(&to);
        broker.registration.until(news).await;
        let cluster = broker.registration.seen();
        if to == broker.me {
            broker.instructed((*cluster).clone());
        } else {
            let session = cluster.sessions.get(&to).copied();
            let told_it = runtime::select! {
                answer = broker.ask(to, BrokerRequest::Instruct(Box::new((*cluster).clone()))) => answer.is_some(),
                // Whoever was asked is dead, and what lives now is to be dialled anew.
                () = broker.registration.until(|cluster| cluster.sessions.get(&to).copied() != session) => {
                    broker.hang_up(to);
                    continue;
                }
            };
            if !told_it {
                runtime::sleep(PAUSE).await;
                continue;
            }
        }
        told = cluster.version;
    }
}
