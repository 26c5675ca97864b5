//! Chaos finds bugs: some that are planted here are found, named and told from what fails without them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rehearsal::chaos::Base;
use rehearsal::chaos::planted::{BUGS, Hunter, Limits};
use rehearsal::prepare::prepare;

use crate::sources::named;

/// The quickest to find, each with who names it; `rehearse chaos --planted` hunts all of them.
const QUICK: &[(&str, &str)] = &[
    ("balance-without-entry", "balance-folds-entries"),
    ("cache-before-commit", "cache-tells-committed"),
    ("driver-freed-apart", "trip-and-driver-agree"),
    ("epoch-not-raised", "one-driver-per-epoch"),
    ("foreign-vehicle-cleared", "organisations-apart"),
    ("offer-accepted-late", "accepted-in-time"),
    ("outbox-after-commit", "outbox-tells-every-change"),
    ("rebalance-replays", "told-once"),
    ("stale-copy-read", "own-writes-read"),
    ("unknown-taken-for-paid", "captured-once"),
];

#[test]
fn what_is_planted_is_found_and_named() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/chaos/town.toml");
    let base = Base::new(prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}")));
    let interrupt = Arc::default();
    let hunter = Hunter::new(&base, Limits { seeds: 1..13, total_s: f64::INFINITY, shrink_s: 0.0 }, &interrupt);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(QUICK.len()) {
            scope.spawn(|| {
                while let Some((name, oracle)) = QUICK.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let bug = BUGS.iter().find(|bug| bug.name == *name).expect("a bug of this name");
                    let hunt = hunter.hunt(bug, &|| 0.0).unwrap_or_else(|problem| panic!("{name}: {problem}"));
                    let caught = hunt.caught.unwrap_or_else(|| panic!("{name} was not found"));
                    assert_eq!(caught.failure.name(), *oracle, "{name}: {}", caught.failure);
                }
            });
        }
    });
}

/// The list of bugs is the one in the code.
#[test]
fn every_planted_bug_is_listed_once() {
    let sites = named("planted::is(\"", &["model/platform/src", "model/cloud/src"]);
    let listed: Vec<String> = BUGS.iter().map(|bug| bug.name.to_owned()).collect();
    assert_eq!(sites.into_iter().collect::<Vec<_>>(), listed);
    assert!(listed.len() >= 15);
}
