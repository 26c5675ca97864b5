//! The line that does a run again: the command, quoted for a POSIX shell, with every option that its trace depends on and, where a shell reads no
//! further, which program and which input it needs, and the trace that it comes to.

use std::time::Duration;

use crate::prepare::Prepared;

/// Digits of the scenario's hash that the line has: enough to tell one from any other that anybody runs. `run.json` has them all.
const SCENARIO_DIGITS: usize = 16;

/// The line for one seed of what was prepared. Without a `trace_hash` it promises none: the run came to no end that another one could be
/// compared at.
#[must_use]
pub fn line(prepared: &Prepared, seed: u64, until: Option<Duration>, trace_hash: Option<&str>) -> String {
    let mut words = vec!["rehearse".to_owned(), "run".to_owned()];
    words.extend(prepared.arguments());
    words.extend(["--seed".to_owned(), seed.to_string()]);
    if let Some(until) = until {
        words.extend(["--until".to_owned(), notation::units::duration_text(until)]);
    }
    let quoter = shlex::Quoter::new().allow_nul(true);
    let mut line =
        quoter.join(words.iter().map(String::as_str)).expect("it quotes everything but NUL, which it was allowed");
    let scenario = prepared.hash.get(..SCENARIO_DIGITS).unwrap_or(&prepared.hash);
    line.push_str(&format!("  # {}, scenario {scenario}", program()));
    if let Some(trace) = trace_hash {
        line.push_str(&format!(", trace {trace}"));
    }
    line
}

/// The words of the command of a [`line`] as a shell reads them, to which what follows for people is a comment; none if it can read none.
#[must_use]
pub fn command(line: &str) -> Option<Vec<String>> {
    shlex::split(line)
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
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::prepare::prepare;

    #[test]
    fn the_line_has_what_the_trace_depends_on_and_the_trace_and_its_command_alone_is_run() {
        let prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        let until = Some(Duration::from_secs(40));
        let whole = line(&prepared, 7, until, Some("9b0e3a4d17c85f22"));
        assert!(whole.starts_with("rehearse run scenarios/smoke/crash.toml --seed 7 --until 40s  # "), "{whole}");
        let words = ["rehearse", "run", "scenarios/smoke/crash.toml", "--seed", "7", "--until", "40s"];
        assert_eq!(command(&whole), Some(words.map(str::to_owned).to_vec()));
        let told = format!("scenario {}, trace 9b0e3a4d17c85f22", &prepared.hash[..16]);
        assert!(whole.ends_with(&told), "{whole}");
        assert!(whole.contains(&program()), "{whole}");
        assert!(!line(&prepared, 7, None, None).contains("trace"), "it came to none");
    }

    #[test]
    fn a_path_of_any_characters_is_one_word_of_the_command() {
        let mut prepared = prepare("scenarios/smoke/crash.toml".as_ref(), None).expect("a scenario");
        for path in ["my scenarios/a  # b.toml", "#1.toml", "it's $HOME.toml", "\"a\" \\ `b`.toml"] {
            (prepared.path, prepared.trips) = (path.into(), Some("the trips.csv".into()));
            let whole = line(&prepared, 7, None, Some("9b0e3a4d17c85f22"));
            let words = ["rehearse", "run", path, "--trips", "the trips.csv", "--seed", "7"];
            assert_eq!(command(&whole), Some(words.map(str::to_owned).to_vec()), "{whole}");
            let cli = Cli::try_parse_from(words).expect("the command line reads it");
            assert!(matches!(cli.command, Command::Run(run) if run.which.scenario == prepared.path));
        }
    }
}
