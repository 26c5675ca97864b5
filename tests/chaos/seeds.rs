//! Seeds of chaos must pass, and say what they tried.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use faults::chaos::FAULTS_MIN;
use rehearsal::chaos::{Base, Coverage, Lived, live};
use rehearsal::prepare::prepare;
use scenarios::FaultKind;

const SEEDS: u64 = 50;

fn base() -> Base {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/chaos/town.toml");
    Base::new(prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}")))
}

fn lived(base: &Base, seed: u64) -> Lived {
    let prepared = base.prepare(&base.plan(seed), Path::new("seed.toml")).unwrap_or_else(|problem| panic!("{problem}"));
    live(&prepared, seed, Arc::default()).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"))
}

/// Ten simulated minutes at fifty requests a second or more, each under at least three faults.
#[test]
fn fifty_seeds_break_nothing_and_meet_every_stage_of_a_trip() {
    let base = base();
    let next = AtomicU64::new(1);
    let seen: Mutex<(Coverage, Vec<String>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(8) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > SEEDS {
                        return;
                    }
                    let lived = lived(&base, seed);
                    let (coverage, failed) = &mut *seen.lock().expect("nobody panicked");
                    coverage.add(&lived.coverage);
                    failed.extend(lived.failures.first().map(|failure| {
                        format!("seed {seed} failed {failure}\n  rehearse chaos --seeds {seed}..{}", seed + 1)
                    }));
                }
            });
        }
    });
    let (coverage, failed) = seen.into_inner().expect("nobody panicked");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let enough: u64 = coverage.overlapping.range(FAULTS_MIN..).map(|(_, seeds)| seeds).sum();
    assert_eq!(enough, SEEDS, "seeds by faults over active trips: {:?}", coverage.overlapping);
    assert!(coverage.met.len() >= 25, "kinds that struck: {:?}", coverage.met.keys());
    assert!(coverage.met.keys().all(|key| FaultKind::KEYS.contains(key)));
    let stages: std::collections::BTreeSet<_> = coverage.met.values().flat_map(|row| row.keys()).collect();
    assert!(stages.len() >= 14, "stages that met a fault: {stages:?}");
}

/// What a seed draws is a file like any other: run as such, it is the same run.
#[test]
fn a_plan_that_is_written_down_runs_as_the_seed_did() {
    let base = base();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file: PathBuf = directory.path().join("seed-3.toml");
    std::fs::write(&file, base.file_for(&base.plan(3), directory.path())).expect("a file");
    let read = prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}"));
    let again = live(&read, 3, Arc::default()).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(again.trace_hash.is_some());
    assert_eq!(again.trace_hash, lived(&base, 3).trace_hash);
}
