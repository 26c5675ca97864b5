//! Tells the program which commit it was built from, and whether its sources had been changed since, for the line that reproduces a run.

use std::process::Command;

/// What the program is made of.
const SOURCES: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "build.rs",
    "src",
    "sim",
    "model",
    "faults",
    "scenarios/Cargo.toml",
    "scenarios/src",
    "scenarios/notation",
    "reports/Cargo.toml",
    "reports/src",
];

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let status = ["--no-optional-locks", "status", "--porcelain", "--"];
    let changed = !commit.is_empty() && !git(&[&status[..], &SOURCES].concat()).is_empty();
    println!("cargo::rustc-env=REHEARSAL_COMMIT={commit}{}", if changed { " with changes" } else { "" });
    for path in SOURCES.iter().chain(&[".git/HEAD", ".git/refs/heads"]) {
        println!("cargo::rerun-if-changed={path}");
    }
}

/// What git answers; nothing where there is no git, or no repository.
fn git(arguments: &[&str]) -> String {
    let asked = Command::new("git").args(arguments).output();
    let answer = asked.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&answer).trim().to_owned()
}
