//! The seam's speed on the native engine against turmoil: the same programs, in one process, on one core, with the
//! trace on. `cargo bench --bench engines` prints the table; the name of one line runs that line
//! on the native engine alone, for a profiler.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures real time")]

use std::cell::Cell;
use std::future::Future;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use backends::turmoil::{TurmoilConfig, TurmoilWorld};
use engine::Engine;
use engine::testing::{config, host, process};
use runtime::Time;
use runtime::call::{CallContext, Caller, serve};
use runtime::net::{Address, HostId, Listener, connect};
use runtime::world::World;
use serde::{Deserialize, Serialize};

/// The command's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PORT: u16 = 80;
/// Half of the thirty hosts dial, half serve.
const PAIRS: u32 = 15;

/// Some 70 bytes on the wire, as small requests of the platform are.
#[derive(Clone, Serialize, Deserialize)]
struct Frame {
    number: u64,
    position: (f64, f64),
    keys: [u64; 4],
    flag: bool,
}

impl Frame {
    fn new(number: u64) -> Self {
        Frame { number, position: (40.7, -74.0), keys: [number << 48; 4], flag: true }
    }
}

/// What a program counts: messages, or timers.
type Count = Rc<Cell<u64>>;

/// Servers on half of the hosts, and on the other half a client that runs `client` once for each of its connections.
fn pairs<S, C>(
    world: &mut dyn World,
    connections: u32,
    server: fn() -> S,
    client: impl Fn(Address) -> C + Clone + 'static,
) where
    S: Future<Output = ()> + 'static,
    C: Future<Output = ()> + 'static,
{
    let servers: Vec<HostId> =
        (0..PAIRS).map(|number| host(world, &format!("server-{number}"), "us-east-1a")).collect();
    for (number, &machine) in servers.iter().enumerate() {
        process(world, &format!("server-{number}"), machine, server);
    }
    for number in 0..PAIRS {
        let machine = host(world, &format!("client-{number}"), "us-east-1a");
        let (client, servers) = (client.clone(), servers.clone());
        process(world, &format!("client-{number}"), machine, move || {
            let (client, servers) = (client.clone(), servers.clone());
            async move {
                for connection in (number..connections).step_by(PAIRS as usize) {
                    let host = servers[(connection / PAIRS) as usize % servers.len()];
                    drop(runtime::spawn(client(Address { host, port: PORT })));
                }
                runtime::task::forever().await;
            }
        });
    }
}

async fn answering() {
    let port = serve(PORT, |request: Frame, _| async move { request });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

async fn echoing() {
    let listener = Listener::<Frame, Frame>::bind(PORT).expect("the port is free");
    loop {
        let connection = listener.accept().await;
        drop(runtime::spawn(async move {
            while let Ok(frame) = connection.recv().await {
                connection.send(frame);
            }
        }));
    }
}

/// 1,000 connections, on each a call with a deadline after the other.
fn calls(world: &mut dyn World, messages: &Count) {
    let messages = messages.clone();
    pairs(world, 1_000, answering, move |server| {
        let messages = messages.clone();
        async move {
            let caller = Caller::<Frame, Frame>::connect(server).await.expect("the server listens");
            for number in 0.. {
                let context = CallContext::within(Duration::from_secs(1), 3);
                caller.call(Frame::new(number), context).await.expect("servers answer");
                messages.set(messages.get() + 2);
            }
        }
    });
}

/// 1,000 connections, on each a frame back and forth.
fn frames(world: &mut dyn World, messages: &Count) {
    let messages = messages.clone();
    pairs(world, 1_000, echoing, move |server| {
        let messages = messages.clone();
        async move {
            let connection = connect::<Frame, Frame>(server).await.expect("the server listens");
            for number in 0.. {
                connection.send(Frame::new(number));
                connection.recv().await.expect("servers answer");
                messages.set(messages.get() + 2);
            }
        }
    });
}

/// 200 pings each half second.
fn sparse(world: &mut dyn World, messages: &Count) {
    let messages = messages.clone();
    pairs(world, 200, echoing, move |server| {
        let messages = messages.clone();
        async move {
            let connection = connect::<Frame, Frame>(server).await.expect("the server listens");
            for number in 0.. {
                connection.send(Frame::new(number));
                connection.recv().await.expect("servers answer");
                messages.set(messages.get() + 2);
                runtime::sleep(Duration::from_millis(500)).await;
            }
        }
    });
}

/// 1,000 hosts with a timer of one second each.
fn timers(world: &mut dyn World, fired: &Count) {
    for number in 0..1_000 {
        let machine = host(world, &format!("host-{number}"), "us-east-1a");
        let fired = fired.clone();
        process(world, &format!("process-{number}"), machine, move || {
            let fired = fired.clone();
            async move {
                loop {
                    runtime::sleep(Duration::from_secs(1)).await;
                    fired.set(fired.get() + 1);
                }
            }
        });
    }
}

type Program = fn(&mut dyn World, &Count);

/// What was counted, and how long it took.
struct Measured {
    count: u64,
    wall: Duration,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.count as f64 / self.wall.as_secs_f64()
    }
}

