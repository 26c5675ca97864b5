//! Same seed, same hash; another seed, another hash; and neither serde nor a newcomer's draws change anything.

use std::time::Duration;

use engine::{Engine, EngineConfig};
use runtime::call::{CallContext, Caller};
use runtime::random::RngExt;

use crate::support::*;

/// Ten clients call three servers at random moments; returns the hash and the event count.
fn busy_run(config: EngineConfig, newcomer: bool) -> (u128, u64, Vec<u64>) {
    let mut engine = Engine::new(config);
    let zones = ["a", "b", "c"];
    let servers: Vec<_> = zones.iter().map(|zone| host(&mut engine, &format!("server-{zone}"), zone)).collect();
    for (server, zone) in servers.iter().zip(zones) {
        process(&mut engine, &format!("server-{zone}"), *server, || add_one(Duration::from_micros(300)));
    }
    let answered = Notes::new();
    let clients = host(&mut engine, "clients", "a");
    for client in 0..10usize {
        let (servers, answered) = (servers.clone(), answered.clone());
        process(&mut engine, &format!("client-{client}"), clients, move || {
            let (server, answered) = (servers[client % 3], answered.clone());
            async move {
                let mut stream = runtime::random::stream("think");
                runtime::sleep(Duration::from_millis(1)).await;
                let caller = Caller::<u64, u64>::connect(at(server)).await.unwrap();
                for number in 0..200 {
                    runtime::sleep(Duration::from_micros(stream.random_range(0..20_000))).await;
                    let answer = caller.call(number, CallContext::within(Duration::from_secs(1), 0)).await;
                    answered.add(answer.unwrap());
                }
            }
        });
    }
    let last_known = answered.clone();
    if newcomer {
        // It shares no host and no connection with the others, and draws from a stream of its own.
        let elsewhere = host(&mut engine, "elsewhere", "b");
        process(&mut engine, "newcomer", elsewhere, || async {
            let mut stream = runtime::random::stream("think");
            for _ in 0..1_000 {
                runtime::sleep(Duration::from_micros(stream.random_range(0..10_000))).await;
            }
        });
    }
    run(&mut engine, 60);
    let times = last_known.all().into_iter().map(|(at, _)| at.nanos()).collect();
    (engine.control().trace_hash(), engine.control().events(), times)
}

#[test]
fn a_seed_is_a_run() {
    assert_eq!(busy_run(config(1), false), busy_run(config(1), false));
    assert_ne!(busy_run(config(1), false).0, busy_run(config(2), false).0);
}

#[test]
fn frames_carry_nothing_that_serde_does_not() {
    let checked = EngineConfig { wire_check: true, ..config(1) };
    assert_eq!(busy_run(checked, false), busy_run(config(1), false));
}

#[test]
fn a_newcomer_shifts_nobody() {
    assert_eq!(busy_run(config(1), false).2, busy_run(config(1), true).2);
}

#[test]
fn another_order_is_another_run_with_the_same_work() {
    let drawn = EngineConfig { draw_order: true, ..config(1) };
    let (hash, _, times) = busy_run(drawn, false);
    let (usual_hash, _, usual_times) = busy_run(config(1), false);
    assert_ne!(hash, usual_hash);
    assert_eq!(times.len(), usual_times.len());
}

#[test]
fn two_engines_on_one_thread_do_not_wake_each_other() {
    let mut outer = Engine::new(config(1));
    let machine = host(&mut outer, "machine", "a");
    let notes = noting(&mut outer, "outer", machine, move |notes| async move {
        let inner = busy_run(config(1), false);
        notes.add(inner.0);
        runtime::sleep(Duration::from_secs(1)).await;
        notes.add(inner.0);
    });
    run(&mut outer, 5);
    assert_eq!(notes.values(), [busy_run(config(1), false).0; 2]);
}
