//! How a seed can fail, and when two failures are the same.

use std::fmt;

use reports::records::Unrest;

use crate::rehearsal::Rehearsed;

/// Something that must hold under any seed and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A service or a model panicked.
    Panicked { process: String, location: String, message: String },
    /// Tasks kept each other busy without time passing.
    Wedged { process: String, at: String },
    /// An oracle spoke.
    Oracle { name: String, first: String, violations: u64 },
    /// Everything was healed, nobody asked for more, and it did not come to rest: the first of so many groups of people who wait for the same,
    /// or of payments that nobody decided.
    NotConverged { groups: usize, first: String },
}

impl Failure {
    /// Whether a smaller scenario that fails so fails for the same reason, as far as can be told.
    #[must_use]
    pub fn is_like(&self, other: &Failure) -> bool {
        match (self, other) {
            (Failure::Panicked { location, .. }, Failure::Panicked { location: there, .. }) => location == there,
            (Failure::Oracle { name, .. }, Failure::Oracle { name: there, .. }) => name == there,
            (Failure::Wedged { .. }, Failure::Wedged { .. })
            | (Failure::NotConverged { .. }, Failure::NotConverged { .. }) => true,
            _ => false,
        }
    }

    /// What failed: the oracle's name, or what stands for one.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Failure::Panicked { .. } => "panic",
            Failure::Wedged { .. } => "wedged",
            Failure::Oracle { name, .. } => name,
            Failure::NotConverged { .. } => "not-converged",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked { process, location, message } => {
                write!(f, "panic: {process} at {location}: {message}")
            }
            Failure::Wedged { process, at } => write!(f, "wedged: {process} at {at}, without time passing"),
            Failure::Oracle { name, first, violations: 1 } => write!(f, "{name}: {first}"),
            Failure::Oracle { name, first, violations } => write!(f, "{name}: {first} ({violations} in all)"),
            Failure::NotConverged { groups: 1, first } => write!(f, "not-converged: {first}"),
            Failure::NotConverged { groups, first } => {
                write!(f, "not-converged: {first} (the first of {groups} groups)")
            }
        }
    }
}

/// Everything that did not hold in a run, gravest first: a panic may be why an oracle spoke, and either why it did not
/// come to rest.
pub(super) fn of(rehearsed: &Rehearsed) -> Vec<Failure> {
    let outcome = &rehearsed.report.outcome;
    let panics = rehearsed.panics.iter().map(|panic| Failure::Panicked {
        process: panic.process.clone(),
        location: panic.location.clone(),
        message: panic.message.clone(),
    });
    let oracles = outcome.oracles.iter().filter(|(_, oracle)| oracle.violations > 0).map(|(name, oracle)| {
        let first = oracle.first_violation.clone().unwrap_or_default();
        Failure::Oracle { name: name.clone(), first, violations: oracle.violations }
    });
    // A panic is listed as pending, too.
    let mut pending = outcome.pending.iter().filter(|pending| pending.kind != Unrest::Panicked);
    let stuck = pending.next().map(|first| Failure::NotConverged {
        groups: 1 + pending.count(),
        first: format!("{}: {}", first.what, first.why),
    });
    panics.chain(oracles).chain(stuck).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_people_are_not_taken_for_people() {
        let first = "rider 3 waits, and 2 more for the same reason: its phone has asked for nothing yet".to_owned();
        let told = |groups| Failure::NotConverged { groups, first: first.clone() }.to_string();
        assert_eq!(told(1), format!("not-converged: {first}"));
        assert_eq!(told(2), format!("not-converged: {first} (the first of 2 groups)"));
    }
}
