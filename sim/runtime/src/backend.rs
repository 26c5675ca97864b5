//! What an engine must provide, and the one place where the current engine is looked up.
//!
//! `Backend` is object-safe and small: typed queues, calls, framing and digests are built above it in this crate, so
//! that every engine shares them.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::gauges::Telemetry;
use crate::moment::Time;
use crate::world::{Address, ChildSpec, ProcessId};

pub use crate::world::LocalFuture;

/// A timer armed at the backend. Stale identifiers (fired, disarmed) are ignored by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId {
    pub slot: u32,
    pub generation: u32,
}

/// A task of some process. Stale identifiers are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskId {
    pub slot: u32,
    pub generation: u32,
}

/// A connection of a typed engine. Stale identifiers are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    pub slot: u32,
    pub generation: u32,
}

/// Which end of a connection: the one that dialled or the one that accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client = 0,
    Server = 1,
}

impl Side {
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// Why a connection ended, or never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Closed {
    #[error("closed by the peer")]
    Finished,
    #[error("connection reset by the peer")]
    Reset,
    #[error("connection timed out")]
    TimedOut,
    #[error("connection refused")]
    Refused,
    #[error("the peer speaks another protocol")]
    WrongProtocol,
}

/// One end of a connection, as the engine sees it: told what happens, in the process that owns the end.
pub trait Endpoint {
    /// The connection is established (client side only).
    fn opened(&self);
    /// The oldest frame in flight towards this end has arrived.
    fn deliver(&self);
    /// Nothing more will arrive. Called at most once.
    fn closed(&self, reason: Closed);
}

/// What a port's owner does with a new connection, in the process that listens.
pub trait Accept {
    /// A typed engine's connection. `offer` holds the two typed queues; refuse it if the types are not ours.
    ///
    /// # Errors
    /// [`Closed::WrongProtocol`] when the two sides speak different frame types.
    fn accept_typed(&self, connection: ConnectionId, offer: Rc<dyn Any>) -> Result<Rc<dyn Endpoint>, Closed>;
    /// A byte engine's connection.
    fn accept_bytes(&self, stream: Box<dyn ByteStream>);
}

/// A byte engine's connection: its own TCP.
pub trait ByteStream {
    /// Reads some bytes; zero means that the peer closed.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;
    /// Writes some bytes.
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
}

/// How an engine carries frames.
pub enum Dial {
    /// The value moves in a queue that both ends share; the engine schedules its arrival.
    Typed(ConnectionId),
    /// The engine brings bytes; frames are serialised by this crate.
    Bytes(LocalFuture<io::Result<Box<dyn ByteStream>>>),
}

/// A file as the host keeps it.
pub trait DurableFile: Any {
    /// The host lost power: whatever was not flushed is gone.
    fn lose_unflushed(&self);
    fn as_any(self: Rc<Self>) -> Rc<dyn Any>;
}

/// One engine. Every method is called on the run's thread, within the process that is current.
pub trait Backend {
    /// Nanoseconds since the start of the run, as timers count them: the same on every host.
    fn now(&self) -> Time;
    /// What the current host's wall clock shows. An engine whose hosts share one clock has nothing to add.
    fn wall_now(&self) -> Time {
        self.now()
    }
    /// The run's seed: the root of every named random stream.
    fn seed(&self) -> u64;
    /// Name of the current process, unique in the world.
    fn process_name(&self) -> Rc<str>;

    /// Wakes `waker` once at `at`, or at once if that is past.
    fn arm(&self, at: Time, waker: Waker) -> TimerId;
    /// Takes a timer back, at once and without residue.
    fn disarm(&self, timer: TimerId);

    /// Starts a task in the current process; it dies with it.
    fn spawn(&self, task: LocalFuture) -> TaskId;
    /// Drops a task.
    fn abort(&self, task: TaskId);
    /// Ends the current process as a crash would, once the current poll returns.
    fn crash_process(&self);

