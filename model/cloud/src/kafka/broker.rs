//! A broker's process: its replicas, its session, and what runs beside the requests that it answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::Partition;
use ports::observe::Mark;
use runtime::call::{CallContext, Caller};
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::cluster::{BrokerId, Cluster, PartitionState, Transition};
use super::controller::Controller;
use super::coordinator::Coordinator;
use super::plan::Plan;
use super::protocol::{BROKER_PORT, BrokerAnswer, BrokerRequest, Fetched, ReplicaPosition};
use super::registration::Registration;
use super::replica::{FollowerNews, Replica};
use super::writeback::Writeback;
use super::{follower, serving};

/// A broker's process.
pub(super) struct Broker {
    pub me: BrokerId,
    pub plan: Rc<Plan>,
    pub replicas: BTreeMap<Partition, Rc<Replica>>,
    pub registration: Rc<Registration>,
    pub controller: Controller,
    pub coordinator: Rc<Coordinator>,
    pub writeback: Rc<Writeback>,
    /// What the controller said last: the parts that replicas play, and what clients are told.
    instructed: Watched<Rc<Cluster>>,
    /// By follower: there may be something for it.
    follower_news: BTreeMap<BrokerId, Notify>,
    callers: RefCell<BTreeMap<BrokerId, Caller<BrokerRequest, BrokerAnswer>>>,
}

/// Runs a broker in the current process.
///
/// # Panics
/// If a port is taken: two brokers share a host.
pub(super) async fn run(plan: Rc<Plan>, me: BrokerId) {
    let writeback = Writeback::new(plan.broker.writeback_interval, plan.broker.dirty_bytes_max);
    let mine = plan.replicas.iter().filter(|(_, replicas)| replicas.contains(&me)).map(|(partition, _)| *partition);
    let open = |partition| (partition, Rc::new(Replica::open(plan.clone(), me, partition, writeback.clone())));
    let replicas: BTreeMap<Partition, Rc<Replica>> = mine.map(open).collect();
    let broker = Rc::new(Broker {
        me,
        registration: Registration::start(plan.clone(), me),
        controller: Controller::default(),
        coordinator: Rc::new(Coordinator::new(plan.clone(), &replicas)),
        instructed: Watched::new(Rc::new(plan.initial.clone())),
        follower_news: plan.brokers().map(|broker| (broker, Notify::new())).collect(),
        callers: RefCell::default(),
        plan,
        replicas,
        writeback,
    });
    let answering = broker.clone();
    let _brokers = runtime::call::serve(BROKER_PORT, move |request: BrokerRequest, context| {
        let broker = answering.clone();
        async move { broker.answer(request, context).await }
    })
    .expect("a broker has its host to itself");
    let _clients = serving::open(&broker);
    for leader in broker.plan.brokers().filter(|leader| *leader != me) {
        let broker = broker.clone();
        drop(runtime::spawn(async move { follower::follow(&broker, leader).await }));
    }
    runtime::select! {
        () = broker.controller.run(&broker) => {}
        () = broker.review_now_and_then() => {}
        () = broker.write_back() => {}
        () = broker.retain() => {}
    }
}

impl Broker {
    async fn answer(self: &Rc<Self>, request: BrokerRequest, context: CallContext) -> BrokerAnswer {
        runtime::cpu::work(self.plan.broker.request_cpu).await;
        match request {
            BrokerRequest::Instruct(cluster) => {
                self.instructed(*cluster);
                BrokerAnswer::Done
            }
            BrokerRequest::Alter(transitions) => {
                BrokerAnswer::Altered(self.controller.alter(self, transitions).await.map(Box::new))
            }
            BrokerRequest::Fetch { broker, positions } => self.feed(broker, positions, context).await,
        }
    }

    /// The state of the cluster by which this broker acts.
    pub fn cluster(&self) -> Rc<Cluster> {
        self.instructed.borrow().clone()
    }

    /// Returns once the controller has said something new since `version`.
    pub async fn instructed_since(&self, version: u64) {
        self.instructed.wait_until(|cluster| cluster.version > version).await;
    }

