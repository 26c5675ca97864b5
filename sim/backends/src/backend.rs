//! What running code may ask of the engine that turmoil and live share.

use std::any::Any;
use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use runtime::Time;
use runtime::backend::{Accept, Backend, ConnectionId, Dial, Endpoint, LocalFuture, Side, TaskId, TimerId};
use runtime::disk::DurableFile;
use runtime::net::Address;
use runtime::telemetry::Telemetry;

use crate::core::{Core, OpenPort};

impl Backend for Core {
    fn now(&self) -> Time {
        self.time()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn process_name(&self) -> Rc<str> {
        self.processes.borrow()[self.current.get().0 as usize].name.clone()
    }

    fn arm(&self, at: Time, waker: Waker) -> TimerId {
        let host = &self.hosts[self.current_host().0 as usize];
        let started = *host.started.get().expect("processes run on started hosts");
        // A wait beyond what the clock can show is a wait for ever; 30 years is tokio's own idea of far away.
        let far = Duration::from_secs(30 * 365 * 86_400);
        self.timers.arm(started + Duration::from_nanos(at.nanos()).min(far), &waker)
    }

    fn disarm(&self, timer: TimerId) {
        self.timers.disarm(timer);
    }

    fn spawn(&self, task: LocalFuture) -> TaskId {
        self.spawn_in(self.current.get(), task)
    }

    fn abort(&self, task: TaskId) {
        drop(self.tasks.remove(task));
    }

    fn crash_process(&self) {
        self.crash_current.set(true);
    }

    fn listen(&self, port: u16, acceptor: Rc<dyn Accept>) -> io::Result<()> {
        let address = Address { host: self.current_host(), port };
        if self.ports.borrow().contains_key(&address) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("port {port} is taken")));
        }
        let process = self.current.get();
        let task = self.spawn_in(process, self.network.listen(address, acceptor)?);
        self.ports.borrow_mut().insert(address, OpenPort { process, task });
        Ok(())
    }

    fn close_port(&self, port: u16) {
        let address = Address { host: self.current_host(), port };
        let mine = self.ports.borrow().get(&address).is_some_and(|open| open.process == self.current.get());
        if mine {
            let open = self.ports.borrow_mut().remove(&address);
            drop(open.and_then(|open| self.tasks.remove(open.task)));
        }
    }

    fn dial(&self, to: Address, _: Rc<dyn Any>, _: Rc<dyn Endpoint>) -> Dial {
        Dial::Bytes(self.network.connect(to))
    }

    fn sent(&self, _: ConnectionId, _: Side, _: u64, _: u32) {
        unreachable!("a byte engine has no typed connections");
    }

    fn close(&self, _: ConnectionId, _: Side) {
        unreachable!("a byte engine has no typed connections");
    }

    /// Does nothing: no peer falls silent on these engines.
    fn keepalive(&self, _: ConnectionId, _: Side, _: Duration, _: Duration) {}

    /// No: every frame goes through serde anyway.
    fn wire_check(&self) -> bool {
        false
    }

    /// Takes the work's own time: nothing queues for cores or a quota.
    fn work(&self, work: Duration) -> Time {
        self.time() + work
    }

    /// Files are in memory, for the length of the run.
    fn file(&self, name: &str, create: &dyn Fn() -> Rc<dyn DurableFile>) -> Rc<dyn DurableFile> {
        let mut files = self.hosts[self.current_host().0 as usize].files.borrow_mut();
        files.entry(name.to_owned()).or_insert_with(create).clone()
    }

    /// A flush takes the volume's flush time; nothing queues for operations or throughput.
    fn disk_io(&self, _: u32, _: u64, flush: bool, _: u64) -> Time {
        let host = &self.hosts[self.current_host().0 as usize];
        if flush { self.time() + host.flush } else { self.time() }
    }

    /// Never: no site is armed on these engines.
    fn fault_point(&self, _: &'static str) -> bool {
        false
    }

    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}
