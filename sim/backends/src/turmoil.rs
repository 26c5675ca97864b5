//! The seam on turmoil: simulated TCP between one turmoil host for each host of the world. Time moves in ticks of a
//! millisecond, in which every host runs; latencies are whole milliseconds.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use runtime::Time;
use runtime::backend::{Accept, ByteStream, LocalFuture};
use runtime::net::{Address, HostId};
use runtime::time::nanos;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, World};
use turmoil::net::{TcpListener, TcpStream};

use crate::core::Core;
use crate::outcome::{EngineError, RunEnd};
use crate::setup::Setup;
use crate::stream::{Connecting, Network, poll_read, poll_write};

/// Segments that wait in a turmoil socket, and dials that wait for a listener: turmoil panics when more dial at once
/// than fit, and its default of 64 is fewer than a fleet of phones (assumption).
const SOCKET_CAPACITY: usize = 1 << 16;

/// What a run on turmoil is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurmoilConfig {
    pub seed: u64,
    /// One-way latency of every link; turmoil rounds it up to whole milliseconds.
    pub latency: Duration,
}

/// A world on turmoil, before and during its run.
///
/// A crash of a process is heard by its peers as a close ([`Closed::Finished`](runtime::net::Closed::Finished)):
/// turmoil has no way to reset a connection.
pub struct TurmoilWorld {
    config: TurmoilConfig,
    setup: Setup,
}

impl TurmoilWorld {
    #[must_use]
    pub fn new(config: TurmoilConfig) -> Self {
        TurmoilWorld { config, setup: Setup::default() }
    }

    /// Raise it, from any thread or process of the world, to stop the run at the next tick.
    #[must_use]
    pub fn interrupt_flag(&self) -> Arc<AtomicBool> {
        self.setup.interrupt.clone()
    }

    /// Plans to end a process at a moment of the run; it starts afresh after `restart_after`, if that is given.
    pub fn crash(&mut self, process: ProcessId, at: Time, restart_after: Option<Duration>) {
        self.setup.crash(process, at, restart_after);
    }

    /// Runs for so much simulated time.
    ///
    /// # Errors
    /// [`EngineError::Turmoil`] when turmoil itself fails.
    pub fn run(self, duration: Duration) -> Result<RunEnd, EngineError> {
        let TurmoilWorld { config, setup } = self;
        let (interrupt, hosts) = (setup.interrupt.clone(), 0..u32::try_from(setup.hosts.len()).expect("hosts are few"));
        let addresses = Rc::new(RefCell::new(Vec::new()));
        let network = Simulated { addresses: addresses.clone() };
        let core = Core::new(config.seed, setup, Box::new(network), Rc::new(Cell::new(false)));

        let mut builder = turmoil::Builder::new();
        builder.rng_seed(config.seed).tcp_capacity(SOCKET_CAPACITY);
        builder.max_message_latency(config.latency).min_message_latency(config.latency);
        let mut simulation = builder.build();
        for host in hosts {
            let (name, core) = (format!("host-{host}"), core.clone());
            simulation.host(name.as_str(), move || {
                let core = core.clone();
                async move {
                    core.supervise(HostId(host)).await;
                    Ok(())
                }
            });
            addresses.borrow_mut().push(simulation.lookup(name.as_str()));
        }

        let at = |elapsed| Time(nanos(elapsed));
        let mut result = Ok(false);
        while simulation.elapsed() < duration && matches!(result, Ok(false)) {
            result = match simulation.step() {
                Ok(_) => Ok(interrupt.load(Ordering::Relaxed)),
                Err(error) => Err(EngineError::Turmoil { at: at(simulation.elapsed()), message: error.to_string() }),
            };
        }
        core.end();
        let panics = core.panics.take();
        result.map(|interrupted| RunEnd { at: at(simulation.elapsed()), interrupted, panics })
    }
}

impl World for TurmoilWorld {
    fn add_host(&mut self, host: HostSpec) -> HostId {
        self.setup.add_host(host)
    }

    fn add_process(&mut self, process: ProcessSpec) -> ProcessId {
        self.setup.add_process(process)
    }
}

struct Simulated {
    /// By `HostId`, once the simulation is built.
    addresses: Rc<RefCell<Vec<IpAddr>>>,
}

impl Network for Simulated {
    fn listen(&self, at: Address, acceptor: Rc<dyn Accept>) -> io::Result<LocalFuture> {
        // Turmoil binds without waiting; only its signature is asynchronous.
        let bind = pin!(TcpListener::bind((Ipv4Addr::UNSPECIFIED, at.port)));
        let Poll::Ready(listener) = bind.poll(&mut Context::from_waker(Waker::noop())) else {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "turmoil waited to bind a port"));
        };
        let listener = listener?;
        Ok(Box::pin(async move {
            // Turmoil's accept never fails.
            while let Ok((stream, _)) = listener.accept().await {
                acceptor.accept_bytes(Box::new(SimulatedStream(stream)));
            }
        }))
    }

    fn connect(&self, to: Address) -> Connecting {
        let address = self.addresses.borrow().get(to.host.0 as usize).copied();
        Box::pin(async move {
            let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
            let stream: Box<dyn ByteStream> = Box::new(SimulatedStream(TcpStream::connect((address, to.port)).await?));
            Ok(stream)
        })
    }
}

struct SimulatedStream(TcpStream);

impl ByteStream for SimulatedStream {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_read(Pin::new(&mut self.0), context, buffer)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_write(Pin::new(&mut self.0), context, bytes)
    }
}
