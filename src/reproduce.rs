//! The line that does a run again: the command with every option that its trace depends on and, where a shell reads no further, which program and
//! which input it needs, and the trace that it comes to.

use std::time::Duration;

use crate::prepare::Prepared;

/// Digits of the scenario's hash that the line has: enough to tell one from any other that anybody runs. `run.json` has them all.
const SCENARIO_DIGITS: usize = 16;

/// The line for one seed of what was prepared. Without a `trace_hash` it promises none: the run came to no end that another one could be
/// compared at.
#[must_use]
pub fn line(prepared: &Prepared, seed: u64, until: Option<Duration>, trace_hash: Option<&str>) -> String {
    let mut line = format!("rehearse run {} --seed {seed}", prepared.arguments().join(" "));
    if let Some(until) = until {
        line.push_str(&format!(" --until {}", scenarios::duration_text(until)));
    }
    let scenario = prepared.hash.get(..SCENARIO_DIGITS).unwrap_or(&prepared.hash);
    line.push_str(&format!("  # {}, scenario {scenario}", program()));
    if let Some(trace) = trace_hash {
        line.push_str(&format!(", trace {trace}"));
    }
    line
}

/// The command of a [`line`], without what follows for people.
#[must_use]
pub fn command(line: &str) -> &str {
    line.split("  #").next().unwrap_or_default()
}

/// Which program this is: the commit that it was built from, which says so if its sources had been changed since, or else its version.
fn program() -> String {
    match env!("REHEARSAL_COMMIT") {
        "" => format!("version {}, of an unknown commit", env!("CARGO_PKG_VERSION")),
        commit => format!("commit {commit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare::prepare;

    #[test]
    fn the_line_has_what_the_trace_depends_on_and_the_trace_and_its_command_alone_is_run() {
        let prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        let until = Some(Duration::from_secs(40));
        let whole = line(&prepared, 7, until, Some("9b0e3a4d17c85f22"));
        assert_eq!(command(&whole), "rehearse run scenarios/smoke/crash.toml --seed 7 --until 40s");
        let told = format!("scenario {}, trace 9b0e3a4d17c85f22", &prepared.hash[..16]);
        assert!(whole.ends_with(&told), "{whole}");
        assert!(whole.contains(&program()), "{whole}");
        assert!(!line(&prepared, 7, None, None).contains("trace"), "it came to none");
    }
}
