//! What many seeds came to, for people: who failed, and what was tried.

use std::fmt;

use reports::format::count;
use reports::terminal::table::{Table, Tone, left, right};

use super::coverage::{Coverage, Stage};
use super::failure::Failure;

/// So much of what failed fits on a line.
const WHAT_CHARACTERS: usize = 240;

/// A seed that failed.
#[derive(Debug)]
pub struct FailedSeed {
    pub seed: u64,
    /// Gravest first; at least one.
    pub failures: Vec<Failure>,
    /// The command that does it again, and what it will show.
    pub reproduce: String,
    /// What became of shrinking, in a line; none if nothing was shrunk.
    pub shrunk: Option<String>,
}

impl fmt::Display for FailedSeed {
    /// One line of what failed, and one that does it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.failures[0];
        let more = match self.failures.len() {
            1 => String::new(),
            several => format!(" (and {} more)", several - 1),
        };
        // An oracle may quote whole rows; running the line below says it all.
        let what: String = first.to_string().chars().take(WHAT_CHARACTERS).collect();
        write!(f, "seed {} failed {what}{more}\n  {}", self.seed, self.reproduce)?;
        self.shrunk.as_ref().map_or(Ok(()), |shrunk| write!(f, "\n  {shrunk}"))
    }
}

/// What the seeds of one command came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that ran to their end.
    pub seeds: u64,
    pub failed: Vec<FailedSeed>,
    pub coverage: Coverage,
    pub simulated_s: f64,
    pub events: u64,
    pub wall_s: f64,
}

impl Summary {
    /// As a terminal shows it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let heading = |text: &str| Tone::Heading.paint(text, colour);
        let mut text = String::new();
        for failed in &self.failed {
            text.push_str(&format!("{failed}\n"));
        }
        let (kinds, stages) = (self.coverage.met.len(), Stage::all());
        text.push_str(&format!(
            "{}\n",
            heading("Coverage: stays of trips and payments in a state while a fault was active")
        ));
        for line in self.matrix(&stages).lines(colour) {
            text.push_str(&format!("  {line}\n"));
        }
        for (letter, stage) in letters().zip(&stages) {
            text.push_str(&format!("  {letter}  {}\n", stage.name()));
        }
        let enough: u64 = self.coverage.overlapping.range(faults::chaos::FAULTS_MIN..).map(|(_, seeds)| seeds).sum();
        text.push_str(&format!(
            "\n{} of {} seeds had at least {} faults over active trips; {kinds} kinds of faults were drawn\n",
            enough,
            self.seeds,
            faults::chaos::FAULTS_MIN
        ));
        let a_minute = self.seeds as f64 * 60.0 / self.wall_s.max(1e-9);
        text.push_str(&format!(
            "{} seeds, {} failed; {} simulated seconds and {} events in {:.0} s: {a_minute:.0} seeds a minute\n",
            self.seeds,
            self.failed.len(),
            count(self.simulated_s as u64),
            count(self.events),
            self.wall_s,
        ));
        text
    }

    fn matrix(&self, stages: &[Stage]) -> Table {
        let mut table = Table::default();
        let letters = letters().take(stages.len()).map(|letter| right(letter.to_string()));
        table.row([left("fault"), right("seeds")].into_iter().chain(letters));
        for (kind, row) in &self.coverage.met {
            let seeds = self.coverage.seeds_with.get(kind).copied().unwrap_or(0);
            let cells = stages.iter().map(|stage| match row.get(stage) {
                Some(met) => right(count(*met)),
                None => right("-").toned(Tone::Quiet),
            });
            table.row([left(*kind), right(seeds.to_string())].into_iter().chain(cells));
        }
        table
    }
}

/// Names of the matrix's columns, which would not fit in words.
fn letters() -> impl Iterator<Item = char> {
    'a'..='z'
}
