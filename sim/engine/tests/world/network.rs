//! Resets and silence are different things, and order is kept whatever happens.

use std::time::Duration;

use engine::{Engine, LinkFault, Transport};
use runtime::Time;
use runtime::call::{CallContext, CallError, Caller};
use runtime::net::{Closed, Listener, connect};
use runtime::world::{HostSpec, World};

use crate::support::*;

const MS: Duration = Duration::from_millis(1);

/// One client in zone a calls a server in zone b every 100 ms with a 2 s deadline and notes each result.
fn calling_world(seed: u64) -> (Engine, Notes<Result<u64, CallError>>) {
    let mut engine = Engine::new(config(seed));
    let server = host(&mut engine, "server", "b");
    let client = host(&mut engine, "client", "a");
    process(&mut engine, "server", server, || add_one(Duration::from_micros(50)));
    let notes = noting(&mut engine, "client", client, move |notes| async move {
        let mut caller: Option<Caller<u64, u64>> = None;
        for number in 0..100 {
            runtime::sleep(100 * MS).await;
            if caller.as_ref().is_none_or(|caller| caller.closed().is_some()) {
                caller = Caller::connect(at(server)).await.ok();
            }
            let Some(caller) = &caller else {
                notes.add(Err(CallError::Connection(Closed::Refused)));
                continue;
            };
            notes.add(caller.call(number, CallContext::within(Duration::from_secs(2), 0)).await);
        }
    });
    (engine, notes)
}

#[test]
fn a_killed_process_is_known_in_milliseconds() {
    let (mut engine, notes) = calling_world(1);
    let control = engine.control();
    let server = control.processes()[0].0;
    // Between two calls; the next one finds the connection reset.
    control.at(Time(1_050_000_000), move |control| control.crash(server, Some(Duration::from_secs(1))));
    run(&mut engine, 20);
    let failed: Vec<_> = notes.all().into_iter().filter(|(_, result)| result.is_err()).collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|(_, result)| *result == Err(CallError::Connection(Closed::Refused))), "{failed:?}");
    assert_eq!(notes.values().iter().filter(|result| result.is_ok()).count(), 100 - failed.len());
    // Each attempt fails within the round trip: a call every 100 ms while the process is away for a second.
    assert!((8..=11).contains(&failed.len()), "{failed:?}");
}

#[test]
fn a_blackholed_host_is_waited_for_until_the_deadline() {
    let (mut engine, notes) = calling_world(2);
    let control = engine.control();
    let hosts: Vec<_> = control.hosts().into_iter().map(|(id, _)| id).collect();
    let (server, client) = (hosts[0], hosts[1]);
    control.at(Time::from_secs(1), move |control| {
        let cut = control.begin_link_fault(&[server], &[client], LinkFault::Cut);
        control.at(Time::from_secs(4), move |control| control.end_link_fault(cut));
    });
    run(&mut engine, 30);
    let failed: Vec<_> = notes.all().into_iter().filter(|(_, result)| result.is_err()).collect();
    assert_eq!(failed.len(), 1, "one call waits its 2 s out, the next one's answer comes by a resend: {failed:?}");
    assert_eq!(failed[0].1, Err(CallError::DeadlineExceeded));
}

#[test]
fn a_host_that_loses_power_says_nothing_until_it_is_back() {
    let (mut engine, notes) = calling_world(3);
    let control = engine.control();
    let server = control.hosts()[0].0;
    control.at(Time::from_secs(1), move |control| control.power_off(server));
    control.at(Time::from_secs(5), move |control| control.power_on(server));
    run(&mut engine, 200);
    let results = notes.values();
    let lost: Vec<_> = results.iter().filter(|result| **result == Err(CallError::DeadlineExceeded)).collect();
    assert!(lost.len() >= 10, "{results:?}");
    assert!(
        results.contains(&Err(CallError::Connection(Closed::Reset))),
        "a resend after the boot is answered by a reset"
    );
    assert_eq!(*results.last().unwrap(), Ok(100));
}

#[test]
fn nobody_listening_refuses_and_nobody_there_times_out() {
    let mut engine = Engine::new(config(4));
    let there = host(&mut engine, "there", "a");
    let gone = host(&mut engine, "gone", "b");
    let client = host(&mut engine, "client", "a");
    let notes = noting(&mut engine, "client", client, move |notes| async move {
        notes.add(connect::<u8, u8>(at(there)).await.err());
        notes.add(connect::<u8, u8>(at(gone)).await.err());
    });
    engine.control().power_off(gone);
    run(&mut engine, 200);
    let notes = notes.all();
    assert_eq!((notes[0].1, notes[1].1), (Some(Closed::Refused), Some(Closed::TimedOut)));
    let waited = notes[1].0.since(notes[0].0);
    assert_eq!(waited.as_secs(), 127, "Linux's six resends of a dial");
}

/// When a client notices that its server lost power at 10 s: the call that it sends every second dies with its connection.
fn noticed(transport: Transport) -> u64 {
    let mut engine = Engine::new(config(7));
    engine.set_transport(transport, 0.0);
    let server = host(&mut engine, "server", "a");
    let client = host(&mut engine, "client", "b");
    process(&mut engine, "server", server, || add_one(Duration::ZERO));
    let notes = noting(&mut engine, "client", client, move |notes| async move {
        let caller = Caller::<u64, u64>::connect(at(server)).await.expect("the server listens");
        runtime::sleep_until(Time::from_secs(11)).await;
        notes.add(caller.call(1, CallContext::within(Duration::from_secs(10_000), 0)).await);
    });
    engine.control().at(Time::from_secs(10), move |control| control.power_off(server));
    run(&mut engine, 2_000);
    let notes = notes.all();
    assert_eq!(notes[0].1, Err(CallError::Connection(Closed::TimedOut)));
    notes[0].0.since(Time::from_secs(11)).as_secs()
}

