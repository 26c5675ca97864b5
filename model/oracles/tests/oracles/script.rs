//! A history as writes that can be tampered with: what each commit found before it is worked out only when the script is played.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use oracles::{End, Report, Rules, Watch};
use platform::domain::place::Coordinate;
use platform::domain::retention::Retention;
use platform::domain::surge::SurgeParameters;
use platform::services::Config;
use ports::database::{Key, Record, Row, TableId};
use ports::observe::{Change, CommitPosition, CommittedTransaction, Name, Observation, Observer};
use ports::processor::Operation;
use runtime::Time;

pub const STORE: &str = "orders-db";
pub const TIMES_SQUARE: Coordinate =
    Coordinate { latitude_microdegrees: 40_758_000, longitude_microdegrees: -73_985_500 };

/// One write of one row; no row deletes it.
#[derive(Clone)]
pub struct Write {
    table: TableId,
    key: Key,
    row: Option<Row>,
}

impl Write {
    pub fn put<T: Record>(record: &T) -> Self {
        Self { table: T::SCHEMA.id, key: record.key(), row: Some(record.to_row()) }
    }

    pub fn delete<T: Record>(record: &T) -> Self {
        Self { row: None, ..Self::put(record) }
    }

    fn record<T: Record>(&self) -> Option<T> {
        let row = self.row.as_ref().filter(|_| self.table == T::SCHEMA.id)?;
        Some(T::from_row(row).expect("scripts hold rows that can be read"))
    }
}

#[derive(Clone)]
pub struct Commit {
    /// The trip and what happened to it, such as `1 accepted`.
    pub label: String,
    pub at_ns: i64,
    pub acknowledged: bool,
    pub writes: Vec<Write>,
}

#[derive(Clone)]
pub enum Step {
    Commit(Commit),
    Observe(Observation),
    /// Another node takes over; the last commits are not on it.
    Failover {
        forget: usize,
        at_ns: i64,
    },
}

#[derive(Clone, Default)]
pub struct Script {
    pub steps: Vec<Step>,
    /// For how long nothing happens after the last step, although everything works.
    idle: Duration,
}

impl Script {
    pub fn commit(&mut self, label: impl Into<String>, at_ns: i64, writes: Vec<Write>) {
        self.steps.push(Step::Commit(Commit { label: label.into(), at_ns, acknowledged: true, writes }));
    }

    /// When the last thing happened.
    pub fn end_ns(&self) -> i64 {
        let times = self.steps.iter().map(|step| match step {
            Step::Commit(commit) => commit.at_ns,
            Step::Failover { at_ns, .. } => *at_ns,
            Step::Observe(_) => 0,
        });
        times.max().unwrap_or(0)
    }

    /// Changes every record of this kind that the commit with this label writes.
    pub fn edit<T: Record>(self, label: &str, change: impl FnMut(&mut T)) -> Self {
        self.edit_where(|commit| commit.label == label, change)
    }

    /// Changes every record of this kind that any commit writes.
    pub fn edit_all<T: Record>(self, change: impl FnMut(&mut T)) -> Self {
        self.edit_where(|_| true, change)
    }

    fn edit_where<T: Record>(mut self, in_commit: impl Fn(&Commit) -> bool, mut change: impl FnMut(&mut T)) -> Self {
        let mut edited = 0;
        for step in &mut self.steps {
            let Step::Commit(commit) = step else { continue };
            if !in_commit(commit) {
                continue;
            }
            for write in &mut commit.writes {
                if let Some(mut record) = write.record::<T>() {
                    change(&mut record);
                    *write = Write::put(&record);
                    edited += 1;
                }
            }
        }
        assert!(edited > 0, "there was nothing to tamper with");
        self
    }

    /// Leaves out the writes of this kind that the commit with this label makes.
    pub fn without<T: Record>(mut self, label: &str) -> Self {
        let commit = self.find(label);
        let before = commit.writes.len();
        commit.writes.retain(|write| write.record::<T>().is_none());
        assert!(commit.writes.len() < before, "{label} writes no such row");
        self
    }

    /// Makes the commit with this label write one row more.
    pub fn with(mut self, label: &str, write: Write) -> Self {
        self.find(label).writes.push(write);
        self
    }

    /// Ends the script after the commit with this label.
    pub fn until(mut self, label: &str) -> Self {
        let at = self.place(label);
        self.steps.truncate(at + 1);
        self
    }

    /// Puts a step after the commit with this label.
    pub fn then(mut self, label: &str, step: Step) -> Self {
        let at = self.place(label);
        self.steps.insert(at + 1, step);
        self
    }

    /// Lets time pass at the end.
    pub fn then_idle(mut self, hours: u64) -> Self {
        self.idle = Duration::from_secs(hours * 3_600);
        self
    }

    /// Makes the commit with this label happen at another time.
    pub fn at(mut self, label: &str, at_ns: i64) -> Self {
        self.find(label).at_ns = at_ns;
        self
    }

    /// Leaves out what the processor told of such operations.
    pub fn without_operation(mut self, is_it: fn(&Operation) -> bool) -> Self {
        let told = |step: &Step| matches!(step, Step::Observe(Observation::ProcessorOperation { operation, .. }) if is_it(operation));
        let before = self.steps.len();
        self.steps.retain(|step| !told(step));
        assert!(self.steps.len() < before, "the processor told of no such operation");
        self
    }

    /// Leaves out the commit with this label.
    pub fn skip(mut self, label: &str) -> Self {
        let at = self.place(label);
        self.steps.remove(at);
        self
    }

