//! Processes crash, restart, pause and panic; what is lost is what a real one would lose.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use engine::{Engine, FaultPointPlan, Stopped};
use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::child::{self, ChildSpec};
use runtime::watched::Watched;

use crate::support::*;

/// Says when it is dropped, and tries to do what a dead process cannot.
struct Mourner(Rc<Cell<u32>>);

impl Drop for Mourner {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        let count = self.0.clone();
        drop(runtime::spawn(async move { count.set(count.get() + 100) }));
    }
}

#[test]
fn a_crash_drops_tasks_and_what_their_destructors_spawn() {
    let mut engine = Engine::new(config(1));
    let machine = host(&mut engine, "machine", "a");
    let dropped = Rc::new(Cell::new(0));
    let count = dropped.clone();
    let victim = process(&mut engine, "victim", machine, move || {
        let count = count.clone();
        async move {
            for _ in 0..3 {
                let mourner = Mourner(count.clone());
                drop(runtime::spawn(async move {
                    let _mourner = mourner;
                    runtime::task::forever().await;
                }));
            }
            runtime::task::forever().await;
        }
    });
    engine.control().at(Time::from_secs(1), move |control| control.crash(victim, None));
    run(&mut engine, 2);
    assert_eq!(dropped.get(), 3);
    assert!(!engine.control().is_running(victim));
}

#[test]
fn a_paused_process_is_late_but_whole() {
    let mut engine = Engine::new(config(2));
    let machine = host(&mut engine, "machine", "a");
    let server = process(&mut engine, "server", machine, || add_one(Duration::ZERO));
    let notes = noting(&mut engine, "client", machine, move |notes| async move {
        runtime::sleep(Duration::from_millis(1)).await;
        let caller = Caller::<u64, u64>::connect(at(machine)).await.unwrap();
        for number in 0..40 {
            let (caller, notes) = (caller.clone(), notes.clone());
            drop(runtime::spawn(async move {
                notes.add(caller.call(number, CallContext::within(Duration::from_secs(60), 0)).await);
            }));
            runtime::sleep(Duration::from_millis(500)).await;
        }
        runtime::task::forever().await; // the connection is this process's
    });
    let control = engine.control();
    control.at(Time::from_secs(5), move |control| control.pause(server));
    control.at(Time::from_secs(15), move |control| control.resume(server));
    run(&mut engine, 60);
    let notes = notes.all();
    assert_eq!(notes.len(), 40);
    assert!(notes.iter().all(|(_, result)| result.is_ok()));
    let at_resume = notes.iter().filter(|(at, _)| at.as_secs_f64() > 15.0 && at.as_secs_f64() < 15.001).count();
    assert_eq!(at_resume, 20, "every call of the ten seconds is answered when the server goes on");
}

#[test]
fn a_panic_is_a_crash_that_names_its_place() {
    let mut engine = Engine::new(config(3));
    let machine = host(&mut engine, "machine", "a");
    process(&mut engine, "careless", machine, || async {
        runtime::sleep(Duration::from_secs(2)).await;
        panic!("no driver has this id: {}", 7);
    });
    assert_eq!(engine.run_until(Time::from_secs(5)), Stopped::Reached);
    let panics = engine.control().panics();
    assert_eq!(panics.len(), 1);
    assert_eq!((panics[0].process.as_str(), panics[0].at), ("careless", Time::from_secs(2)));
    assert_eq!(panics[0].message, "no driver has this id: 7");
    assert!(panics[0].location.contains("processes.rs:"), "{}", panics[0].location);
}

#[test]
fn only_what_was_flushed_survives_a_loss_of_power_and_a_crash_loses_nothing_written() {
    for (power_loss, expected) in [(true, vec![1]), (false, vec![1, 2])] {
        let mut engine = Engine::new(config(4));
        let machine = host(&mut engine, "machine", "a");
        let notes = noting(&mut engine, "writer", machine, move |notes| async move {
            let log = runtime::disk::open::<u32>("journal");
            notes.add(log.records().to_vec());
            if log.records().is_empty() {
                log.append(1, 100);
                log.flush().await;
                log.append(2, 100);
            }
            runtime::task::forever().await;
        });
        let writer = named(&engine, "writer");
        let control = engine.control();
        control.at(Time::from_secs(5), move |control| {
            if power_loss {
                control.power_off(machine);
                control.power_on(machine);
            } else {
                control.crash(writer, Some(Duration::ZERO));
            }
        });
        run(&mut engine, 60);
        assert_eq!(notes.values(), [vec![], expected]);
    }
}

#[test]
fn an_armed_fault_point_ends_its_process_as_often_as_it_may() {
    let mut config = config(5);
    config.fault_points.insert("test.before".into(), FaultPointPlan { probability: 1.0, at_most: 1 });
    let mut engine = Engine::new(config);
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "victim", machine, move |notes| async move {
        notes.add("before");
        runtime::fault_point!("test.before");
        notes.add("after");
        runtime::fault_point!("test.unarmed");
    });
    let victim = named(&engine, "victim");
    run(&mut engine, 1);
    assert_eq!(notes.values(), ["before"]);
    assert!(!engine.control().is_running(victim));
    engine.control().crash(victim, Some(Duration::ZERO));
    run(&mut engine, 2);
    assert_eq!(notes.values(), ["before", "before", "after"], "it fires once in a run");
}

