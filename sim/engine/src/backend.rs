//! The engine as the seam sees it.

use std::any::Any;
use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use rand::RngExt;
use runtime::Time;
use runtime::backend::{Accept, Backend, ConnectionId, Dial, Endpoint, LocalFuture, Side, TaskId, TimerId};
use runtime::child::ChildSpec;
use runtime::disk::DurableFile;
use runtime::net::Address;
use runtime::telemetry::Telemetry;
use runtime::time::nanos;
use runtime::world::ProcessId;

use crate::core::{Core, Event, OpenPort, word};
use crate::process::Ending;
use crate::trace::Kind;

impl Backend for Core {
    #[inline]
    fn now(&self) -> Time {
        self.clock.get()
    }

    fn wall_now(&self) -> Time {
        let host = self.processes.borrow()[self.current.get().0 as usize].host;
        self.hosts.borrow().get(host.0 as usize).map_or(self.now(), |host| host.clock.shows(self.now()))
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn process_name(&self) -> Rc<str> {
        self.processes.borrow()[self.current.get().0 as usize].name.clone()
    }

    #[inline]
    fn arm(&self, at: Time, waker: Waker) -> TimerId {
        self.schedule(at, Event::Wake(waker))
    }

    #[inline]
    fn disarm(&self, timer: TimerId) {
        let event = self.queue.borrow_mut().remove(timer);
        drop(event); // a combinator's waker may own something that looks at the queue
    }

    #[inline]
    fn spawn(&self, task: LocalFuture) -> TaskId {
        let process = self.current.get();
        if !self.processes.borrow()[process.0 as usize].runs() {
            // A destructor of a process that ended: there is nobody to run this.
            drop(task);
            return TaskId { slot: 0, generation: u32::MAX };
        }
        self.tasks.insert(process, task)
    }

    fn abort(&self, task: TaskId) {
        drop(self.tasks.remove(task));
    }

    fn crash_process(&self) {
        self.crash_current.set(true);
    }

    fn start_child(&self, child: ChildSpec) -> io::Result<ProcessId> {
        Core::start_child(self, child)
    }

    fn end_child(&self, child: ProcessId) {
        self.end_process(child, Ending::Crash);
    }

    fn child_processor_time(&self, child: ProcessId) -> Duration {
        Duration::from_nanos(self.processes.borrow()[child.0 as usize].busy_ns)
    }

    fn listen(&self, port: u16, acceptor: Rc<dyn Accept>) -> io::Result<()> {
        let process = self.current.get();
        let host = self.processes.borrow()[process.0 as usize].host;
        let mut ports = self.ports.borrow_mut();
        if ports.contains_key(&Address { host, port }) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("port {port} is taken")));
        }
        ports.insert(Address { host, port }, OpenPort { process, acceptor });
        Ok(())
    }

    fn close_port(&self, port: u16) {
        let process = self.current.get();
        let host = self.processes.borrow()[process.0 as usize].host;
        let address = Address { host, port };
        let mine = self.ports.borrow().get(&address).is_some_and(|open| open.process == process);
        if mine {
            let closed = self.ports.borrow_mut().remove(&address);
            drop(closed);
        }
    }

    fn dial(&self, to: Address, offer: Rc<dyn Any>, endpoint: Rc<dyn Endpoint>) -> Dial {
        Dial::Typed(Core::dial(self, to, offer, endpoint))
    }

    #[inline]
    fn sent(&self, connection: ConnectionId, side: Side, digest: u64, bytes: u32) {
        Core::sent(self, connection, side, digest, bytes);
    }

    fn close(&self, connection: ConnectionId, side: Side) {
        Core::close(self, connection, side);
    }

    fn keepalive(&self, connection: ConnectionId, side: Side, idle: Duration, give_up: Duration) {
        self.set_keepalive(connection, side, idle, give_up);
    }

    fn wire_check(&self) -> bool {
        self.wire_check
    }

    fn work(&self, work: Duration) -> Time {
        let mut processes = self.processes.borrow_mut();
        let process = &mut processes[self.current.get().0 as usize];
        process.busy_ns += nanos(work);
        let mut hosts = self.hosts.borrow_mut();
        hosts[process.host.0 as usize].work(self.clock.get(), work, process.quota.as_mut())
    }

    fn file(&self, name: &str, create: &dyn Fn() -> Rc<dyn DurableFile>) -> Rc<dyn DurableFile> {
        let host = self.processes.borrow()[self.current.get().0 as usize].host;
        let mut hosts = self.hosts.borrow_mut();
        hosts[host.0 as usize].files.entry(name.to_owned()).or_insert_with(create).clone()
    }

    fn disk_io(&self, operations: u32, bytes: u64, flush: bool, digest: u64) -> Time {
        let process = self.current.get();
        let host = self.processes.borrow()[process.0 as usize].host;
        self.record(process, Kind::Disk, word(&[bytes, u64::from(flush), digest]));
        self.hosts.borrow_mut()[host.0 as usize].disk_io(self.clock.get(), operations, bytes, flush)
    }

    fn fault_point(&self, name: &'static str) -> bool {
        let mut points = self.fault_points.borrow_mut();
        let Some(point) = points.get_mut(name) else { return false };
        let fires = point.fired < point.plan.at_most && point.stream.random_bool(point.plan.probability);
        point.fired += u32::from(fires);
        if fires {
            self.restart_current.set(point.restart_after);
        }
        fires
    }

    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}
