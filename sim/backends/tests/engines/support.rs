//! A small world on any engine.

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backends::RunEnd;
use backends::live::LiveWorld;
use backends::turmoil::{TurmoilConfig, TurmoilWorld};
use engine::testing::{self, steady_distances};
use engine::{Engine, EngineConfig, Stopped};
use runtime::Time;
use runtime::net::{Address, HostId};
use runtime::world::{ProcessId, World};

pub const PORT: u16 = 80;
/// A world that has not said that it is done by then hangs: far more than any of them needs.
const LIMIT: Duration = Duration::from_secs(30);

/// A crash to come: which process, when, and when it starts afresh.
pub type Crash = (ProcessId, Duration, Duration);

/// A world under construction, and where its processes note what they saw.
pub struct Trial<'a> {
    pub world: &'a mut dyn World,
    pub crashes: Vec<Crash>,
    pub notes: Notes,
}

/// What processes saw, in order, and the flag by which they end the run.
#[derive(Clone)]
pub struct Notes {
    seen: Rc<RefCell<Vec<String>>>,
    done: Arc<AtomicBool>,
}

impl Notes {
    /// Notes what was seen; what the end of the run drops is no part of it.
    pub fn note(&self, what: impl Debug) {
        if self.done.load(Ordering::Relaxed) {
            return;
        }
        self.seen.borrow_mut().push(format!("{what:?}"));
    }

    /// Ends the run.
    pub fn done(&self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

impl Trial<'_> {
    pub fn host(&mut self, name: &str) -> HostId {
        testing::host(self.world, name, "us-east-1a")
    }

    pub fn process<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        host: HostId,
        start: impl Fn() -> F + 'static,
    ) -> ProcessId {
        testing::process(self.world, name, host, start)
    }

    /// A process that notes what it sees and then ends the run.
    pub fn client<F: Future<Output = ()> + 'static>(&mut self, host: HostId, run: impl Fn(Notes) -> F + 'static) {
        let notes = self.notes.clone();
        self.process("client", host, move || {
            let (work, notes) = (run(notes.clone()), notes.clone());
            async move {
                work.await;
                notes.done();
                runtime::task::forever().await;
            }
        });
    }
}

pub fn at(host: HostId) -> Address {
    Address { host, port: PORT }
}

/// What a world's processes noted, and the panics of the run.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub notes: Vec<String>,
    pub panics: Vec<String>,
}

pub fn native(build: &dyn Fn(&mut Trial<'_>)) -> Outcome {
    let config = testing::config(1);
    let mut engine = Engine::new(EngineConfig { distances: steady_distances(), wire_check: true, ..config });
    let notes = Notes { seen: Rc::default(), done: Arc::default() };
    engine.interrupted_by(notes.done.clone());
    let mut trial = Trial { world: &mut engine, crashes: Vec::new(), notes: notes.clone() };
    build(&mut trial);
    let crashes = std::mem::take(&mut trial.crashes);
    let control = engine.control();
    for (process, at, restart_after) in crashes {
        control.at(Time::ZERO + at, move |control| control.crash(process, Some(restart_after)));
    }
    let stopped = engine.run_until(Time::ZERO + LIMIT);
    assert!(!matches!(stopped, Stopped::Wedged { .. }), "{stopped:?}");
    let panics = control.panics().into_iter().map(|panic| format!("{}: {}", panic.process, panic.message));
    outcome("native", &notes, panics.collect())
}

fn outcome(engine: &str, notes: &Notes, panics: Vec<String>) -> Outcome {
    assert!(notes.done.load(Ordering::Relaxed), "{engine} hangs after {:?}", notes.seen.borrow());
    Outcome { notes: notes.seen.take(), panics }
}

fn panics(end: RunEnd) -> Vec<String> {
    end.panics.into_iter().map(|panic| format!("{}: {}", panic.process, panic.message)).collect()
}

fn on_turmoil(build: &dyn Fn(&mut Trial<'_>)) -> Outcome {
    let mut world = TurmoilWorld::new(TurmoilConfig { seed: 1, latency: Duration::from_millis(1) });
    let notes = Notes { seen: Rc::default(), done: world.interrupt_flag() };
    let mut trial = Trial { world: &mut world, crashes: Vec::new(), notes: notes.clone() };
    build(&mut trial);
    for (process, at, restart_after) in std::mem::take(&mut trial.crashes) {
        world.crash(process, Time::ZERO + at, Some(restart_after));
    }
    outcome("turmoil", &notes, panics(world.run(LIMIT).expect("turmoil runs")))
}

pub fn live(build: &dyn Fn(&mut Trial<'_>)) -> Outcome {
    let mut world = LiveWorld::new(1);
    let notes = Notes { seen: Rc::default(), done: world.interrupt_flag() };
    let mut trial = Trial { world: &mut world, crashes: Vec::new(), notes: notes.clone() };
    build(&mut trial);
    for (process, at, restart_after) in std::mem::take(&mut trial.crashes) {
        world.crash(process, Time::ZERO + at, Some(restart_after));
    }
    outcome("live", &notes, panics(world.run(LIMIT).expect("live runs")))
}

/// Runs one world on every engine: what it noted, which must be the same on all.
pub fn on_every_engine(build: impl Fn(&mut Trial<'_>)) -> Outcome {
    let first = native(&build);
    assert_eq!(on_turmoil(&build), first, "turmoil (left) and native (right) differ");
    assert_eq!(live(&build), first, "live (left) and native (right) differ");
    first
}