fn native(program: Program, simulated: Duration) -> Measured {
    let mut engine = Engine::new(config(1));
    let count = Count::default();
    program(&mut engine, &count);
    let started = Instant::now();
    engine.run_until(Time::ZERO + simulated);
    Measured { count: count.get(), wall: started.elapsed() }
}

fn on_turmoil(program: Program, simulated: Duration) -> Measured {
    let mut world = TurmoilWorld::new(TurmoilConfig { seed: 1, latency: Duration::from_millis(1) });
    let count = Count::default();
    program(&mut world, &count);
    let started = Instant::now();
    world.run(simulated).expect("turmoil runs");
    Measured { count: count.get(), wall: started.elapsed() }
}

/// One line of the table.
struct Line {
    name: &'static str,
    program: Program,
    native_for: Duration,
    /// `None`: the native engine alone.
    turmoil_for: Option<Duration>,
    /// Whether simulated time was the same, so that wall time is compared; otherwise messages per second are.
    same_world: bool,
    target: &'static str,
}

const LINES: [Line; 4] = [
    Line {
        name: "calls",
        program: calls,
        native_for: Duration::from_secs(2),
        turmoil_for: Some(Duration::from_secs(4)),
        same_world: false,
        target: ">= 4 M/s, 8x",
    },
    Line {
        name: "frames",
        program: frames,
        native_for: Duration::from_secs(2),
        turmoil_for: Some(Duration::from_secs(4)),
        same_world: false,
        target: "5x",
    },
    Line {
        name: "sparse",
        program: sparse,
        native_for: Duration::from_secs(60),
        turmoil_for: Some(Duration::from_secs(60)),
        same_world: true,
        target: "500x",
    },
    Line {
        name: "timers",
        program: timers,
        native_for: Duration::from_secs(3_600),
        turmoil_for: None,
        same_world: true,
        target: "< 1 s",
    },
];

fn table() {
    println!("{:8} {:>12} {:>10} {:>12} {:>10} {:>8}  target", "", "native", "M/s", "turmoil", "M/s", "ratio");
    for line in &LINES {
        let ours = native(line.program, line.native_for);
        print!("{:8} {:>10.1}ms {:>10.2}", line.name, ours.wall.as_secs_f64() * 1e3, ours.per_second() / 1e6);
        if let Some(simulated) = line.turmoil_for {
            let theirs = on_turmoil(line.program, simulated);
            let ratio = if line.same_world {
                theirs.wall.as_secs_f64() / ours.wall.as_secs_f64()
            } else {
                ours.per_second() / theirs.per_second()
            };
            let (wall_ms, rate) = (theirs.wall.as_secs_f64() * 1e3, theirs.per_second() / 1e6);
            print!(" {wall_ms:>10.1}ms {rate:>10.2} {ratio:>7.1}x");
        } else {
            print!(" {:>12} {:>10} {:>8}", "-", "-", "-");
        }
        println!("  {}", line.target);
    }
}

fn main() -> ExitCode {
    // Cargo itself passes `--bench`.
    let Some(name) = std::env::args().skip(1).find(|argument| argument != "--bench") else {
        table();
        return ExitCode::SUCCESS;
    };
    let Some(line) = LINES.iter().find(|line| line.name == name) else {
        let names = LINES.map(|line| line.name).join(", ");
        eprintln!("no line is called {name:?}; there are {names}");
        return ExitCode::from(2);
    };
    let measured = native(line.program, line.native_for);
    println!("{name}: {} in {:?}, {:.2} M/s", measured.count, measured.wall, measured.per_second() / 1e6);
    ExitCode::SUCCESS
}
