//! A live world on a thread of its own, in which a server's clients live for as long as a suite lasts.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use backends::RunEnd;
use backends::live::LiveWorld;
use runtime::backend::LocalFuture;
use runtime::world::{HostSpec, ProcessSpec, VolumeSpec, World};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longer than any suite.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// A process of a live world that answers requests of type `Q` with answers of type `A`, one at a time.
pub struct LiveProcess<Q, A> {
    requests: UnboundedSender<Q>,
    answers: mpsc::Receiver<A>,
    interrupt: Arc<AtomicBool>,
    thread: Option<JoinHandle<RunEnd>>,
}

/// The process's end: where requests come from and answers go.
pub struct Inbox<Q, A> {
    pub requests: UnboundedReceiver<Q>,
    pub answers: mpsc::Sender<A>,
}

impl<Q: Send + 'static, A: Send + 'static> LiveProcess<Q, A> {
    /// Starts a world with one process, which `serve` is.
    pub fn start<F: Future<Output = ()> + 'static>(serve: impl Fn(Inbox<Q, A>) -> F + Send + 'static) -> Self {
        let (requests, received) = unbounded_channel();
        let (answered, answers) = mpsc::channel();
        let (flags, flag) = mpsc::channel();
        let inbox = Inbox { requests: received, answers: answered };
        #[expect(clippy::disallowed_methods, reason = "the world is real: it has a thread, and the suite has another")]
        let thread = std::thread::spawn(move || {
            let mut world = LiveWorld::new(0);
            flags.send(world.interrupt_flag()).expect("the suite waits for the flag");
            let host = world.add_host(client_host());
            let inbox = RefCell::new(Some(inbox));
            let start = Rc::new(move || -> LocalFuture {
                let inbox = inbox.take().expect("the process is started once");
                Box::pin(serve(inbox))
            });
            world.add_process(ProcessSpec { name: "clients".into(), host, cpu_limit_millicores: None, start });
            world.run(LIFE).expect("the operating system gives an event queue")
        });
        let interrupt = flag.recv().expect("the world's thread begins with its flag");
        LiveProcess { requests, answers, interrupt, thread: Some(thread) }
    }

    /// Asks the process, and waits for its answer.
    ///
    /// # Panics
    /// If the process has ended: with its own panic's message.
    pub fn ask(&mut self, request: Q) -> A {
        if self.requests.send(request).is_ok()
            && let Ok(answer) = self.answers.recv()
        {
            return answer;
        }
        let end = self.stop();
        panic!("the live process ended: {:?}", end.map(|end| end.panics));
    }

    fn stop(&mut self) -> Option<RunEnd> {
        self.interrupt.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl<Q, A> Drop for LiveProcess<Q, A> {
    fn drop(&mut self) {
        self.interrupt.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the world's thread was reported by it, and by whoever asked it last.
            let _ = thread.join();
        }
    }
}

fn client_host() -> HostSpec {
    HostSpec {
        name: "clients".into(),
        zone: "here".into(),
        region: "here".into(),
        cores: 1,
        egress_bytes_per_s: None,
        boot: Duration::ZERO,
        volume: VolumeSpec { iops: 1, throughput_bytes_per_s: 1, flush: Duration::ZERO },
    }
}
