//! What a server knows of the control plane: the latest decision, and its own lease, renewed by heartbeats.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::net::Address;
use runtime::random::{RngExt, Stream};
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::configuration::{Configuration, NodeId, majority};
use super::parameters::FailoverParameters;
use super::protocol::{Heartbeat, MonitorAnswer, MonitorRequest, Wish};
use crate::asking::ask_once;

/// One monitor, as this server knows it.
struct Monitor {
    address: Address,
    /// When the last heartbeat left that it answered with a renewal.
    granted: Cell<Option<Time>>,
    /// Has the next heartbeat sent at once.
    hurry: Notify,
}

/// A server's side of the agreement.
pub(super) struct Agreement {
    node: NodeId,
    parameters: FailoverParameters,
    monitors: Vec<Monitor>,
    latest: Watched<Configuration>,
    /// A monitor has answered since the process started, so that [`latest`](Self::latest) is not only what was deployed.
    heard: Watched<bool>,
    serving: Cell<Option<u64>>,
    /// Until then this server claims nothing: it was told to step down for another.
    standing_back: Cell<Time>,
    /// A heartbeat was answered with a renewal.
    renewed: Notify,
    stepped_down: Notify,
    /// The epoch whose reign this server gave up.
    given_up: Cell<Option<u64>>,
    jitter: RefCell<Stream>,
}

impl Agreement {
    /// Begins to send heartbeats.
    pub fn start(
        node: NodeId,
        monitors: &[Address],
        initial: Configuration,
        parameters: FailoverParameters,
    ) -> Rc<Self> {
        let monitor = |&address| Monitor { address, granted: Cell::new(None), hurry: Notify::new() };
        let agreement = Rc::new(Agreement {
            node,
            parameters,
            monitors: monitors.iter().map(monitor).collect(),
            latest: Watched::new(initial),
            heard: Watched::new(false),
            serving: Cell::new(None),
            standing_back: Cell::new(Time::ZERO),
            renewed: Notify::new(),
            stepped_down: Notify::new(),
            given_up: Cell::new(None),
            jitter: RefCell::new(runtime::random::stream("heartbeats")),
        });
        for monitor in 0..agreement.monitors.len() {
            let agreement = agreement.clone();
            drop(runtime::spawn(async move { agreement.keep_in_touch(monitor).await }));
        }
        agreement
    }

    /// Heartbeats to one monitor, for ever. A monitor that is silent costs a heartbeat interval, then is dialled anew: a
    /// stalled connection would be slower to notice that the path is back.
    async fn keep_in_touch(&self, monitor: usize) {
        let monitor = &self.monitors[monitor];
        loop {
            let dialled = runtime::timeout(self.parameters.heartbeat_interval, Caller::connect(monitor.address)).await;
            let Ok(Ok(caller)) = dialled else {
                self.pause(monitor).await;
                continue;
            };
            loop {
                let sent = runtime::now();
                let heartbeat = Heartbeat { node: self.node, serving: self.serving.get() };
                let context = CallContext::within(self.parameters.heartbeat_interval, 0);
                let answer = caller.call(MonitorRequest::Heartbeat(heartbeat), context).await;
                let Ok(MonitorAnswer::Heard { configuration, granted }) = answer else { break };
                self.learn(configuration);
                if granted {
                    monitor.granted.set(Some(sent));
                    self.renewed.notify_waiters();
                }
                self.heard.update(|heard| !std::mem::replace(heard, true));
                self.pause(monitor).await;
            }
            self.pause(monitor).await;
        }
    }

    /// Up to a tenth early, so that the heartbeats of a fleet do not fall into step.
    async fn pause(&self, monitor: &Monitor) {
        let early = self.jitter.borrow_mut().random_range(0..100);
        runtime::select! {
            () = monitor.hurry.notified() => {}
            () = runtime::sleep(self.parameters.heartbeat_interval * (1_000 - early) / 1_000) => {}
        }
    }

