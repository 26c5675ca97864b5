//! What is slow, tight or off, without being broken.

use std::time::Duration;

use engine::{Engine, FaultPointPlan};
use runtime::Time;
use runtime::call::{CallContext, Caller};
use runtime::world::{HostSpec, World};

use crate::support::*;

/// How long one piece of work and one flush take, and what the wall clock shows after them.
async fn paces(notes: Notes<(Duration, Duration, Time)>) {
    loop {
        let started = runtime::now();
        runtime::cpu::work(Duration::from_millis(10)).await;
        let worked = runtime::now();
        let log: runtime::disk::Log<u64> = runtime::disk::open("log");
        log.append(1, 8);
        log.flush().await;
        let flushed = runtime::now();
        notes.add((worked.since(started), flushed.since(worked), runtime::wall_now()));
        runtime::sleep_until(started + Duration::from_secs(1)).await;
    }
}

#[test]
fn a_degraded_host_is_slow_until_it_is_set_right_and_its_clock_moves_no_timer() {
    let mut engine = Engine::new(config(1));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "pacer", machine, paces);
    let process = named(&engine, "pacer");
    let control = engine.control();
    control.at(Time(500_000_000), move |control| {
        control.slow_processors(machine, 4.0);
        control.slow_volume(machine, 3.0);
        control.skew_clock(machine, -250_000_000, 0);
    });
    control.at(Time(1_500_000_000), move |control| {
        control.slow_processors(machine, 1.0);
        control.slow_volume(machine, 1.0);
        control.skew_clock(machine, 0, 0);
        control.limit_processor(process, Some(50));
    });
    control.at(Time(2_500_000_000), move |control| control.limit_processor(process, None));
    run(&mut engine, 4);
    let (ms, seen) = (Duration::from_millis, notes.all());
    let work: Vec<Duration> = seen.iter().map(|(_, (work, ..))| *work).collect();
    assert_eq!(work, [ms(10), ms(40), ms(105), ms(10)], "5 ms a period of 100 ms are allowed in the third second");
    let flushes: Vec<Duration> = seen.iter().map(|(_, (_, flush, _))| *flush).collect();
    assert_eq!((flushes[1], flushes[2]), (flushes[0] * 3, flushes[0]));
    let off: Vec<Duration> = seen.iter().map(|(at, (.., wall))| at.since(*wall)).collect();
    assert_eq!(off, [ms(0), ms(250), ms(0), ms(0)]);
}

#[test]
fn a_tight_link_out_of_a_host_makes_frames_wait() {
    let mut engine = Engine::new(config(2));
    let spec = |name| HostSpec { egress_bytes_per_s: Some(1 << 30), ..host_spec(name, "a") };
    let (server, client) = (engine.add_host(spec("server")), engine.add_host(spec("client")));
    process(&mut engine, "server", server, || add_one(Duration::ZERO));
    let notes = noting(&mut engine, "client", client, move |notes| async move {
        let caller = Caller::<u64, u64>::connect(at(server)).await.expect("the server is there");
        loop {
            let asked = runtime::now();
            caller.call(1, CallContext::within(Duration::from_secs(5), 0)).await.expect("an answer");
            notes.add(runtime::now().since(asked));
            runtime::sleep_until(asked + Duration::from_secs(1)).await;
        }
    });
    let control = engine.control();
    control.at(Time(1_500_000_000), move |control| control.limit_egress(client, Some(100)));
    control.at(Time(2_500_000_000), move |control| control.limit_egress(client, None));
    run(&mut engine, 4);
    let took: Vec<bool> = notes.values().iter().map(|took| *took > Duration::from_millis(20)).collect();
    assert_eq!(
        took,
        [false, false, true, false],
        "a few bytes take a while at 100 bytes a second: {:?}",
        notes.values()
    );
}

#[test]
fn a_fault_point_armed_on_the_way_fires_restarts_and_is_disarmed() {
    let mut engine = Engine::new(config(3));
    let machine = host(&mut engine, "machine", "a");
    let notes = noting(&mut engine, "victim", machine, move |notes| async move {
        notes.add("starts");
        loop {
            runtime::sleep(Duration::from_secs(1)).await;
            runtime::fault_point!("test.loop");
        }
    });
    let control = engine.control();
    control.at(Time::from_secs(10), |control| {
        let always = FaultPointPlan { probability: 1.0, at_most: u32::MAX };
        control.arm_fault_point("test.loop", always, Some(Duration::from_secs(3)));
    });
    control.at(Time(20_500_000_000), |control| control.disarm_fault_point("test.loop"));
    run(&mut engine, 60);
    let starts: Vec<u64> = notes.all().into_iter().map(|(at, _)| at.nanos() / 1_000_000_000).collect();
    assert_eq!(starts, [0, 13, 17, 21], "three seconds down, one up, until nothing is armed");
}
