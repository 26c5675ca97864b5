//! Queues wait as queueing theory says.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use engine::Engine;
use runtime::random::{RngExt, Stream};
use runtime::world::{HostSpec, World};

use crate::support::*;

fn exponential(stream: &mut Stream, mean: Duration) -> Duration {
    let uniform: f64 = stream.random();
    mean.mul_f64(-libm::log(1.0 - uniform))
}

/// Mean wait in units of the mean service time, of an M/M/c queue made of a host's cores.
fn mean_wait(seed: u64, cores: u16, utilisation: f64, customers: u32) -> f64 {
    let mut engine = Engine::new(config(seed));
    let machine = engine.add_host(HostSpec { cores, ..host_spec("machine", "a") });
    let service = Duration::from_millis(1);
    let waited = Rc::new(Cell::new(Duration::ZERO));
    let total = waited.clone();
    process(&mut engine, "queue", machine, move || {
        let total = total.clone();
        async move {
            let (mut arrivals, mut services) =
                (runtime::random::stream("arrivals"), runtime::random::stream("services"));
            for _ in 0..customers {
                let gap = service.div_f64(f64::from(cores) * utilisation);
                runtime::sleep(exponential(&mut arrivals, gap)).await;
                let (work, total, arrived) = (exponential(&mut services, service), total.clone(), runtime::now());
                drop(runtime::spawn(async move {
                    runtime::cpu::work(work).await;
                    total.set(total.get() + runtime::now().since(arrived) - work);
                }));
            }
            runtime::task::forever().await;
        }
    });
    run(&mut engine, u64::from(customers) / 100);
    waited.get().as_secs_f64() / f64::from(customers) / service.as_secs_f64()
}

#[test]
fn cores_wait_as_erlang_c_says() {
    // Wq/S of M/M/c at a load of 0.8. Each tolerance is three standard deviations of this very mean over 30 seeds
    // (1.3 %, 1.5 % and 2.2 %): waits at this load are strongly correlated.
    for (cores, expected, tolerance) in [(1, 4.0, 0.040), (2, 1.7778, 0.045), (8, 0.2860, 0.066)] {
        let measured = mean_wait(1, cores, 0.8, 400_000);
        assert!((measured / expected - 1.0).abs() < tolerance, "c = {cores}: {measured} instead of {expected}");
    }
}
