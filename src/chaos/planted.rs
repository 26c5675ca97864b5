//! Proof that chaos finds bugs: one after the other is planted in real code, and seeds are lived until one of them fails
//! that passes without the bug. Compiled for tests only; the places in the code ask [`runtime::planted::is`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use reports::format::count;
use reports::terminal::table::{Cell, Table, Tone, left, right};
use runtime::planted;

use super::{Base, Failing, Failure, live, shrink};
use crate::prepare::{InputError, Prepared};
use crate::rehearsal::RunError;

/// Something that is wrong in the code of a run, if it is planted there.
#[derive(Debug, PartialEq, Eq)]
pub struct Bug {
    pub name: &'static str,
    /// What the code does instead of what it should.
    pub what: &'static str,
}

/// Every bug that can be planted, by name.
pub const BUGS: &[Bug] = &[
    Bug { name: "balance-without-entry", what: "a fee changes balances and is not entered in the journal" },
    Bug { name: "cache-before-commit", what: "the cache knows of a rider whose registration is not committed" },
    Bug { name: "capture-under-new-key", what: "a capture without an answer is sent again under another key" },
    Bug { name: "commit-not-synced", what: "the database tells of a commit before its log is flushed anywhere" },
    Bug { name: "detached-standby-promoted", what: "a standby that commits no longer waited for takes over" },
    Bug { name: "driver-freed-apart", what: "a drop-off and the driver's release are two transactions" },
    Bug { name: "epoch-not-raised", what: "the next driver of a trip gets the fencing token of the last" },
    Bug { name: "erasure-forgets-a-column", what: "a rider who is forgotten keeps the telephone number" },
    Bug { name: "expired-surge-bound", what: "a quote binds a surge whose snapshot has expired" },
    Bug { name: "fare-without-surge", what: "a fare is computed without the surge that the quote bound" },
    Bug { name: "fee-beyond-tariff", what: "who cancels late or does not come pays for the whole ride" },
    Bug { name: "foreign-vehicle-cleared", what: "a driver may drive whichever company's vehicle" },
    Bug { name: "hold-not-released", what: "a search that finds nobody keeps what the card was asked to hold" },
    Bug { name: "offer-accepted-late", what: "an offer is accepted after it expired, if nobody has noticed yet" },
    Bug { name: "outbox-after-commit", what: "a trip's first event is written after its transaction" },
    Bug { name: "pool-leak-on-error", what: "a session that cannot be opened keeps its slot of the pool" },
    Bug { name: "rebalance-replays", what: "a notification whose event is heard again is told again" },
    Bug { name: "row-time-goes-back", what: "a driver's row takes any host's clock, however far behind" },
    Bug { name: "search-without-lock", what: "a search reads its trip without a lock and writes it back" },
    Bug { name: "stale-claim-heard", what: "a driver's claim on a trip is not compared with the newest" },
    Bug {
        name: "stale-copy-read",
        what: "what a rider has seen of a trip is not compared with what a read replica knows",
    },
    Bug { name: "step-without-log", what: "a trip that is taken from a lost driver gets no line in its log" },
    Bug { name: "unknown-taken-for-paid", what: "a capture without an answer settles the trip" },
];

/// Bugs of the kind that are not among [`BUGS`], and why not.
pub const NOT_PLANTED: &[(&str, &str)] =
    &[("a refund beyond its capture", "nobody asks for refunds in these runs, so no seed could find it")];

/// How far a hunt goes for one bug.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Lived in their order.
    pub seeds: Range<u64>,
    /// Real seconds, shrinking included.
    pub total_s: f64,
    /// Real seconds of them for shrinking.
    pub shrink_s: f64,
}

/// How much a scenario asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub faults: usize,
    /// Simulated, without the warm-up.
    pub minutes: f64,
    /// Who want to travel within them, on average.
    pub riders: f64,
}

impl Size {
    fn of(prepared: &Prepared) -> Self {
        let scenario = &prepared.loaded.scenario;
        let minutes = scenario.duration.as_secs_f64() / 60.0;
        let riders = prepared.traffic.riders_per_hour * minutes / 60.0;
        Size { faults: scenario.faults.len(), minutes, riders }
    }
}

/// A seed that a bug made fail.
#[derive(Debug)]
pub struct Caught {
    pub seed: u64,
    /// The gravest failure.
    pub failure: Failure,
    pub before: Size,
    /// Of the smallest scenario that was found to fail in the same way.
    pub after: Size,
}

/// What became of looking for a bug.
#[derive(Debug)]
pub struct Hunt {
    pub bug: &'static Bug,
    /// Seeds that were lived with the bug.
    pub seeds: u64,
    /// Real seconds until a seed was caught or time ran out; shrinking is not part of them.
    pub seconds: f64,
    pub caught: Option<Caught>,
}

/// Why a hunt has no result.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    #[error("seed {seed} drew a scenario that cannot be run, which is a defect of the drawing: {source}")]
    Plan { seed: u64, source: InputError },
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Looks for bugs over one base; several threads may share it.
pub struct Hunter<'a> {
    base: &'a Base,
    limits: Limits,
    interrupt: &'a Arc<AtomicBool>,
    /// Whether each seed that mattered passes with nothing planted.
    sound: Mutex<BTreeMap<u64, bool>>,
}

impl<'a> Hunter<'a> {
    #[must_use]
    pub fn new(base: &'a Base, limits: Limits, interrupt: &'a Arc<AtomicBool>) -> Self {
        Hunter { base, limits, interrupt, sound: Mutex::default() }
    }

