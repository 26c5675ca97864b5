//! Commands on a server's one thread: who may run here, room in memory, what replicas are told, and what it costs.

use std::time::Duration;

use ports::cache::{CacheError, Command, Key, Reply};
use ports::observe::Mark;
use runtime::Time;
use runtime::random::RngExt;

use super::data::milliseconds;
use super::node::{Node, Role};
use super::protocol::{Effect, Place, ServerFrame};
use super::store::{As, Milliseconds, Outcome};

impl Node {
    /// Runs a command when the thread comes to it; whoever came first is first.
    pub async fn execute(&self, command: &Command) -> ServerFrame {
        let _thread = self.thread.lock().await;
        let (answer, touched) = self.run(command);
        runtime::cpu::work(self.plan.server.request_cpu + self.work(touched)).await;
        answer
    }

    /// The primary of each shard, as this member of a cluster knows it; without cluster mode there is no such command.
    pub fn slots(&self) -> ServerFrame {
        match &self.cluster {
            Some(cluster) => cluster.slots(&self.plan),
            None => ServerFrame::Failed(CacheError::Protocol),
        }
    }

    /// Processor time of a command by how many elements it touches.
    pub fn work(&self, touched: u64) -> Duration {
        let further = u32::try_from(touched.saturating_sub(1)).unwrap_or(u32::MAX);
        self.plan.server.command_cpu + self.plan.server.element_cpu * further
    }

    fn run(&self, command: &Command) -> (ServerFrame, u64) {
        if let Err(refusal) = self.admit(command) {
            return (refusal, 1);
        }
        let is_primary = matches!(self.role(), Role::Primary { .. });
        if !is_primary && command.is_write() {
            return (ServerFrame::Failed(CacheError::ReadOnly), 1);
        }
        if let Command::Publish(message) = command {
            let heard = self.deliver(message);
            if let Some(cluster) = &self.cluster {
                cluster.publish(message);
            }
            return (ServerFrame::Reply { reply: Reply::Integer(heard as i64), place: None }, 1 + heard as u64);
        }
        let at = runtime::now();
        if is_primary && !self.make_room(at) && command.may_grow() {
            return (ServerFrame::Failed(CacheError::OutOfMemory), 1);
        }
        let role = if is_primary { As::Primary } else { As::Replica };
        let Outcome { result, changed, expired, touched } =
            self.data.borrow_mut().store.execute(command, milliseconds(at), role);
        self.removed(expired, at);
        let place = changed.then(|| self.changed(command, at));
        let answer = match result {
            Ok(reply) => ServerFrame::Reply { reply, place },
            Err(error) => ServerFrame::Failed(error),
        };
        (answer, touched)
    }

    /// Whether this server is one to ask.
    fn admit(&self, command: &Command) -> Result<(), ServerFrame> {
        let failed = |error| Err(ServerFrame::Failed(error));
        if let Some(cluster) = &self.cluster {
            cluster.admit(&self.plan, self.id, command)?;
        }
        match self.role() {
            Role::Unknown => failed(CacheError::Loading),
            Role::Primary { .. } | Role::Replica { .. } if self.loading.get() => failed(CacheError::Loading),
            Role::Primary { .. } | Role::Replica { .. } => Ok(()),
        }
    }

    /// Evicts until memory suffices; false if it does not.
    fn make_room(&self, at: Time) -> bool {
        let parameters = &self.plan.server;
        if self.data.borrow().store.used_bytes() <= parameters.max_memory_bytes {
            return true;
        }
        let draw = |below| self.draws.borrow_mut().random_range(0..below);
        let eviction = self.data.borrow_mut().store.evict(parameters.max_memory_bytes, parameters.eviction, draw);
        self.removed(eviction.evicted, at);
        eviction.fits
    }

    /// Replicas are told of keys that are gone without a command.
    fn removed(&self, keys: Vec<Key>, at: Time) {
        if !keys.is_empty() {
            let mut data = self.data.borrow_mut();
            let record = data.record(Effect::Remove(keys), at, self.plan.server.backlog_bytes);
            self.gauges.show(&data.store);
            drop(data);
            self.replicate(&record);
        }
    }

    /// Replicas are told of a command that changed something; its place in the stream.
    fn changed(&self, command: &Command, at: Time) -> Place {
        let mut data = self.data.borrow_mut();
        let record = data.record(Effect::Run(command.clone()), at, self.plan.server.backlog_bytes);
        let position = data.position().expect("a primary reigns");
        self.gauges.show(&data.store);
        if data.store.next_expiry().is_some_and(|next| next < self.expiry_awaited.get()) {
            self.expiring.notify_one();
        }
        drop(data);
        self.replicate(&record);
        if self.first_write.replace(false) {
            let detail = format!("clients found {}: first write", self.name());
            self.plan.report(self.id, "in use", detail, Some(Mark::Propagated));
        }
        Place { shard: self.shard, position }
    }

    /// A primary's rounds of active expiry: as often as the interval while anything is expired, and never while nothing is.
    pub async fn expire_actively(&self) {
        let interval = self.plan.server.expiry_interval;
        loop {
            let next = self.data.borrow().store.next_expiry();
            self.expiry_awaited.set(next.unwrap_or(Milliseconds::MAX));
            let Some(next) = next else {
                self.expiring.notified().await;
                continue;
            };
            let next = Time(u64::try_from(next).unwrap_or(0).saturating_mul(1_000_000));
            if runtime::now() < next {
                runtime::select! {
                    () = runtime::sleep_until(next + interval) => {}
                    () = self.expiring.notified() => continue,
                }
            }
            {
                let _thread = self.thread.lock().await;
                let at = runtime::now();
                let keys_max = self.plan.server.expiry_keys_max;
                let expired = self.data.borrow_mut().store.expire_round(milliseconds(at), keys_max);
                let touched = expired.len() as u64;
                self.removed(expired, at);
                runtime::cpu::work(self.work(touched)).await;
            }
            runtime::sleep(interval).await;
        }
    }
}
