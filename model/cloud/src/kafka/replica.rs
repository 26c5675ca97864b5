//! One broker's replica of a partition: its log on the disk, and its part in the partition as leader or follower.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::{Event, Offset, Partition, Position};
use ports::observe::{Observation, PartitionLed};
use runtime::disk::{self, Log};
use tokio::sync::Notify;

use super::cluster::{BrokerId, PartitionState};
use super::failure::Failure;
use super::leadership::Leadership;
use super::log::{Admission, Batch, Content, LogState, Record, Stamp};
use super::plan::Plan;
use super::protocol::{Fetched, Read, ReplicaPosition};
use super::writeback::Writeback;

/// What a replica is to its partition.
enum Role {
    /// Nobody leads.
    Idle,
    Leader(Leadership),
    Follower {
        leader: BrokerId,
        epoch: u64,
    },
}

/// A batch in the leader's log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub base: Offset,
    pub end: Offset,
    /// The reign that wrote it, which may be an earlier one if the batch is a repeated one.
    pub written_in: u64,
    /// The reign that is asked to vouch for it.
    pub epoch: u64,
}

/// What to do about a follower.
pub(super) enum FollowerNews {
    Nothing,
    Something(Fetched),
}

/// A replica.
pub(super) struct Replica {
    pub partition: Partition,
    me: BrokerId,
    plan: Rc<Plan>,
    disk: Log<Batch>,
    writeback: Rc<Writeback>,
    log: RefCell<LogState>,
    role: RefCell<Role>,
    high_watermark: Cell<Offset>,
    /// The high watermark or the role changed.
    changed: Notify,
    /// Woken by the same, across partitions.
    readers: RefCell<BTreeMap<u64, Rc<Notify>>>,
}

impl Replica {
    /// Opens the replica's log on the current host's disk.
    pub fn open(plan: Rc<Plan>, me: BrokerId, partition: Partition, writeback: Rc<Writeback>) -> Self {
        let disk: Log<Batch> = disk::open(&format!("kafka/{}", plan.describe(partition)));
        let log = LogState::load(&disk.records());
        Replica {
            partition,
            me,
            plan,
            high_watermark: Cell::new(log.start()),
            log: RefCell::new(log),
            disk,
            writeback,
            role: RefCell::new(Role::Idle),
            changed: Notify::new(),
            readers: RefCell::default(),
        }
    }

    pub fn disk(&self) -> &Log<Batch> {
        &self.disk
    }

    pub fn end(&self) -> Offset {
        self.log.borrow().end()
    }

    /// Plays the part that was decided.
    pub fn play(&self, state: &PartitionState) {
        let end = self.end();
        if state.leader == Some(self.me) {
            let mut role = self.role.borrow_mut();
            if let Role::Leader(leadership) = &mut *role
                && leadership.epoch() == state.epoch
            {
                leadership.decided(state.in_step.clone(), end);
                self.note(leadership.high_watermark());
                return;
            }
            let replicas = self.plan.replicas(self.partition);
            let in_step = state.in_step.clone();
            let high_watermark = self.high_watermark.get();
            let leadership =
                Leadership::new(self.me, state.epoch, in_step, replicas, high_watermark, end, runtime::now());
            let safe = leadership.high_watermark();
            *role = Role::Leader(leadership);
            drop(role);
            self.observe_reign(state, end);
            self.note(safe);
            self.wake();
            return;
        }
        let next = match state.leader {
            Some(leader) => Role::Follower { leader, epoch: state.epoch },
            None => Role::Idle,
        };
        *self.role.borrow_mut() = next;
        self.wake();
    }

    fn observe_reign(&self, state: &PartitionState, end: Offset) {
        let (node, _) = self.plan.named(self.me);
        self.plan.observer.observe(&Observation::PartitionLed(PartitionLed {
            store: self.plan.store.clone(),
            node,
            partition: self.partition,
            epoch: state.epoch,
            reigns: self.log.borrow().reigns().to_vec(),
            end,
            clean: state.clean,
            at: runtime::now(),
        }));
    }

    fn note(&self, high_watermark: Offset) {
        if high_watermark > self.high_watermark.get() {
            self.high_watermark.set(high_watermark);
            self.wake();
        }
    }

    fn wake(&self) {
        self.changed.notify_waiters();
        for reader in self.readers.borrow().values() {
            reader.notify_waiters();
        }
    }

    /// Has `news` woken when there may be something new to read, until [`unwatch`](Self::unwatch).
    pub fn watch(&self, reader: u64, news: Rc<Notify>) {
        self.readers.borrow_mut().insert(reader, news);
    }

    /// Ends that watch, unless the reader has begun another since.
    pub fn unwatch(&self, reader: u64, news: &Rc<Notify>) {
        let mut readers = self.readers.borrow_mut();
        if readers.get(&reader).is_some_and(|current| Rc::ptr_eq(current, news)) {
            readers.remove(&reader);
        }
    }