#[test]
fn a_sender_gives_up_as_its_kernel_is_told() {
    assert_eq!(noticed(Transport::default()), 924, "Linux's fifteen resends, 924.6 s");
    assert_eq!(noticed(Transport { retries: 8, ..Transport::default() }), 102, "eight resends, 102.2 s");
    assert_eq!(noticed(Transport { retries: 5, ..Transport::default() }), 12, "five resends, 12.6 s");
}

#[test]
fn a_lossy_network_costs_resends_and_loses_nothing() {
    let answered = |loss: f64| {
        let (mut engine, notes) = calling_world(8);
        engine.set_transport(Transport::default(), loss);
        run(&mut engine, 200);
        let notes = notes.all();
        assert!(notes.iter().all(|(_, result)| result.is_ok()), "{notes:?}");
        notes.last().unwrap().0
    };
    assert!(answered(0.1).since(answered(0.0)) > Duration::from_secs(2));
}

#[test]
fn frame_types_are_checked_at_the_dial() {
    let mut engine = Engine::new(config(5));
    let server = host(&mut engine, "server", "a");
    process(&mut engine, "server", server, || add_one(Duration::ZERO));
    let notes = noting(&mut engine, "client", server, move |notes| async move {
        runtime::sleep(MS).await;
        notes.add(connect::<String, String>(at(server)).await.err());
        notes.add(Caller::<u64, u64>::connect(at(server)).await.err());
    });
    run(&mut engine, 1);
    assert_eq!(notes.values(), [Some(Closed::WrongProtocol), None]);
}

#[test]
fn order_is_kept_under_loss_and_a_partition() {
    let mut engine = Engine::new(config(6));
    let (server, client) = (host(&mut engine, "server", "b"), host(&mut engine, "client", "a"));
    let notes = noting(&mut engine, "server", server, move |notes| async move {
        let listener = Listener::<u64, u64>::bind(PORT).unwrap();
        let connection = listener.accept().await;
        while let Ok(number) = connection.recv().await {
            notes.add(number);
        }
    });
    process(&mut engine, "client", client, move || async move {
        runtime::sleep(MS).await;
        let connection = connect::<u64, u64>(at(server)).await.unwrap();
        for number in 0..1_000 {
            connection.send(number);
            runtime::sleep(10 * MS).await;
        }
        runtime::sleep(Duration::from_secs(60)).await;
    });
    let control = engine.control();
    control.begin_link_fault(&[client], &[server], LinkFault::Loss { probability: 0.2 });
    control.at(Time::from_secs(3), move |control| {
        let cut = control.begin_link_fault(&[client], &[server], LinkFault::Cut);
        control.at(Time::from_secs(5), move |control| control.end_link_fault(cut));
    });
    run(&mut engine, 90);
    assert_eq!(notes.values(), (0..1_000).collect::<Vec<_>>());
    let late = notes.all().iter().filter(|(at, number)| at.nanos() > number * 10_000_000 + 150_000_000).count();
    assert!(late > 100, "loss and the partition cost time: {late}");
}

#[test]
fn keepalive_finds_a_peer_that_fell_silent() {
    let mut engine = Engine::new(config(7));
    let (server, client) = (host(&mut engine, "server", "b"), host(&mut engine, "client", "a"));
    let notes = noting(&mut engine, "server", server, move |notes| async move {
        let listener = Listener::<u64, u64>::bind(PORT).unwrap();
        let connection = listener.accept().await;
        connection.keepalive(Duration::from_secs(300), Duration::from_secs(60));
        notes.add(connection.recv().await);
    });
    process(&mut engine, "client", client, move || async move {
        runtime::sleep(MS).await;
        let _connection = connect::<u64, u64>(at(server)).await.unwrap();
        runtime::task::forever().await;
    });
    engine.control().at(Time::from_secs(10), move |control| control.power_off(client));
    run(&mut engine, 2_000);
    assert_eq!(notes.all(), [(Time::from_secs(370), Err(Closed::TimedOut))]);
}

#[test]
fn bandwidth_is_shared_in_order() {
    let mut engine = Engine::new(config(8));
    let server = host(&mut engine, "server", "a");
    let slow = engine.add_host(HostSpec { egress_bytes_per_s: Some(10_000), ..host_spec("slow", "a") });
    let notes = noting(&mut engine, "server", server, move |notes| async move {
        let listener = Listener::<Vec<u8>, Vec<u8>>::bind(PORT).unwrap();
        let connection = listener.accept().await;
        while let Ok(bytes) = connection.recv().await {
            notes.add(bytes.len());
        }
    });
    process(&mut engine, "client", slow, move || async move {
        runtime::sleep(MS).await;
        let connection = connect::<Vec<u8>, Vec<u8>>(at(server)).await.unwrap();
        for _ in 0..10 {
            connection.send(vec![7; 932]); // 1,000 bytes with length and headers
        }
        runtime::task::forever().await;
    });
    run(&mut engine, 5);
    let notes = notes.all();
    assert_eq!(notes.len(), 10);
    let took = notes[9].0.since(notes[0].0).as_secs_f64();
    assert!((took - 0.9).abs() < 0.002, "nine frames of a tenth of a second each: {took}");
}