    /// Lives seeds with the bug until one fails that passes without it, and shrinks that one. `wall_clock` tells the real
    /// seconds since the hunt began.
    ///
    /// # Errors
    /// A seed could not be run.
    pub fn hunt(&self, bug: &'static Bug, wall_clock: &dyn Fn() -> f64) -> Result<Hunt, HuntError> {
        let mut seeds = 0;
        for seed in self.limits.seeds.clone() {
            if wall_clock() >= self.limits.total_s || self.interrupt.load(Ordering::Relaxed) {
                break;
            }
            let scenario = self.base.plan(seed);
            let prepared = self.base.prepare(&scenario, Path::new("planted.toml"));
            let prepared = prepared.map_err(|source| HuntError::Plan { seed, source })?;
            let lived = planted::with(bug.name, || live(&prepared, seed, self.interrupt.clone()))?;
            seeds += 1;
            let Some(failure) = lived.failures.into_iter().next() else { continue };
            if !self.is_sound(&prepared, seed)? {
                continue;
            }
            let failing = Failing { failure: failure.clone(), trace_hash: lived.trace_hash };
            let (seconds, began_at) = (wall_clock(), wall_clock());
            let budget_s = self.limits.shrink_s.min(self.limits.total_s - seconds);
            let since = || wall_clock() - began_at;
            let small = planted::with(bug.name, || {
                shrink(self.base, &scenario, seed, failing, budget_s, &since, self.interrupt)
            });
            let shrunk = self.base.prepare(&small.scenario, Path::new("planted.toml"));
            let shrunk = shrunk.map_err(|source| HuntError::Plan { seed, source })?;
            let caught = Caught { seed, failure, before: Size::of(&prepared), after: Size::of(&shrunk) };
            return Ok(Hunt { bug, seeds, seconds, caught: Some(caught) });
        }
        Ok(Hunt { bug, seeds, seconds: wall_clock(), caught: None })
    }

    /// Whether the seed passes with nothing planted: otherwise its failure says nothing about a bug.
    fn is_sound(&self, prepared: &Prepared, seed: u64) -> Result<bool, HuntError> {
        let known = self.sound.lock().expect("nobody panics while holding this").get(&seed).copied();
        if let Some(sound) = known {
            return Ok(sound);
        }
        let lived = live(prepared, seed, self.interrupt.clone())?;
        let sound = lived.failures.is_empty() && !lived.interrupted;
        self.sound.lock().expect("nobody panics while holding this").insert(seed, sound);
        Ok(sound)
    }
}

/// The hunts as a terminal shows them: a line for each bug.
#[must_use]
pub fn render(hunts: &[Hunt], colour: bool) -> String {
    let mut table = Table::default();
    let numbers = ["seed", "seeds tried", "seconds", "faults", "minutes", "riders"].map(right);
    table.row([left("bug"), left("found by")].into_iter().chain(numbers));
    for Hunt { bug, seeds, seconds, caught } in hunts {
        let tried = [right(seeds.to_string()), right(format!("{seconds:.1}"))];
        let (by, [seed, rest @ ..]) = match caught {
            Some(caught) => (left(caught.failure.name()).toned(Tone::Good), found(caught)),
            None => (left("not found").toned(Tone::Bad), std::array::from_fn(|_| right(""))),
        };
        table.row([left(bug.name), by, seed].into_iter().chain(tried).chain(rest));
    }
    let found = hunts.iter().filter(|hunt| hunt.caught.is_some()).count();
    let mut text = String::new();
    for line in table.lines(colour) {
        text.push_str(&line);
        text.push('\n');
    }
    for (bug, why) in NOT_PLANTED {
        text.push_str(&format!("  not planted: {bug}: {why}\n"));
    }
    text.push_str(&format!("{found} of {} planted bugs were found by a seed that passes without them\n", hunts.len()));
    text
}

fn found(caught: &Caught) -> [Cell; 4] {
    let Caught { seed, before, after, .. } = caught;
    let riders = |size: &Size| count(size.riders.ceil() as u64);
    [
        right(seed.to_string()),
        right(format!("{} > {}", before.faults, after.faults)),
        right(format!("{:.1} > {:.1}", before.minutes, after.minutes)),
        right(format!("{} > {}", riders(before), riders(after))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_and_what_was_not_is_told_apart() {
        let failure = Failure::Oracle { name: "captured-once".into(), first: "trip 1".into(), violations: 2 };
        let before = Size { faults: 8, minutes: 10.0, riders: 1_385.2 };
        let after = Size { faults: 1, minutes: 1.25, riders: 17.0 };
        let caught = Some(Caught { seed: 2, failure, before, after });
        let hunts = [
            Hunt { bug: &BUGS[0], seeds: 50, seconds: 118.04, caught: None },
            Hunt { bug: &BUGS[BUGS.len() - 1], seeds: 2, seconds: 13.71, caught },
        ];
        let text = render(&hunts, false);
        let told: Vec<&str> = text.lines().filter(|line| !line.contains("not planted")).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
          bug                     found by       seed  seeds tried  seconds  faults     minutes      riders
          balance-without-entry   not found                     50    118.0
          unknown-taken-for-paid  captured-once     2            2     13.7   8 > 1  10.0 > 1.2  1,386 > 17
        1 of 2 planted bugs were found by a seed that passes without them
        ");
    }
}