    /// Acts as the controller says, unless it speaks of an earlier time, or of an earlier life of this broker.
    pub fn instructed(self: &Rc<Self>, cluster: Cluster) {
        if cluster.version <= self.cluster().version || !self.registration.is_in(&cluster) {
            return;
        }
        for (partition, replica) in &self.replicas {
            let state = &cluster.partitions[partition];
            self.report_election(*partition, state, &self.cluster().partitions[partition]);
            replica.play(state);
        }
        self.instructed.replace(Rc::new(cluster));
        self.coordinator.roles_changed(self);
        for news in self.follower_news.values() {
            news.notify_waiters();
        }
    }

    fn report_election(&self, partition: Partition, state: &PartitionState, before: &PartitionState) {
        if state.leader != Some(self.me) || state.epoch == before.epoch {
            return;
        }
        let (name, zone) = self.plan.named(self.me);
        let what = self.plan.describe(partition);
        if state.epoch == 1 {
            return; // the cluster starts
        }
        if state.clean {
            let detail = format!("{name} leads {what} in epoch {}", state.epoch);
            self.plan.report(&zone, "leader elected", detail, Some(Mark::Promoted));
        } else {
            let detail =
                format!("{name}, which was not in step, leads {what} in epoch {}: what it misses is lost", state.epoch);
            self.plan.report(&zone, "unclean leader elected", detail, Some(Mark::Promoted));
        }
    }

    /// Asks another broker.
    pub async fn ask(&self, broker: BrokerId, request: BrokerRequest) -> Option<BrokerAnswer> {
        let limit = self.plan.broker.socket_timeout;
        let known = self.callers.borrow().get(&broker).filter(|caller| caller.closed().is_none()).cloned();
        let caller = match known {
            Some(caller) => caller,
            None => {
                let dialled = runtime::timeout(limit, Caller::connect(self.plan.broker_address(broker))).await;
                let caller = dialled.ok()?.ok()?;
                self.callers.borrow_mut().insert(broker, caller.clone());
                caller
            }
        };
        let answer = caller.call(request, CallContext::within(limit, 0)).await;
        if answer.is_err() {
            self.callers.borrow_mut().remove(&broker);
        }
        answer.ok()
    }

    /// Gives up the connection to another broker.
    pub fn hang_up(&self, broker: BrokerId) {
        self.callers.borrow_mut().remove(&broker);
    }

    /// Some partition that this broker leads has something new for its followers.
    pub fn wake_followers(&self, partition: Partition) {
        for replica in self.plan.replicas(partition) {
            if *replica != self.me {
                self.follower_news[replica].notify_waiters();
            }
        }
    }

    /// Answers a follower as soon as there is something for it, or after a while.
    async fn feed(
        self: &Rc<Self>,
        follower: BrokerId,
        positions: Vec<ReplicaPosition>,
        context: CallContext,
    ) -> BrokerAnswer {
        let give_up = runtime::now() + self.plan.broker.fetch_wait;
        let give_up = give_up.min(context.deadline);
        loop {
            let news = self.follower_news[&follower].notified();
            let mut fetched = Vec::new();
            let mut bytes = 0;
            for position in &positions {
                let Some(replica) = self.replicas.get(&position.partition) else { continue };
                if let FollowerNews::Something(something) = replica.news_for(follower, position) {
                    if let Fetched::Batches { batches, .. } = &something {
                        bytes += batches.iter().map(|batch| batch.size_bytes()).sum::<usize>();
                    }
                    fetched.push((position.partition, something));
                }
            }
            self.review();
            if !fetched.is_empty() || runtime::now() >= give_up {
                self.charge(bytes).await;
                return BrokerAnswer::Fetched(fetched);
            }
            runtime::select! {
                () = news => {}
                () = runtime::sleep_until(give_up) => {}
            }
        }
    }

    /// Does the work of copying so many bytes of records.
    pub async fn charge(&self, bytes: usize) {
        if bytes > 0 {
            let kibibytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
            runtime::cpu::work(self.plan.broker.kibibyte_cpu * kibibytes).await;
        }
    }