    /// Makes one commit of two: the later one's writes move into the earlier one.
    pub fn merge(mut self, earlier: &str, later: &str) -> Self {
        let writes = std::mem::take(&mut self.find(later).writes);
        self.find(earlier).writes.extend(writes);
        self.skip(later)
    }

    /// The record of this kind that the commit with this label writes last.
    pub fn record<T: Record>(&mut self, label: &str) -> T {
        let commit = self.find(label);
        commit.writes.iter().rev().find_map(Write::record).expect("the commit writes such a row")
    }

    fn find(&mut self, label: &str) -> &mut Commit {
        let at = self.place(label);
        match &mut self.steps[at] {
            Step::Commit(commit) => commit,
            _ => unreachable!("only commits have labels"),
        }
    }

    fn place(&self, label: &str) -> usize {
        let is_it = |step: &Step| matches!(step, Step::Commit(commit) if commit.label == label);
        self.steps.iter().position(is_it).unwrap_or_else(|| panic!("no commit is called {label}"))
    }

    /// What a watch hears when the script is played.
    pub fn observations(&self) -> Vec<Observation> {
        let mut player = Player::new();
        self.steps.iter().for_each(|step| player.play(step));
        player.heard
    }

    /// Plays the script to the end before a watch under these rules.
    pub fn play(&self, rules: Rules) -> Watch {
        let watch = Watch::new(rules);
        self.observations().iter().for_each(|observation| watch.observe(observation));
        let last = time(self.end_ns() + 1);
        // Who only waits in vain has not come to rest.
        let converged = self.idle.is_zero();
        watch.finish(End { at: last + self.idle, converged, whole_since: Some(last) });
        watch
    }
}

/// Keeps the rows, the log and the reign while a script is played.
struct Player {
    rows: BTreeMap<(TableId, Key), Row>,
    done: Vec<(u64, Vec<Change>)>,
    epoch: u64,
    lsn: u64,
    heard: Vec<Observation>,
}

impl Player {
    fn new() -> Self {
        let mut player = Self { rows: BTreeMap::new(), done: Vec::new(), epoch: 1, lsn: 1_000, heard: Vec::new() };
        player.begin_reign(0);
        player
    }

    fn node(&self) -> Name {
        format!("node-{}", self.epoch % 2).into()
    }

    fn begin_reign(&mut self, at_ns: i64) {
        let (store, node, epoch, at) = (STORE.into(), self.node(), self.epoch, time(at_ns));
        self.heard.push(Observation::WritableSince { store, node, epoch, at });
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Observe(observation) => self.heard.push(observation.clone()),
            Step::Commit(commit) => self.commit(commit),
            Step::Failover { forget, at_ns } => self.fail_over(*forget, *at_ns),
        }
    }

    fn commit(&mut self, commit: &Commit) {
        self.lsn += 100;
        let changes: Vec<Change> = commit.writes.iter().map(|write| self.change(write)).collect();
        let position = CommitPosition { store: STORE.into(), epoch: self.epoch, lsn: self.lsn, at: time(commit.at_ns) };
        self.done.push((self.lsn, changes.clone()));
        let node = self.node();
        self.heard.push(Observation::Committed(CommittedTransaction { position: position.clone(), node, changes }));
        if commit.acknowledged {
            self.heard.push(Observation::CommitAcknowledged(position));
        }
    }

    fn change(&mut self, write: &Write) -> Change {
        let place = (write.table, write.key.clone());
        let before = match &write.row {
            Some(row) => self.rows.insert(place, row.clone()),
            None => self.rows.remove(&place),
        };
        Change { table: write.table, key: write.key.clone(), before, after: write.row.clone() }
    }

    fn fail_over(&mut self, forget: usize, at_ns: i64) {
        for _ in 0..forget {
            let (_, changes) = self.done.pop().expect("no more is forgotten than was committed");
            for change in changes.into_iter().rev() {
                let place = (change.table, change.key);
                match change.before {
                    Some(row) => self.rows.insert(place, row),
                    None => self.rows.remove(&place),
                };
            }
        }
        self.lsn = self.done.last().map_or(1_000, |(lsn, _)| *lsn);
        self.epoch += 1;
        let (store, node, epoch, at) = (STORE.into(), self.node(), self.epoch, time(at_ns));
        self.heard.push(Observation::RecoveredTo { store, node, epoch, lsn: self.lsn, at });
        self.begin_reign(at_ns);
    }
}

pub fn time(at_ns: i64) -> Time {
    Time(at_ns.cast_unsigned())
}

/// New York's tariff, a relay that publishes, and no loss accepted.
pub fn strict() -> Rules {
    Rules {
        settings: Config {
            city: TIMES_SQUARE,
            surge: SurgeParameters { cap_per_mille: 3_000, ..SurgeParameters::default() },
            retention: Retention { unpublished_events: None, ..Retention::default() },
            ..Config::default()
        },
        speed_max_m_per_s: Rules::SPEED_MAX_M_PER_S,
        database: STORE.to_owned(),
        declared_loss: BTreeMap::new(),
        commits_remembered: Rules::COMMITS_REMEMBERED,
    }
}

/// As strict, but any loss is accepted.
pub fn lossy() -> Rules {
    let declared_loss = BTreeMap::from([(STORE.to_owned(), Duration::from_secs(10 * 86_400))]);
    Rules { declared_loss, ..strict() }
}

/// The oracles that found something wrong.
pub fn speaking(reports: &[Report]) -> BTreeSet<&'static str> {
    reports.iter().filter(|report| report.violations > 0).map(|report| report.name).collect()
}