    /// Tells the monitors at once in which epoch this server accepts writes, if it does.
    pub fn announce(&self, serving: Option<u64>) {
        self.serving.set(serving);
        for monitor in &self.monitors {
            monitor.hurry.notify_one();
        }
    }

    pub fn learn(&self, decided: Configuration) {
        self.latest.update(|latest| {
            let newer = decided.version > latest.version;
            if newer {
                *latest = decided;
            }
            newer
        });
    }

    pub fn latest(&self) -> Configuration {
        *self.latest.borrow()
    }

    /// Returns once a monitor has answered in this life of the process.
    pub async fn heard(&self) {
        self.heard.wait_until(|heard| *heard).await;
    }

    /// Returns once the latest decision satisfies `wanted`.
    pub async fn until(&self, wanted: impl FnMut(&Configuration) -> bool) {
        self.latest.wait_until(wanted).await;
    }

    /// When the lease ends: its length after the latest heartbeat that a majority renewed.
    pub fn lease_end(&self) -> Time {
        let mut granted: Vec<Option<Time>> = self.monitors.iter().map(|monitor| monitor.granted.get()).collect();
        granted.sort_unstable_by(|a, b| b.cmp(a));
        match granted[majority(granted.len()) - 1] {
            Some(sent) => sent + self.parameters.lease(),
            None => Time::ZERO,
        }
    }

    /// Whether this server may act as primary at this moment.
    pub fn holds_lease(&self) -> bool {
        runtime::now() < self.lease_end()
    }

    /// Returns once this server may act as primary.
    pub async fn lease_comes(&self) {
        loop {
            let renewed = self.renewed.notified();
            if self.holds_lease() {
                return;
            }
            renewed.await;
        }
    }

    /// Whether this server was told to make way and should not claim its reign back yet.
    pub fn stands_back(&self) -> bool {
        runtime::now() < self.standing_back.get()
    }

    /// Gives up the reign of `epoch` for another server's sake; what another server needs to take over is granted to it.
    pub fn step_down(&self, epoch: u64) {
        self.standing_back.set(runtime::now() + self.parameters.lease());
        self.given_up.set(Some(epoch));
        self.stepped_down.notify_waiters();
    }

    /// Returns when the reign of `epoch` is over: the lease lapsed, a later epoch was decided, or it stepped down.
    pub async fn reign_ends(&self, epoch: u64) -> Ending {
        let decided = self.until(|latest| latest.epoch > epoch);
        let mut decided = std::pin::pin!(decided);
        loop {
            let stepped_down = self.stepped_down.notified();
            if self.given_up.get() == Some(epoch) {
                return Ending::SteppedDown;
            }
            let lease_end = self.lease_end();
            if runtime::now() >= lease_end {
                return Ending::LeaseLapsed;
            }
            runtime::select! {
                () = decided.as_mut() => return Ending::Replaced,
                () = stepped_down => {}
                () = runtime::sleep_until(lease_end) => {}
            }
        }
    }

    /// Asks the monitors in turn to decide; the latest decision that one of them knows of afterwards, or none if no monitor
    /// of a majority answered.
    pub async fn wish(&self, base: Configuration, wish: Wish) -> Option<Configuration> {
        for monitor in &self.monitors {
            let limit = self.parameters.heartbeat_interval;
            let asked = ask_once(monitor.address, MonitorRequest::Wish { base, wish }, limit);
            if let Some(MonitorAnswer::Now(configuration)) = asked.await {
                self.learn(configuration);
                return Some(configuration);
            }
        }
        None
    }
}

/// Why a reign was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    SteppedDown,
    LeaseLapsed,
    Replaced,
}

impl Ending {
    /// For people to read.
    pub fn reason(self) -> &'static str {
        match self {
            Ending::SteppedDown => "stepped down for another server",
            Ending::LeaseLapsed => "no majority of monitors answered for the length of the lease: fenced itself",
            Ending::Replaced => "another reign was decided",
        }
    }
}
