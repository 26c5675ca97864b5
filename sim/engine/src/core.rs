//! The engine's state, and what it may be told to do: events, and what is written in the trace.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use rand::Rng;
use runtime::Time;
use runtime::backend::{Accept, ConnectionId, Side, TimerId};
use runtime::net::{Address, Closed, HostId};
use runtime::random::{Stream, derive, mix};
use runtime::telemetry::Telemetry;
use runtime::world::ProcessId;

use crate::connections::Connections;
use crate::executor::Tasks;
use crate::host::Host;
use crate::network::Network;
use crate::process::{Process, ProcessPanic};
use crate::queue::Queue;
use crate::trace::{Kind, Trace};

/// How an armed fault point fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultPointPlan {
    /// Probability of firing at each hit.
    pub probability: f64,
    /// It fires at most this often in a run.
    pub at_most: u32,
}

/// Something that is to be done to the run at a moment.
pub(crate) type Act = Box<dyn FnOnce(&Rc<Core>)>;

/// What the queue holds.
pub(crate) enum Event {
    Wake(Waker),
    Deliver { connection: ConnectionId, to: Side, digest: u64 },
    Dial { connection: ConnectionId, attempt: u8 },
    Open { connection: ConnectionId },
    Close { connection: ConnectionId, to: Side, reason: Closed, attempt: u8 },
    Retransmit { connection: ConnectionId, to: Side },
    Probe { connection: ConnectionId, of: Side, given_up: bool },
    Start { process: ProcessId, life: u32 },
    Boot { host: HostId, power_cycle: u32 },
    Act(Act),
}

/// So that an entry of the queue is one line of the cache.
const _: () = assert!(size_of::<Option<Event>>() <= 24);

pub(crate) struct ArmedPoint {
    pub(crate) plan: FaultPointPlan,
    pub(crate) stream: Stream,
    pub(crate) fired: u32,
    /// A process that it ended starts again after this.
    pub(crate) restart_after: Option<Duration>,
}

pub(crate) struct OpenPort {
    pub(crate) process: ProcessId,
    pub(crate) acceptor: Rc<dyn Accept>,
}

/// The engine's state, shared with the running code as its backend. Borrows are short: none is held while a task, an
/// endpoint or a destructor runs.
pub(crate) struct Core {
    pub(crate) seed: u64,
    pub(crate) wire_check: bool,
    pub(crate) clock: Cell<Time>,
    pub(crate) current: Cell<ProcessId>,
    pub(crate) crash_current: Cell<bool>,
    /// How long after its crash the current process starts again, if the fault point that ended it says so.
    pub(crate) restart_current: Cell<Option<Duration>>,
    pub(crate) queue: RefCell<Queue<Event>>,
    pub(crate) order: RefCell<Option<Stream>>,
    pub(crate) draws_order: bool,
    /// Whether anything is out of order at all: a host without power, a link fault, a paused process. While nothing is,
    /// the hot path asks none of them.
    pub(crate) troubled: Cell<bool>,
    pub(crate) tasks: Rc<Tasks>,
    pub(crate) hosts: RefCell<Vec<Host>>,
    pub(crate) power_cycles: RefCell<Vec<u32>>,
    pub(crate) processes: RefCell<Vec<Process>>,
    pub(crate) ports: RefCell<BTreeMap<Address, OpenPort>>,
    pub(crate) connections: RefCell<Connections>,
    pub(crate) network: RefCell<Network>,
    pub(crate) trace: RefCell<Trace>,
    pub(crate) fault_points: RefCell<BTreeMap<String, ArmedPoint>>,
    pub(crate) telemetry: Telemetry,
    pub(crate) panics: RefCell<Vec<ProcessPanic>>,
}

/// The process that faults and schedules act as, in the trace.
pub(crate) const WORLD: ProcessId = ProcessId(0);

impl Core {
    #[inline]
    pub(crate) fn schedule(&self, at: Time, event: Event) -> TimerId {
        let tie_break = if self.draws_order { self.order.borrow_mut().as_mut().map_or(0, Rng::next_u32) } else { 0 };
        self.queue.borrow_mut().insert(at, tie_break, event)
    }

    #[inline]
    pub(crate) fn record(&self, process: ProcessId, kind: Kind, digest: u64) {
        self.trace.borrow_mut().record(self.clock.get(), process, kind, digest);
    }

    /// Looks again whether anything is out of order; to be called after whatever may change it.
    pub(crate) fn look_for_trouble(&self) {
        let dark = self.hosts.borrow().iter().any(|host| !host.powered);
        let paused = self.processes.borrow().iter().any(Process::is_paused);
        self.troubled.set(dark || paused || self.network.borrow().has_faults());
    }

    pub(crate) fn arm_fault_point(&self, name: String, plan: FaultPointPlan, restart_after: Option<Duration>) {
        let stream = derive(self.seed, "engine.fault-point", &name);
        self.fault_points.borrow_mut().insert(name, ArmedPoint { plan, stream, fired: 0, restart_after });
    }
}

/// A word for the trace from several.
#[inline]
pub(crate) fn word(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |word, &part| mix(word, part))
}
