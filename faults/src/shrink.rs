//! From a scenario that fails to a small one that still does. It knows neither how a candidate is run nor what failing
//! is: whoever calls it says so.
//!
//! Passes repeat until none of them gains anything: faults are dropped by delta debugging (Zeller and Hildebrandt 2002,
//! "Simplifying and isolating failure-inducing input"), then what is left is made shorter, earlier, smaller and fewer.

use std::time::Duration;

use scenarios::blueprint::Blueprint;
use scenarios::{Override, Scenario, Traffic};

mod search;

use search::{fewest, least};

/// What trying a candidate came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It fails as the first one did.
    Fails,
    /// It does not, or cannot be run.
    Holds,
    /// There is no time to try anything more.
    OutOfTime,
}

/// The smallest scenario that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    pub scenario: Scenario,
    /// Candidates that were tried.
    pub attempts: u64,
    /// Nothing more can be taken away; otherwise time ran out.
    pub minimal: bool,
}

/// No window is made shorter than this: below it nothing is cut that a person would miss. Assumption.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// No run is made shorter than this beyond its last onset. Assumption.
const TAIL_MIN: Duration = Duration::from_secs(1);

struct Shrinker<'a> {
    best: Scenario,
    attempts: u64,
    out_of_time: bool,
    attempt: &'a mut dyn FnMut(&Scenario) -> Attempt,
}

/// Shrinks a scenario that fails. `blueprint` is the scenario's own; `attempt` runs a candidate.
pub fn shrink(scenario: Scenario, blueprint: &Blueprint, attempt: &mut dyn FnMut(&Scenario) -> Attempt) -> Shrunk {
    let mut shrinker = Shrinker { best: scenario, attempts: 0, out_of_time: false, attempt };
    loop {
        let before = shrinker.best.clone();
        shrinker.drop_faults();
        shrinker.shorten_run();
        shrinker.drop_overrides();
        shrinker.accepts_with(|scenario| scenario.draw_order = false);
        shrinker.lower_traffic();
        shrinker.narrow_windows();
        shrinker.remove_replicas(blueprint);
        if shrinker.out_of_time || shrinker.best == before {
            break;
        }
    }
    Shrunk { minimal: !shrinker.out_of_time, scenario: shrinker.best, attempts: shrinker.attempts }
}

impl Shrinker<'_> {
    /// Takes the candidate if it fails, too.
    fn accepts(&mut self, candidate: Scenario) -> bool {
        if self.out_of_time || candidate == self.best {
            return false;
        }
        self.attempts += 1;
        match (self.attempt)(&candidate) {
            Attempt::Fails => {
                self.best = candidate;
                true
            }
            Attempt::Holds => false,
            Attempt::OutOfTime => {
                self.out_of_time = true;
                false
            }
        }
    }

    /// Tries the best so far with a change.
    fn accepts_with(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.accepts(candidate)
    }

    fn drop_faults(&mut self) {
        let faults = self.best.faults.clone();
        fewest(&faults, &mut |kept| {
            self.accepts_with(|scenario| scenario.faults = kept.iter().map(|fault| (*fault).clone()).collect())
        });
    }

    /// Lets every fault come as early, and the run end as soon, as it may.
    fn shorten_run(&mut self) {
        let late = self.best.clone();
        let first = late.faults.first().map_or(0, |fault| fault.at.as_secs());
        least(first, 0, &mut |first_at| {
            let mut earlier = late.clone();
            let shift = Duration::from_secs(first - first_at);
            earlier.faults.iter_mut().for_each(|fault| fault.at = fault.at.saturating_sub(shift));
            // What comes after the faults may matter as much as they do: it keeps its length for now.
            earlier.duration = late.duration.saturating_sub(shift).max(TAIL_MIN);
            self.accepts(earlier)
        });
        let last_onset = self.best.faults.iter().map(|fault| fault.at).max().unwrap_or_default();
        let shortest = (last_onset + TAIL_MIN).as_secs();
        least(self.best.duration.as_secs(), shortest, &mut |seconds| {
            self.accepts_with(|scenario| scenario.duration = Duration::from_secs(seconds))
        });
        least(self.best.warmup.as_secs(), 0, &mut |seconds| {
            self.accepts_with(|scenario| scenario.warmup = Duration::from_secs(seconds))
        });
    }

    fn drop_overrides(&mut self) {
        let overrides = self.best.overrides.clone();
        fewest(&overrides, &mut |kept| {
            self.accepts_with(|scenario| scenario.overrides = kept.iter().map(|&changed| changed.clone()).collect())
        });
    }

    fn lower_traffic(&mut self) {
        match self.best.traffic.clone() {
            Traffic::Requests { per_second } => least(per_second as u64, 1, &mut |lower| {
                self.accepts_with(|scenario| scenario.traffic = Traffic::Requests { per_second: lower as f64 })
            }),
            Traffic::Fleet { riders_per_hour, drivers } => {
                least(riders_per_hour as u64, 1, &mut |fewer| {
                    let traffic = Traffic::Fleet { riders_per_hour: fewer as f64, drivers };
                    self.accepts_with(|scenario| scenario.traffic = traffic)
                });
                least(u64::from(drivers), 1, &mut |fewer| {
                    self.accepts_with(|scenario| {
                        if let Traffic::Fleet { drivers, .. } = &mut scenario.traffic {
                            *drivers = u32::try_from(fewer).expect("it is fewer than there were");
                        }
                    })
                });
            }
            Traffic::Trips { .. } => {}
        }
    }

    fn narrow_windows(&mut self) {
        for index in 0..self.best.faults.len() {
            let Some(window) = self.best.faults[index].kind.heals_after() else { continue };
            least(window.as_secs(), WINDOW_MIN.as_secs(), &mut |seconds| {
                self.accepts_with(|scenario| scenario.faults[index].kind.heal_after(Duration::from_secs(seconds)))
            });
        }
    }

    /// One replica of a service is as good as three, where the failure is not about their number.
    fn remove_replicas(&mut self, blueprint: &Blueprint) {
        for service in &blueprint.services {
            let path = format!("service.{}.replicas", service.name);
            if self.best.overrides.iter().any(|changed| changed.path == path) {
                continue;
            }
            let fewer = 1..service.replicas;
            let changed = |count: u32| Override { path: path.clone(), value: count.to_string() };
            fewer.into_iter().any(|count| self.accepts_with(|scenario| scenario.overrides.push(changed(count))));
        }
        if !blueprint.rds.read_replicas.is_empty() {
            let path = "rds.read_replicas".to_owned();
            if self.best.overrides.iter().all(|changed| changed.path != path) {
                self.accepts_with(|scenario| scenario.overrides.push(Override { path, value: "[]".to_owned() }));
            }
        }
    }
}
