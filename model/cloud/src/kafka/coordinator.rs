//! A broker's part as coordinator of the groups whose records it leads: answers members, and writes down what another coordinator needs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::event_log::{Offset, Partition, TopicId};
use runtime::Time;
use tokio::sync::Notify;

use super::failure::Failure;
use super::group::{Group, GroupRecord};
use super::log::{Content, Record};
use super::plan::{GROUPS, Plan, partition_of_group};
use super::protocol::{ClientAnswer, GroupRequest};
use super::replica::Replica;
use super::waiting::WaitingFollowers;

/// A group that this broker coordinates.
#[derive(Default)]
struct Coordinated {
    group: RefCell<Group>,
    /// The generation that is written down: members may hear of it.
    settled: Cell<u64>,
    changed: Notify,
    /// A task looks after its timers.
    tended: Cell<bool>,
}

/// A partition of the groups' topic that this broker leads.
struct Led {
    epoch: u64,
    groups: RefCell<BTreeMap<String, Rc<Coordinated>>>,
    /// Records since everything was written afresh.
    records: Cell<u32>,
    over: Cell<bool>,
}

/// A broker's part as coordinator.
pub(super) struct Coordinator {
    plan: Rc<Plan>,
    replicas: BTreeMap<Partition, Rc<Replica>>,
    waiting: Rc<WaitingFollowers>,
    led: RefCell<BTreeMap<Partition, Rc<Led>>>,
}

impl Coordinator {
    pub fn new(plan: Rc<Plan>, replicas: &BTreeMap<Partition, Rc<Replica>>, waiting: Rc<WaitingFollowers>) -> Self {
        let groups = replicas.iter().filter(|(partition, _)| partition.topic == GROUPS);
        let replicas = groups.map(|(partition, replica)| (*partition, replica.clone())).collect();
        Coordinator { plan, replicas, waiting, led: RefCell::default() }
    }

    /// Takes over the groups of partitions that this broker leads now, and lets go of the others.
    pub fn roles_changed(self: &Rc<Self>) {
        for (partition, replica) in &self.replicas {
            let before = self.led.borrow().get(partition).map(|led| led.epoch);
            let now = replica.leads();
            if before == now {
                continue;
            }
            let former = self.led.borrow_mut().remove(partition);
            if let Some(led) = former {
                led.over.set(true);
                for coordinated in led.groups.borrow().values() {
                    coordinated.changed.notify_waiters();
                }
            }
            if let Some(epoch) = now {
                let led = Rc::new(self.load(replica, epoch));
                self.led.borrow_mut().insert(*partition, led.clone());
                for (name, coordinated) in led.groups.borrow().iter() {
                    self.tend(*partition, &led, name, coordinated);
                }
            }
        }
    }

    fn load(&self, replica: &Replica, epoch: u64) -> Led {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut records = 0;
        replica.each(|_, record| {
            if let Content::Group(written) = &record.content {
                let group = groups.entry(written.group().to_owned()).or_default();
                group.replay(written, runtime::now(), &self.plan.groups);
                records += 1;
            }
        });
        let coordinated = |(name, group): (String, Group)| {
            let settled = Cell::new(group.generation());
            (name, Rc::new(Coordinated { group: RefCell::new(group), settled, ..Coordinated::default() }))
        };
        let groups = RefCell::new(groups.into_iter().map(coordinated).collect());
        Led { epoch, groups, records: Cell::new(records), over: Cell::new(false) }
    }

    /// Writes records down in the reign of `led`: once this returns, the next coordinator will know.
    async fn write(&self, partition: Partition, led: &Led, written: Vec<GroupRecord>) -> Result<Offset, Failure> {
        let replica = &self.replicas[&partition];
        if replica.in_step() < self.plan.topic(GROUPS).min_in_step {
            return Err(Failure::NotEnoughReplicas);
        }
        let now = runtime::now();
        led.records.set(led.records.get() + u32::try_from(written.len()).expect("batches are small"));
        let record = |written| Record { sent_at: now, content: Content::Group(written) };
        let appended = replica.append(None, written.into_iter().map(record).collect())?;
        self.waiting.wake(partition);
        replica.safe(appended.end, led.epoch).await?;
        Ok(appended.base)
    }

    /// Writes everything afresh once in a while, and forgets what came before.
    async fn compact(&self, partition: Partition, led: &Led) -> Result<(), Failure> {
        if led.records.get() < self.plan.groups.snapshot_every {
            return Ok(());
        }
        led.records.set(0);
        let image = |(name, coordinated): (&String, &Rc<Coordinated>)| coordinated.group.borrow().image(name);
        let images: Vec<GroupRecord> = led.groups.borrow().iter().map(image).collect();
        let base = self.write(partition, led, images).await?;
        self.replicas[&partition].drop_before(base);
        Ok(())
    }

