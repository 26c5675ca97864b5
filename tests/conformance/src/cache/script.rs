//! What several clients do, in which order; readable as Redis's own commands.

use std::fmt;

use backends::redis::words;
use ports::cache::{Bytes, Command};

/// What clients do, one after the other.
#[derive(Clone)]
pub struct Script(pub Vec<Step>);

/// What one client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Execute(usize, Command),
    /// A command that lets a key expire within a millisecond or two; nobody does anything until it has.
    Brief(usize, Command),
    /// Hears, from now on, what is published on these channels.
    Subscribe(usize, Vec<Bytes>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execute(session, command) => write!(f, "session {session}: {}", list(&words(command))),
            Self::Brief(session, command) => {
                write!(f, "session {session}: {}, and that is over", list(&words(command)))
            }
            Self::Subscribe(session, channels) => write!(f, "session {session}: SUBSCRIBE {}", list(channels)),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "\n{step}"))
    }
}

/// Words as a shell would take them.
pub(super) fn list(words: &[Bytes]) -> String {
    let word = |bytes: &Bytes| match str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic()) => text.to_owned(),
        _ => format!("\"{}\"", bytes.escape_ascii()),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}
