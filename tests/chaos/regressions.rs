//! Scenarios that failed once, each shrunk to what made it fail, and that must pass from then on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehearsal::chaos::live;
use rehearsal::prepare::prepare;

#[test]
fn what_failed_once_passes() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/regressions");
    let entries = std::fs::read_dir(&directory).expect("the directory is committed");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "{} is empty", directory.display());
    let mut failed = Vec::new();
    for file in files {
        let prepared = prepare(&file, None).unwrap_or_else(|problem| panic!("{problem}"));
        // A file is called by the seed under which it failed, and why: `48-untold-commit.toml`.
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        let seed = name.split('-').next().and_then(|seed| seed.parse().ok()).expect("a name that begins with a seed");
        let lived = live(&prepared, seed, Arc::default()).unwrap_or_else(|problem| panic!("{problem}"));
        failed.extend(lived.failures.first().map(|failure| format!("{}: {failure}", file.display())));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