#[test]
fn a_run_that_never_lets_time_pass_is_ended() {
    let mut engine = Engine::new(config(6));
    let machine = host(&mut engine, "machine", "a");
    process(&mut engine, "spinner", machine, || async {
        loop {
            runtime::yield_now().await;
        }
    });
    let stopped = engine.run_until(Time::from_secs(1));
    assert_eq!(stopped, Stopped::Wedged { process: "spinner".into(), at: Time::ZERO });
}

#[test]
fn waiters_on_a_value_wake_in_the_order_in_which_they_began() {
    let mut engine = Engine::new(config(9));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "waiting", machine, move |notes| async move {
        let value = Rc::new(Watched::new(0));
        for number in 0..20 {
            let (value, notes) = (value.clone(), notes.clone());
            drop(runtime::spawn(async move {
                value.wait_until(|value| *value == 2).await;
                notes.add(number);
            }));
        }
        for seconds in 1..=2 {
            runtime::sleep(Duration::from_secs(1)).await;
            value.replace(seconds);
        }
    });
    run(&mut engine, 3);
    assert_eq!(notes.values(), (0..20).collect::<Vec<_>>());
}

/// A parent that starts a child, notes each of its ends, and starts it again unless the child ended `lives` times.
async fn parent(notes: Notes<&'static str>, lives: u32) {
    let spec = ChildSpec {
        name: "child".to_owned(),
        cpu_limit_millicores: Some(500),
        start: Rc::new(|| Box::pin(add_one(Duration::from_millis(100)))),
    };
    for _ in 0..lives {
        let child = child::start(spec.clone()).expect("nobody else is called so");
        assert!(child::start(spec.clone()).is_err(), "two of one name");
        notes.add("started");
        child.ended().await;
        assert!(!child.is_running());
        notes.add("ended");
    }
    runtime::task::forever().await;
}

#[test]
fn a_child_is_its_parents_to_start_and_whoever_else_ends_it_starts_nothing() {
    let mut engine = Engine::new(config(7));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "mother", machine, |notes| parent(notes, 2));
    let mother = named(&engine, "mother");
    run(&mut engine, 1);
    let control = engine.control();
    let child = named(&engine, "child");
    assert_eq!(control.processor_capacity(child), Some(0.5));
    control.at(Time::from_secs(1), move |control| control.crash(child, Some(Duration::ZERO)));
    run(&mut engine, 2);
    assert_eq!(notes.values(), ["started", "ended", "started"]);
    control.at(Time::from_secs(2), move |control| control.crash(mother, None));
    run(&mut engine, 3);
    assert!(control.is_running(child), "it outlives its parent");
    control.at(Time::from_secs(3), move |control| {
        control.crash(child, Some(Duration::ZERO));
        control.start(child);
    });
    run(&mut engine, 4);
    assert!(!control.is_running(child));
    assert_eq!(notes.values(), ["started", "ended", "started"], "nobody was there to hear of it");
}

#[test]
fn a_boot_starts_the_parent_and_the_parent_its_child() {
    let mut engine = Engine::new(config(8));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "mother", machine, |notes| parent(notes, 1));
    let control = engine.control();
    control.at(Time::from_secs(1), move |control| control.power_off(machine));
    control.at(Time::from_secs(10), move |control| control.power_on(machine));
    run(&mut engine, 60);
    let started: Vec<_> = notes.all().into_iter().filter(|(_, note)| *note == "started").map(|(at, _)| at).collect();
    assert_eq!(started, [Time::ZERO, Time::from_secs(40)], "once, and once more after 30 s of booting");
}

#[test]
fn a_child_that_is_killed_resets_its_connections_and_has_used_what_it_worked() {
    let mut engine = Engine::new(config(9));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "mother", machine, move |notes| async move {
        let start = Rc::new(|| -> runtime::backend::LocalFuture { Box::pin(add_one(Duration::from_millis(100))) });
        let spec = ChildSpec { name: "child".to_owned(), cpu_limit_millicores: None, start };
        let child = child::start(spec).expect("nobody else is called so");
        let caller = Caller::<u64, u64>::connect(at(machine)).await.expect("it listens");
        let within = |seconds| CallContext::within(Duration::from_secs(seconds), 0);
        assert_eq!(caller.call(1, within(1)).await, Ok(2));
        notes.add(child.processor_time());
        child.kill();
        child.kill();
        assert!(caller.call(1, within(1)).await.is_err());
        runtime::task::forever().await;
    });
    run(&mut engine, 5);
    assert_eq!(notes.values(), [Duration::from_millis(100)]);
}