    /// The epoch of the reign, if this replica leads.
    pub fn leads(&self) -> Option<u64> {
        match &*self.role.borrow() {
            Role::Leader(leadership) => Some(leadership.epoch()),
            _ => None,
        }
    }

    /// How many replicas are in step, if this one leads.
    pub fn in_step(&self) -> usize {
        match &*self.role.borrow() {
            Role::Leader(leadership) => leadership.in_step().len(),
            _ => 0,
        }
    }

    /// As leader: writes records, unless the log has them.
    pub fn append(&self, stamp: Option<Stamp>, records: Vec<Record>) -> Result<Appended, Failure> {
        let mut role = self.role.borrow_mut();
        let Role::Leader(leadership) = &mut *role else { return Err(Failure::NotLeader) };
        let mut log = self.log.borrow_mut();
        let (count, epoch, now) = (records.len() as u64, leadership.epoch(), runtime::now());
        match stamp.map_or(Admission::New, |stamp| log.admit(stamp, count)) {
            Admission::New => {}
            Admission::Duplicate { base, epoch: written_in } => {
                return Ok(Appended { base, end: Offset(base.0 + count), written_in, epoch });
            }
            Admission::OutOfOrder => return Err(Failure::OutOfOrderSequence),
            Admission::Stale => return Err(Failure::StaleProducer),
        }
        let base = log.end();
        let batch = Batch { base, epoch, stamp, appended_at: now, records };
        log.append(&batch);
        let end = log.end();
        leadership.appended(base, end, now);
        let safe = leadership.high_watermark();
        drop((role, log));
        self.write(batch);
        self.note(safe);
        Ok(Appended { base, end, written_in: epoch, epoch })
    }

    fn write(&self, batch: Batch) {
        let bytes = u32::try_from(batch.size_bytes()).expect("batches are small");
        self.disk.append(batch, bytes);
        self.writeback.wrote(self.partition, bytes);
    }

    /// Returns once everything before `end` is safe, or somebody else reigns.
    pub async fn safe(&self, end: Offset, epoch: u64) -> Result<(), Failure> {
        loop {
            let changed = self.changed.notified();
            if self.leads() != Some(epoch) {
                return Err(Failure::Deposed);
            }
            if self.high_watermark.get() >= end {
                return Ok(());
            }
            changed.await;
        }
    }

    /// As leader: what a follower should have, if it should have anything yet.
    pub fn news_for(&self, follower: BrokerId, position: &ReplicaPosition) -> FollowerNews {
        let mut role = self.role.borrow_mut();
        let Role::Leader(leadership) = &mut *role else { return FollowerNews::Something(Fetched::NotLeader) };
        if leadership.epoch() != position.epoch {
            return FollowerNews::Something(Fetched::NotLeader);
        }
        let log = self.log.borrow();
        if let Some((epoch, end)) = log.divergence(position.last_epoch, position.end) {
            return FollowerNews::Something(Fetched::Diverged { epoch, end });
        }
        if position.end < log.start() {
            return FollowerNews::Something(Fetched::Begin(log.start()));
        }
        leadership.fetched(follower, position.end, log.end(), runtime::now());
        let (safe, start, end) = (leadership.high_watermark(), log.start(), log.end());
        drop((role, log));
        self.note(safe);
        if position.end >= end {
            return FollowerNews::Nothing;
        }
        let batches = self.batches_from(position.end);
        FollowerNews::Something(Fetched::Batches { batches, high_watermark: safe, start })
    }

    /// Batches from an offset on, as many as one fetch brings.
    fn batches_from(&self, from: Offset) -> Vec<Batch> {
        let batches = self.disk.records();
        let first = batches.partition_point(|batch| batch.end() <= from);
        let mut bytes = 0;
        let fits = |batch: &&Batch| {
            let room = bytes < self.plan.broker.partition_fetch_bytes;
            bytes += batch.size_bytes();
            room
        };
        batches[first..].iter().take_while(fits).cloned().collect()
    }

    /// Who should be in step from now on, if this replica leads and thinks that it should not be who is.
    pub fn review(&self, lag_max: Duration) -> Option<Vec<BrokerId>> {
        let end = self.end();
        let mut role = self.role.borrow_mut();
        let Role::Leader(leadership) = &mut *role else { return None };
        leadership.ask(end, runtime::now(), lag_max)
    }

    /// What this leader asked for in the reign `epoch` is decided, one way or the other.
    pub fn answered(&self, epoch: u64) {
        if let Role::Leader(leadership) = &mut *self.role.borrow_mut()
            && leadership.epoch() == epoch
        {
            leadership.answered();
        }
    }