    async fn review_now_and_then(self: &Rc<Self>) {
        loop {
            runtime::sleep(self.plan.broker.lag_max / 2).await;
            self.review();
        }
    }

    /// Has the controller told who should be in step, where that is not who is.
    fn review(self: &Rc<Self>) {
        let cluster = self.cluster();
        let mut transitions = Vec::new();
        for (partition, replica) in &self.replicas {
            let Some(wanted) = replica.review(self.plan.broker.lag_max) else { continue };
            let from = &cluster.partitions[partition];
            assert_eq!(replica.leads(), Some(from.epoch), "a replica plays the part that was instructed last");
            let to = from.with_in_step(wanted);
            transitions.push(Transition { partition: *partition, from: from.clone(), to });
        }
        if !transitions.is_empty() {
            let broker = self.clone();
            drop(runtime::spawn(async move { broker.alter(transitions).await }));
        }
    }

    /// Asks the controller until it answers, or until what is asked for fits no more. Until then the leader counts on whoever may have
    /// been let in: an answer that is lost does not undo a decision.
    async fn alter(self: &Rc<Self>, transitions: Vec<Transition>) {
        loop {
            let answer = match self.registration.seen().controller {
                Some(me) if me == self.me => self.controller.alter(self, transitions.clone()).await,
                Some(other) => match self.ask(other, BrokerRequest::Alter(transitions.clone())).await {
                    Some(BrokerAnswer::Altered(cluster)) => cluster.map(|cluster| *cluster),
                    _ => None,
                },
                None => None,
            };
            if let Some(cluster) = answer {
                let version = cluster.version;
                self.report_steps(&transitions, &cluster);
                self.instructed(cluster);
                if self.cluster().version >= version {
                    break;
                }
                return; // this broker is no member of that cluster: it is not for it to let anybody in or out
            }
            runtime::sleep(self.plan.broker.fetch_backoff).await;
            let cluster = self.cluster();
            if transitions.iter().all(|asked| cluster.partitions[&asked.partition].revision > asked.from.revision) {
                break;
            }
        }
        for Transition { partition, from, .. } in &transitions {
            self.replicas[partition].answered(from.epoch);
        }
    }

    /// Tells whoever watches who fell out of step, and who is back.
    fn report_steps(&self, transitions: &[Transition], decided: &Cluster) {
        let mut left: BTreeMap<BrokerId, usize> = BTreeMap::new();
        let mut joined: BTreeMap<BrokerId, usize> = BTreeMap::new();
        let made = transitions.iter().filter(|made| decided.partitions.get(&made.partition) == Some(&made.to));
        for Transition { from, to, .. } in made {
            for broker in from.in_step.iter().filter(|broker| !to.in_step.contains(broker)) {
                *left.entry(*broker).or_default() += 1;
            }
            for broker in to.in_step.iter().filter(|broker| !from.in_step.contains(broker)) {
                *joined.entry(*broker).or_default() += 1;
            }
        }
        let (me, _) = self.plan.named(self.me);
        for (broker, count) in left {
            let (name, zone) = self.plan.named(broker);
            let detail = format!(
                "{name} has not caught up with {me} for {:?}: out of step in {count} partitions",
                self.plan.broker.lag_max
            );
            self.plan.report(&zone, "replica out of step", detail, None);
        }
        for (broker, count) in joined {
            let (name, zone) = self.plan.named(broker);
            self.plan.report(
                &zone,
                "replica in step",
                format!("{name} has caught up with {me} in {count} partitions"),
                None,
            );
        }
    }

    /// Writes back what is in the page cache, for ever.
    async fn write_back(&self) {
        loop {
            let (dirty, bytes) = self.writeback.due().await;
            for partition in dirty {
                self.replicas[&partition].disk().flush().await;
            }
            self.writeback.done(bytes);
        }
    }

    /// Looks at the age of records, for ever.
    async fn retain(&self) {
        loop {
            runtime::sleep(self.plan.broker.retention_check).await;
            for (partition, replica) in &self.replicas {
                if let Some(age) = self.plan.topic(partition.topic).retention {
                    replica.expire(age);
                }
            }
        }
    }
}
