//! A broker: its replicas, its session, and what the controller said last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::Partition;
use ports::observe::Mark;
use runtime::call::{CallContext, Caller};
use runtime::watched::Watched;

use super::cluster::{BrokerId, Cluster, PartitionState};
use super::coordinator::Coordinator;
use super::plan::Plan;
use super::protocol::{BrokerAnswer, BrokerRequest};
use super::registration::Registration;
use super::replica::Replica;
use super::waiting::WaitingFollowers;
use super::writeback::Writeback;

/// A broker.
pub(super) struct Broker {
    pub me: BrokerId,
    pub plan: Rc<Plan>,
    pub replicas: BTreeMap<Partition, Rc<Replica>>,
    pub registration: Rc<Registration>,
    pub coordinator: Rc<Coordinator>,
    pub waiting: Rc<WaitingFollowers>,
    pub writeback: Rc<Writeback>,
    /// What the controller said last: the parts that replicas play, and what clients are told.
    instructed: Watched<Rc<Cluster>>,
    callers: RefCell<BTreeMap<BrokerId, Caller<BrokerRequest, BrokerAnswer>>>,
}

impl Broker {
    /// Opens the replicas that are on this host's disk, and begins a session.
    ///
    /// # Panics
    /// If a port is taken: two brokers share a host.
    pub fn open(plan: Rc<Plan>, me: BrokerId) -> Rc<Self> {
        let writeback = Writeback::new(plan.broker.writeback_interval, plan.broker.dirty_bytes_max);
        let mine = plan.replicas.iter().filter(|(_, replicas)| replicas.contains(&me)).map(|(partition, _)| *partition);
        let open = |partition| (partition, Rc::new(Replica::open(plan.clone(), me, partition, writeback.clone())));
        let replicas: BTreeMap<Partition, Rc<Replica>> = mine.map(open).collect();
        let waiting = Rc::new(WaitingFollowers::new(plan.clone(), me));
        Rc::new(Broker {
            me,
            registration: Registration::start(plan.clone(), me),
            coordinator: Rc::new(Coordinator::new(plan.clone(), &replicas, waiting.clone())),
            waiting,
            instructed: Watched::new(Rc::new(plan.initial.clone())),
            callers: RefCell::default(),
            plan,
            replicas,
            writeback,
        })
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
    pub fn instructed(&self, cluster: Cluster) {
        if cluster.version <= self.cluster().version || !self.registration.is_in(&cluster) {
            return;
        }
        for (partition, replica) in &self.replicas {
            let state = &cluster.partitions[partition];
            self.report_election(*partition, state, &self.cluster().partitions[partition]);
            replica.play(state);
        }
        self.instructed.replace(Rc::new(cluster));
        self.coordinator.roles_changed();
        self.waiting.wake_all();
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

    /// Does the work of copying so many bytes of records.
    pub async fn charge(&self, bytes: usize) {
        if bytes > 0 {
            let kibibytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
            runtime::cpu::work(self.plan.broker.kibibyte_cpu * kibibytes).await;
        }
    }

    /// Writes back what is in the page cache, for ever.
    pub async fn write_back(&self) {
        loop {
            let (dirty, bytes) = self.writeback.due().await;
            for partition in dirty {
                self.replicas[&partition].disk().flush().await;
            }
            self.writeback.done(bytes);
        }
    }

    /// Looks at the age of records, for ever.
    pub async fn retain(&self) {
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
