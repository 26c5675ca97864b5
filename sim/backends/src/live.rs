//! The seam live: the wall clock, and real TCP on this machine's loopback. Every host of the world is this machine; a
//! port of a host is an ephemeral port of it, found through a registry.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::Time;
use runtime::backend::{Accept, ByteStream, LocalFuture};
use runtime::net::{Address, HostId};
use runtime::time::nanos;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, World};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use crate::core::Core;
use crate::outcome::{EngineError, RunEnd};
use crate::setup::Setup;
use crate::stream::{Connecting, Network, poll_read, poll_write};

/// Dials that the kernel keeps for a listener (Linux's own default limit, `net.core.somaxconn` = 4096 since 5.4).
const BACKLOG: u32 = 4_096;
/// How often the interrupt flag is looked at (assumption: nobody notices a delay below this).
const INTERRUPT_POLL: Duration = Duration::from_millis(10);
/// Pause after a failed accept: out of file descriptors, it would fail again at once (assumption).
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A world on the wall clock, before and during its run. Each connection within it takes two file descriptors.
pub struct LiveWorld {
    seed: u64,
    setup: Setup,
}

impl LiveWorld {
    /// `seed` is the root of the named random streams; timing is what it is.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        LiveWorld { seed, setup: Setup::default() }
    }

    /// Raise it, from any thread or process of the world, to stop the run within some milliseconds.
    #[must_use]
    pub fn interrupt_flag(&self) -> Arc<AtomicBool> {
        self.setup.interrupt.clone()
    }

    /// Plans to end a process at a moment of the run; it starts afresh after `restart_after`, if that is given.
    pub fn crash(&mut self, process: ProcessId, at: Time, restart_after: Option<Duration>) {
        self.setup.crash(process, at, restart_after);
    }

    /// Runs for so much real time.
    ///
    /// # Errors
    /// [`EngineError::Runtime`] when the operating system gives no event queue.
    pub fn run(self, duration: Duration) -> Result<RunEnd, EngineError> {
        let LiveWorld { seed, setup } = self;
        let (interrupt, hosts) = (setup.interrupt.clone(), 0..u32::try_from(setup.hosts.len()).expect("hosts are few"));
        let crashing = Rc::new(Cell::new(false));
        let network = Loopback { ports: Rc::default(), crashing: crashing.clone() };
        let core = Core::new(seed, setup, Box::new(network), crashing);

        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EngineError::Runtime)?;
        let local = LocalSet::new();
        let (elapsed, interrupted) = local.block_on(&runtime, async {
            let started = Instant::now();
            for host in hosts {
                tokio::task::spawn_local(core.clone().supervise(HostId(host)));
            }
            while started.elapsed() < duration && !interrupt.load(Ordering::Relaxed) {
                sleep(INTERRUPT_POLL.min(duration.saturating_sub(started.elapsed()))).await;
            }
            (started.elapsed(), started.elapsed() < duration)
        });
        core.end();
        Ok(RunEnd { at: Time(nanos(elapsed)), interrupted, panics: core.panics.take() })
    }
}

impl World for LiveWorld {
    fn add_host(&mut self, host: HostSpec) -> HostId {
        self.setup.add_host(host)
    }

    fn add_process(&mut self, process: ProcessSpec) -> ProcessId {
        self.setup.add_process(process)
    }
}

type Registry = Rc<RefCell<BTreeMap<Address, SocketAddr>>>;

struct Loopback {
    ports: Registry,
    crashing: Rc<Cell<bool>>,
}

/// An open port; dropping it takes it off the registry.
struct Registered {
    listener: TcpListener,
    at: Address,
    ports: Registry,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.ports.borrow_mut().remove(&self.at);
    }
}

impl Network for Loopback {
    fn listen(&self, at: Address, acceptor: Rc<dyn Accept>) -> io::Result<LocalFuture> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        self.ports.borrow_mut().insert(at, listener.local_addr()?);
        let port = Registered { listener, at, ports: self.ports.clone() };
        let crashing = self.crashing.clone();
        Ok(Box::pin(async move {
            loop {
                let accepted = port.listener.accept().await;
                match accepted.and_then(|(stream, _)| LoopbackStream::boxed(stream, crashing.clone())) {
                    Ok(stream) => acceptor.accept_bytes(stream),
                    // The connection is lost, not the port: its dialler is told by the kernel.
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                }
            }
        }))
    }

    fn connect(&self, to: Address) -> Connecting {
        let (ports, crashing) = (self.ports.clone(), self.crashing.clone());
        Box::pin(async move {
            let real = ports.borrow().get(&to).copied().ok_or(io::ErrorKind::ConnectionRefused)?;
            LoopbackStream::boxed(TcpStream::connect(real).await?, crashing)
        })
    }
}

struct LoopbackStream {
    stream: TcpStream,
    crashing: Rc<Cell<bool>>,
}

impl LoopbackStream {
    fn boxed(stream: TcpStream, crashing: Rc<Cell<bool>>) -> io::Result<Box<dyn ByteStream>> {
        stream.set_nodelay(true)?;
        Ok(Box::new(LoopbackStream { stream, crashing }))
    }
}

impl Drop for LoopbackStream {
    /// A crash resets, where dropping a socket would close it in good order.
    fn drop(&mut self) {
        if self.crashing.get() {
            // An error means that the connection is already gone.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl ByteStream for LoopbackStream {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_read(Pin::new(&mut self.stream), context, buffer)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_write(Pin::new(&mut self.stream), context, bytes)
    }
}