    /// Answers a member of a group.
    pub async fn answer(self: &Rc<Self>, name: String, request: GroupRequest, deadline: Time) -> ClientAnswer {
        let partition = partition_of_group(&name, self.plan.groups.partitions);
        let led = self.led.borrow().get(&partition).cloned();
        let Some(led) = led else { return ClientAnswer::Failed(Failure::NotCoordinator) };
        let coordinated = led.groups.borrow_mut().entry(name.clone()).or_default().clone();
        let parameters = &self.plan.groups;
        let now = runtime::now();
        let done = |result: Result<(), Failure>| result.map_or_else(ClientAnswer::Failed, |()| ClientAnswer::Done);
        match request {
            GroupRequest::Join { member, topics } => {
                coordinated.group.borrow_mut().join(member, topics, now, parameters);
                coordinated.changed.notify_waiters();
                self.tend(partition, &led, &name, &coordinated);
                let joined = self.joined(&led, &coordinated, member);
                let answer = runtime::timeout(deadline.since(now), joined).await;
                answer.unwrap_or(ClientAnswer::Failed(Failure::Rebalancing))
            }
            GroupRequest::Heartbeat { member, generation } => {
                done(coordinated.group.borrow_mut().heartbeat(member, generation, now, parameters))
            }
            GroupRequest::Leave { member } => {
                let left = coordinated.group.borrow_mut().leave(member, now, parameters);
                coordinated.changed.notify_waiters();
                done(left)
            }
            GroupRequest::Commit { member, generation, offsets } => {
                let may = coordinated.group.borrow().may_commit(member, generation);
                if let Err(failure) = may {
                    return ClientAnswer::Failed(failure);
                }
                let record = GroupRecord::Committed { group: name, offsets: offsets.clone() };
                let written = self.write(partition, &led, vec![record]).await;
                if written.is_ok() {
                    coordinated.group.borrow_mut().commit(&offsets);
                    // The commit stands whether or not this succeeds.
                    let _ = self.compact(partition, &led).await;
                }
                done(written.map(|_| ()))
            }
        }
    }

    /// Waits for the partitions that a member gets.
    async fn joined(&self, led: &Led, coordinated: &Coordinated, member: u64) -> ClientAnswer {
        loop {
            let changed = coordinated.changed.notified();
            if led.over.get() {
                return ClientAnswer::Failed(Failure::NotCoordinator);
            }
            {
                let group = coordinated.group.borrow();
                let settled = coordinated.settled.get() == group.generation();
                match group.assignment(member) {
                    Some(Ok(assignment)) if settled => {
                        return ClientAnswer::Joined { generation: group.generation(), assignment };
                    }
                    Some(Err(failure)) => return ClientAnswer::Failed(failure),
                    _ => {}
                }
            }
            changed.await;
        }
    }

    /// Looks after a group's timers, as long as it has members and this broker coordinates it.
    fn tend(self: &Rc<Self>, partition: Partition, led: &Rc<Led>, name: &str, coordinated: &Rc<Coordinated>) {
        if coordinated.tended.replace(true) {
            return;
        }
        let (coordinator, led, name, coordinated) = (self.clone(), led.clone(), name.to_owned(), coordinated.clone());
        drop(runtime::spawn(async move {
            let plan = &coordinator.plan;
            while !led.over.get() {
                let changed = coordinated.changed.notified();
                let next = coordinated.group.borrow().next_tick();
                let Some(next) = next else { break };
                if runtime::now() < next {
                    runtime::select! {
                        () = changed => {}
                        () = runtime::sleep_until(next) => {}
                    }
                    continue;
                }
                let partitions = |topic: TopicId| plan.topics.get(&topic).map_or(0, |topic| topic.partitions);
                if !coordinated.group.borrow_mut().tick(runtime::now(), partitions, &plan.groups) {
                    continue;
                }
                let image = coordinated.group.borrow().image(&name);
                let generation = coordinated.group.borrow().generation();
                loop {
                    match coordinator.write(partition, &led, vec![image.clone()]).await {
                        Ok(_) => break,
                        // Too few replicas: members wait.
                        Err(_) if !led.over.get() => runtime::sleep(plan.broker.fetch_backoff).await,
                        Err(_) => return,
                    }
                }
                coordinated.settled.set(generation);
                coordinated.changed.notify_waiters();
            }
            coordinated.tended.set(false);
        }));
    }
}
