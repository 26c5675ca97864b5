//! From a seed to a bad day: which kinds of faults exist at all, where, when and for how long, under which traffic.
//!
//! Swarm testing (Groce and others 2012, "Swarm testing"): a seed leaves most kinds out, so that what it keeps is not
//! drowned by what it could have been. What comes out is an ordinary scenario. Every aspect has a random stream of its
//! own, so that a new kind or another horizon does not shift the rest.

use std::time::Duration;

use runtime::random::{RngExt, Stream, derive};
use scenarios::{Blueprint, Fault, FaultKind, Scenario};

mod draw;
mod traffic;

use draw::Ground;

/// The fewest faults of a plan.
pub const FAULTS_MIN: usize = 3;

/// The most faults of a plan, those of a swizzle not counted. Assumption: beyond it nothing works for long enough to break.
const FAULTS_MAX: usize = 8;

/// The most kinds that one seed draws its faults from. Assumption.
const KINDS_MAX: usize = 6;

/// The share of a run, from its end, in which no fault begins: what breaks must have time to do harm. Assumption.
const CALM: f64 = 0.1;

/// The scenario of a seed: the base with faults of its own, and with traffic and pools somewhat off the base's.
#[must_use]
pub fn plan(base: &Scenario, blueprint: &Blueprint, seed: u64) -> Scenario {
    let mut scenario = base.clone();
    scenario.title = format!("{}, seed {seed}", base.title);
    traffic::shape(&mut scenario, blueprint, &mut aspect(seed, "traffic"));
    scenario.draw_order = aspect(seed, "order").random_bool(0.5);
    let ground = Ground::of(blueprint, scenario.duration, &mut aspect(seed, "focus"));
    let kinds = kinds(&ground, &mut aspect(seed, "kinds"));
    let mut times = aspect(seed, "times");
    let count = times.random_range(FAULTS_MIN..=FAULTS_MAX);
    for number in 0..count {
        let mut stream = aspect(seed, &format!("fault {number}"));
        let key = kinds[stream.random_range(0..kinds.len())];
        let at = onset(scenario.duration, &mut times);
        let kind = ground.draw(key, &mut stream).expect("kinds that this blueprint cannot break were left out");
        scenario.faults.push(Fault { at, kind });
    }
    scenario.faults.extend(swizzle(&ground, &mut aspect(seed, "swizzle")));
    scenario.faults.sort_by_key(|fault| fault.at);
    scenario
}

fn aspect(seed: u64, name: &str) -> Stream {
    derive(seed, "chaos", name)
}

/// The kinds that exist in this seed.
fn kinds(ground: &Ground<'_>, stream: &mut Stream) -> Vec<&'static str> {
    let count = stream.random_range(1..=KINDS_MAX);
    let mut possible: Vec<&str> = FaultKind::KEYS.iter().copied().filter(|key| ground.has(key)).collect();
    (0..count).map(|_| possible.swap_remove(stream.random_range(0..possible.len()))).collect()
}

/// A moment at which a fault begins, on a whole second.
fn onset(duration: Duration, stream: &mut Stream) -> Duration {
    let last = duration.mul_f64(1.0 - CALM).as_secs().max(1);
    Duration::from_secs(stream.random_range(0..last))
}

/// In one seed of four, hosts leave the network one by one and come back in another order, the last perhaps first
/// (FoundationDB's "swizzle-clogging"): what agrees by majority must survive every set on the way.
fn swizzle(ground: &Ground<'_>, stream: &mut Stream) -> Vec<Fault> {
    if stream.random_range(0..4) != 0 {
        return Vec::new();
    }
    let hosts = ground.some_hosts(stream);
    let begin = onset(ground.duration, stream).as_secs();
    let step = stream.random_range(1..=10);
    let mut healing: Vec<usize> = (0..hosts.len()).collect();
    draw::shuffle(&mut healing, stream);
    let all_gone = begin + step * hosts.len() as u64;
    let cut = |(index, host): (usize, String)| {
        let at = begin + step * index as u64;
        let healed = all_gone + step * (1 + healing[index] as u64);
        Fault { at: Duration::from_secs(at), kind: draw::host_blackhole(host, Duration::from_secs(healed - at)) }
    };
    let faults = hosts.into_iter().enumerate().map(cut);
    faults.filter(|fault| fault.at < ground.duration).collect()
}