    /// Starts a process on the current host, at once; see [`child`](crate::child).
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when a process of this name runs, or is none of this host's children;
    /// [`io::ErrorKind::Unsupported`] when this engine's processes start none.
    fn start_child(&self, child: ChildSpec) -> io::Result<ProcessId> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{} cannot be started here", child.name)))
    }
    /// Ends a child as a crash would.
    fn end_child(&self, child: ProcessId) {
        unreachable!("{child:?} was never started: this engine starts no children");
    }
    /// Processor time that a child has used over all its lives.
    fn child_processor_time(&self, child: ProcessId) -> Duration {
        unreachable!("{child:?} was never started: this engine starts no children");
    }

    /// Opens a port of the current host.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when another process of the host holds it.
    fn listen(&self, port: u16, acceptor: Rc<dyn Accept>) -> io::Result<()>;
    /// Closes a port of the current host.
    fn close_port(&self, port: u16);
    /// Dials. `endpoint` hears `opened` or `closed`; a typed engine carries `offer` to the acceptor.
    fn dial(&self, to: Address, offer: Rc<dyn Any>, endpoint: Rc<dyn Endpoint>) -> Dial;
    /// A frame of `bytes` was put in flight from `side` (typed engines only).
    fn sent(&self, connection: ConnectionId, side: Side, digest: u64, bytes: u32);
    /// Closes an end in good order: what was sent still arrives.
    fn close(&self, connection: ConnectionId, side: Side);
    /// Probe a silent peer after `idle`, then give the connection up as timed out after `give_up` more.
    fn keepalive(&self, connection: ConnectionId, side: Side, idle: Duration, give_up: Duration);
    /// Whether typed frames are sent through serde and back, to prove that nothing else travels with them.
    fn wire_check(&self) -> bool;

    /// Queues work on the current process's processor share; the time it will be done.
    fn work(&self, work: Duration) -> Time;
    /// The current host's file of this name, created if absent. It outlives processes.
    fn file(&self, name: &str, create: &dyn Fn() -> Rc<dyn DurableFile>) -> Rc<dyn DurableFile>;
    /// Queues input or output on the current host's volume; the time it will be done. Enters the trace.
    fn disk_io(&self, operations: u32, bytes: u64, flush: bool, digest: u64) -> Time;

    /// Does the fault point of this name fire at this hit?
    fn fault_point(&self, name: &'static str) -> bool;
    /// The run's gauges.
    fn telemetry(&self) -> &Telemetry;
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Backend>>> = const { RefCell::new(None) };
}

/// Makes `backend` this thread's engine while `body` runs.
pub fn enter<R>(backend: Rc<dyn Backend>, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Rc<dyn Backend>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let previous = self.0.take();
            let ended = CURRENT.with(|current| current.replace(previous));
            // Dropped outside the borrow: an engine that goes may drop tasks that look for it.
            drop(ended);
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(Some(backend))));
    body()
}

#[inline]
pub(crate) fn with<R>(body: impl FnOnce(&dyn Backend) -> R) -> R {
    CURRENT.with_borrow(|current| {
        let backend = current.as_deref().expect("runtime code runs inside an engine (backend::enter)");
        body(backend)
    })
}

/// Like `with`, for destructors: they may run after the engine is gone.
pub(crate) fn try_with(body: impl FnOnce(&dyn Backend)) {
    // An error means that the thread itself is being torn down.
    let _ = CURRENT.try_with(|current| {
        if let Ok(current) = current.try_borrow()
            && let Some(backend) = current.as_deref()
        {
            body(backend);
        }
    });
}

/// The run's seed.
#[must_use]
pub fn seed() -> u64 {
    with(|backend| backend.seed())
}

/// Name of the process that this code runs in, unique in the world.
#[must_use]
pub fn process_name() -> Rc<str> {
    with(|backend| backend.process_name())
}
