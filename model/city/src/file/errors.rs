//! What is wrong with a city file, and where.

use std::fmt;
use std::ops::Range;

/// Why a city file was refused.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    #[error("failed to read the city file {file}: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{}", list(file, problems))]
    Refused { file: String, problems: Vec<Problem> },
}

/// One thing to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl Problem {
    pub(super) fn at(text: &str, span: Range<usize>, what: String, hint: impl Into<String>) -> Problem {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Problem { line, column, what, hint: hint.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.line, self.column, self.what)?;
        if !self.hint.is_empty() {
            write!(out, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// A syntax or schema error of the TOML reader, with the nearest known key where one was misspelt.
pub(super) fn from_toml(error: &toml::de::Error, text: &str) -> Problem {
    let message = error.message().trim().replace('\n', ", ");
    let hint = nearest_key(&message).map(|key| format!("did you mean `{key}`?")).unwrap_or_default();
    Problem::at(text, error.span().unwrap_or(0..0), message, hint)
}

/// The reader's message reads: unknown field `a`, expected one of `b`, `c`.
fn nearest_key(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let distance = |key: &&str| strsim::damerau_levenshtein(unknown, key);
    quoted.min_by_key(distance).filter(|key| distance(key) <= 3)
}

fn list(file: &str, problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{file}:{problem}")).collect::<Vec<_>>().join("\n")
}
