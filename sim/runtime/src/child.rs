//! Processes that a process starts on its own host, as a node's agent starts containers.
//!
//! A child outlives the process that started it, and nothing but [`start`] ever starts it again: not a boot, and not whoever ended it from
//! outside. An engine that cannot do this says so.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::backend;
use crate::watched::Watched;
use crate::world::{LocalFuture, ProcessId};

pub use crate::world::ChildSpec;

/// One life of a child. Clones are of the same one.
#[derive(Clone)]
pub struct Child {
    process: ProcessId,
    name: Rc<str>,
    ended: Rc<Watched<bool>>,
}

/// Says that a child's life is over, however it ended: what a parent learns from its kernel.
struct Life(Rc<Watched<bool>>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.replace(true);
    }
}

/// Starts a child on the current host.
///
/// # Errors
/// A process of this name runs, or this engine's processes start none.
pub fn start(spec: ChildSpec) -> io::Result<Child> {
    let ended = Rc::new(Watched::new(false));
    let (life, main) = (Cell::new(Some(Life(ended.clone()))), spec.start.clone());
    let start = Rc::new(move || -> LocalFuture {
        let (life, main) = (life.take(), main());
        Box::pin(async move {
            let _life = life;
            main.await;
        })
    });
    let name = spec.name.as_str().into();
    let process = backend::with(|backend| backend.start_child(ChildSpec { start, ..spec }))?;
    Ok(Child { process, name, ended })
}

impl Child {
    /// Ends it as a crash would; nothing happens if it has ended.
    pub fn kill(&self) {
        if self.is_running() {
            backend::with(|backend| backend.end_child(self.process));
        }
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        self.ended.wait_until(|ended| *ended).await;
    }

    /// Processor time that processes of this name have used since the run began.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        backend::with(|backend| backend.child_processor_time(self.process))
    }

    /// What it says now by its [`gauge`](crate::telemetry::gauge) of this name; none if it has none, or has ended.
    #[must_use]
    pub fn gauge(&self, metric: &'static str) -> Option<i64> {
        backend::with(|backend| backend.telemetry().value(&self.name, metric))
    }
}
