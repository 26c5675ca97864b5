//! How the command speaks: a broken pipe ends it quietly, colour is for terminals, and complaints end with the exit code.

use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Exit;

/// Prints a result. A reader that went away is no failure.
pub fn result(text: &str) -> Result<(), io::Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints a result, and lets the command end with `exit` unless standard output fails.
#[must_use]
pub fn and_exit(text: &str, exit: Exit) -> Exit {
    match result(text) {
        Ok(()) => exit,
        Err(error) => complaint(Exit::Internal, &format!("failed to write to standard output: {error}")),
    }
}

/// Complains and ends with `exit`.
#[must_use]
pub fn complaint(exit: Exit, problem: &dyn Display) -> Exit {
    aside(&format_args!("rehearse: {problem}"));
    exit
}

/// Says something beside the result, on standard error.
pub fn aside(text: &dyn Display) {
    // Nothing more can be done if standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// How far a command has come, in thousandths; shown on a terminal alone.
#[must_use]
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(1_000);
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left").expect("a constant template"));
    bar
}

/// How far a run has come: a bar on a terminal, elsewhere a line when it has begun and at each tenth of its simulated time.
pub struct Progress {
    bar: ProgressBar,
    told_tenths: Cell<Option<u32>>,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { bar: progress_bar(), told_tenths: Cell::new(None) }
    }

    /// `share` of the simulated time has passed, 0 to 1.
    pub fn set(&self, share: f64) {
        self.bar.set_position((share * 1_000.0) as u64);
        let tenths = (share * 10.0) as u32;
        if self.bar.is_hidden() && self.told_tenths.get().is_none_or(|told| told < tenths) {
            self.told_tenths.set(Some(tenths));
            aside(&format_args!("rehearse: {} % of the simulated time has passed", tenths * 10));
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Whether standard output is a terminal that wants colour (`NO_COLOR` is honoured).
#[must_use]
pub fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