    /// As follower of `leader`: where the log ends.
    pub fn position_behind(&self, of: BrokerId) -> Option<ReplicaPosition> {
        match *self.role.borrow() {
            Role::Follower { leader, epoch } if leader == of => {
                let log = self.log.borrow();
                let (end, last_epoch) = (log.end(), log.last_epoch());
                Some(ReplicaPosition { partition: self.partition, epoch, end, last_epoch })
            }
            _ => None,
        }
    }

    /// As follower: takes over what the leader of the reign `epoch` sent. Returns whether it still leads.
    pub fn receive(&self, from: BrokerId, epoch: u64, fetched: Fetched) -> bool {
        let follows =
            matches!(*self.role.borrow(), Role::Follower { leader, epoch: now } if leader == from && now == epoch);
        if !follows {
            return true; // an answer to an earlier question
        }
        match fetched {
            Fetched::Batches { batches, high_watermark, start } => {
                for batch in batches {
                    if batch.base == self.end() {
                        self.log.borrow_mut().append(&batch);
                        self.write(batch);
                    }
                }
                self.note(high_watermark.min(self.end()));
                self.drop_before(start.min(self.high_watermark.get()));
                true
            }
            Fetched::Diverged { epoch, end } => {
                let to = self.log.borrow().agree(epoch, end);
                self.cut(to);
                true
            }
            Fetched::Begin(start) => {
                self.disk.truncate(0);
                self.log.borrow_mut().reset(start);
                self.high_watermark.set(start);
                true
            }
            Fetched::NotLeader => false,
        }
    }

    /// Throws away everything from `to` on.
    fn cut(&self, to: Offset) {
        let from = self.end();
        if to >= from {
            return;
        }
        let kept = self.disk.records().partition_point(|batch| batch.end() <= to);
        self.disk.truncate(kept);
        // A batch is written by one leader in one reign: a reign never ends within one.
        let to = self.disk.records().last().map_or(to, Batch::end);
        self.log.borrow_mut().truncate(to, &self.disk.records());
        self.high_watermark.set(self.high_watermark.get().min(to));
        let (node, _) = self.plan.named(self.me);
        self.plan.observer.observe(&Observation::EventsTruncated {
            store: self.plan.store.clone(),
            node,
            partition: self.partition,
            from: to,
            to: from,
            at: runtime::now(),
        });
    }

    /// Forgets batches that end before `start`; the last one stays, so that the log remembers where it ends.
    pub fn drop_before(&self, start: Offset) {
        let (old, first) = {
            let batches = self.disk.records();
            let old = batches.partition_point(|batch| batch.end() <= start).min(batches.len().saturating_sub(1));
            (old, batches.get(old).map(|batch| batch.base))
        };
        if let (true, Some(first)) = (old > 0, first) {
            self.disk.drop_oldest(old);
            self.log.borrow_mut().advance_start(first);
        }
    }

    /// As leader: forgets what is safe and older than `age`.
    pub fn expire(&self, age: Duration) {
        if self.leads().is_none() {
            return;
        }
        let now = runtime::now();
        let start = {
            let batches = self.disk.records();
            let young = batches.partition_point(|batch| now.since(batch.appended_at) > age);
            batches.get(young).or(batches.last()).map(|batch| batch.base)
        };
        if let Some(start) = start {
            self.drop_before(start.min(self.high_watermark.get()));
        }
    }

    /// Where a reader finds records: the oldest, and the first that is not safe.
    pub fn bounds(&self) -> (Offset, Offset) {
        (self.log.borrow().start(), self.high_watermark.get())
    }

    /// Everything safe from an offset on, as much as one fetch brings.
    pub fn read(&self, from: Offset) -> Read {
        if self.leads().is_none() {
            return Read::NotLeader;
        }
        let (start, safe) = self.bounds();
        // Beyond the high watermark and not beyond the log: a new leader does not know yet how much is safe.
        if from < start || from > self.end() {
            return Read::OutOfRange;
        }
        let mut events = Vec::new();
        let mut bytes = 0;
        let batches = self.disk.records();
        let first = batches.partition_point(|batch| batch.end() <= from);
        for batch in batches[first..].iter().take_while(|batch| batch.end() <= safe) {
            if bytes >= self.plan.broker.partition_fetch_bytes {
                break;
            }
            bytes += batch.size_bytes();
            for (offset, record) in (batch.base.0..).map(Offset).zip(&batch.records) {
                if let Content::Event { key, value } = &record.content
                    && offset >= from
                {
                    let position = Position { partition: self.partition, offset };
                    events.push(Event { position, sent_at: record.sent_at, key: key.clone(), value: value.clone() });
                }
            }
        }
        Read::Events(events)
    }

    /// Every record that is there, safe or not, with its offset.
    pub fn each(&self, mut visit: impl FnMut(Offset, &Record)) {
        for batch in self.disk.records().iter() {
            for (offset, record) in (batch.base.0..).map(Offset).zip(&batch.records) {
                visit(offset, record);
            }
        }
    }
}
