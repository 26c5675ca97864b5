//! Chaos finds bugs: some that are planted here are found, named and told from what fails without them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rehearsal::chaos::Base;
use rehearsal::chaos::planted::{BUGS, Hunter, Limits};
use rehearsal::prepare::prepare;

/// The quickest to find, each with who names it; `rehearse chaos --planted` hunts all of them.
const QUICK: &[(&str, &str)] = &[
    ("balance-without-entry", "balance-folds-entries"),
    ("driver-freed-apart", "trip-and-driver-agree"),
    ("epoch-not-raised", "one-driver-per-epoch"),
    ("offer-accepted-late", "accepted-in-time"),
    ("outbox-after-commit", "outbox-tells-every-change"),
    ("unknown-taken-for-paid", "captured-once"),
];

#[test]
fn what_is_planted_is_found_and_named() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/chaos/town.toml");
    let base = Base::new(prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}")));
    let interrupt = Arc::default();
    let hunter = Hunter::new(&base, Limits { seeds: 1..6, total_s: f64::INFINITY, shrink_s: 0.0 }, &interrupt);
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
    let mut named = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("model/platform/src"), root.join("model/cloud/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the sources") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            let names = text.split("planted::is(\"").skip(1).filter_map(|rest| rest.split('"').next());
            named.extend(names.map(str::to_owned));
        }
    }
    let listed: Vec<String> = BUGS.iter().map(|bug| bug.name.to_owned()).collect();
    assert_eq!(named.into_iter().collect::<Vec<_>>(), listed);
    assert!(listed.len() >= 15);
}
