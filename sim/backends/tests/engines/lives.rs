//! Processes: what is theirs, what ends with them, and what stays on their host.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use runtime::net::{Listener, connect};

use crate::support::*;

/// Says when it is dropped, and tries to do what a dead process cannot.
struct Mourner(Notes);

impl Drop for Mourner {
    fn drop(&mut self) {
        self.0.note(format!("dropped in {}", runtime::process_name()));
        let notes = self.0.clone();
        drop(runtime::spawn(async move { notes.note("a dead process ran on") }));
    }
}

#[test]
fn a_crash_drops_tasks_and_memory_and_keeps_the_disk() {
    let outcome = on_every_engine(|trial| {
        let (machine, phone) = (trial.host("machine"), trial.host("phone"));
        let notes = trial.notes.clone();
        let victim = trial.process("victim", machine, move || {
            let notes = notes.clone();
            async move {
                let log = runtime::disk::open::<u32>("lives");
                log.append(1, 4);
                log.flush().await;
                notes.note(format!("life {}", log.records().len()));
                let mourner = Mourner(notes.clone());
                drop(runtime::spawn(async move {
                    let _mourner = mourner;
                    runtime::task::forever().await;
                }));
                let listener = Listener::<(), ()>::bind(PORT).expect("the port was given back");
                let first = listener.accept().await;
                if log.records().len() == 2 {
                    first.send(());
                }
                runtime::task::forever().await;
            }
        });
        trial.crashes.push((victim, Duration::from_millis(100), Duration::from_millis(20)));
        trial.client(phone, move |notes| async move {
            loop {
                // Refused while it is down; held by the first life until it crashes; answered by the second.
                match connect::<(), ()>(at(machine)).await {
                    Ok(connection) if connection.recv().await.is_ok() => break,
                    _ => runtime::sleep(Duration::from_millis(5)).await,
                }
            }
            notes.note("answered");
        });
    });
    assert_eq!(outcome.notes, ["\"life 1\"", "\"dropped in victim\"", "\"life 2\"", "\"answered\""]);
}

#[test]
fn tasks_and_ports_belong_to_their_process() {
    let outcome = on_every_engine(|trial| {
        let machine = trial.host("machine");
        trial.process("neighbour", machine, || async {
            let _port = Listener::<(), ()>::bind(PORT).expect("the port is free");
            runtime::task::forever().await;
        });
        trial.client(machine, |notes| async move {
            runtime::yield_now().await;
            notes.note(Listener::<(), ()>::bind(PORT).err().map(|error| error.kind()));
            let port = Listener::<(), ()>::bind(PORT + 1).expect("this port is free");
            drop(port);
            notes.note(Listener::<(), ()>::bind(PORT + 1).is_ok());
            notes.note(runtime::spawn(async { runtime::process_name() }).await);
            let ran = Rc::new(Cell::new(false));
            let mark = ran.clone();
            let task = runtime::spawn(async move {
                runtime::sleep(Duration::from_millis(1)).await;
                mark.set(true);
            });
            runtime::yield_now().await;
            task.abort();
            runtime::sleep(Duration::from_millis(5)).await;
            notes.note((ran.get(), Rc::strong_count(&ran)));
        });
    });
    assert_eq!(outcome.notes, ["Some(AddrInUse)", "true", "\"client\"", "(false, 1)"]);
}

#[test]
fn random_streams_are_the_same_on_every_engine() {
    use runtime::random::RngExt;
    let outcome = on_every_engine(|trial| {
        let machine = trial.host("machine");
        trial.client(machine, |notes| async move {
            notes.note(runtime::random::stream("fares").random::<u64>());
        });
    });
    assert_eq!(outcome.notes.len(), 1);
}

/// Turmoil has no reset: there a crash is heard as a close.
#[test]
fn a_crash_resets_connections_where_the_engine_can() {
    let build = |trial: &mut Trial<'_>| {
        let (machine, phone) = (trial.host("machine"), trial.host("phone"));
        trial.process("victim", machine, || async {
            let listener = Listener::<(), ()>::bind(PORT).expect("the port is free");
            let connection = listener.accept().await;
            connection.recv().await.expect("the client says when");
            // Not here: unwinding would close this task's own connection in good order.
            runtime::spawn(async { panic!("as asked") }).await
        });
        trial.client(phone, move |notes| async move {
            let connection = connect::<(), ()>(at(machine)).await.expect("the victim listens");
            connection.send(());
            notes.note(connection.recv().await);
        });
    };
    assert_eq!(native(&build).notes, ["Err(Reset)"]);
    assert_eq!(live(&build).notes, ["Err(Reset)"]);
}
