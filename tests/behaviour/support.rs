//! Short rehearsals of document 001's architecture.

use std::collections::BTreeSet;
use std::path::Path;

use rehearsal::prepare::{Prepared, prepare_loaded};
use rehearsal::rehearsal::{Options, rehearse};
use reports::measures::stores::StoreOutcome;
use reports::records::{Fate, Record, RequestRecord};
use reports::report::Report;

/// A scenario on document 001's architecture: 2 minutes of warm-up, then `duration`, with what else is in `rest`.
pub fn scenario(requests: &str, duration: &str, rest: &str) -> Prepared {
    scenario_on("aws-microservice-database", requests, duration, rest)
}

/// The same with another blueprint.
pub fn scenario_on(blueprint: &str, requests: &str, duration: &str, rest: &str) -> Prepared {
    prepared(&format!(
        r#"
        title = "behaviour"
        blueprint = "{blueprint}"
        city = "nyc"
        start = "Fri 17:30"
        warmup = "2m"
        duration = "{duration}"
        traffic = {{ requests = "{requests}" }}
        {rest}
        "#
    ))
}

/// A drill that is among the files, its text changed.
pub fn drill(name: &str, change: impl FnOnce(String) -> String) -> Prepared {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/drills").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    prepared(&change(text))
}

/// A drill's text with 2 minutes of warm-up and a quarter of its requests, for what does not depend on how many they are.
pub fn quick(mut text: String) -> String {
    for (written, quick) in [
        ("\nrequests = \"400/s\"\n", "\nrequests = \"100/s\"\n"),
        ("\nwarmup    = \"10m\"\n", "\nwarmup    = \"2m\"\n"),
    ] {
        assert!(text.contains(written), "the drill is written like the others: {written}");
        text = text.replace(written, quick);
    }
    text
}

fn prepared(text: &str) -> Prepared {
    let library = scenarios::Library::around(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/drills").as_path());
    let loaded = scenarios::load_str("behaviour.toml", text, &library).unwrap_or_else(|problems| panic!("{problems}"));
    prepare_loaded(Path::new("behaviour.toml"), loaded).unwrap_or_else(|problem| panic!("{problem}"))
}

fn run(prepared: &Prepared, seed: u64, out: Option<&Path>) -> Report {
    let options = Options { out, ..Options::unwatched(seed) };
    rehearse(prepared, &options).unwrap_or_else(|problem| panic!("{problem}")).report
}

/// Rehearses it once; every oracle must hold and everything must come to rest.
pub fn rehearsed(prepared: &Prepared) -> Report {
    let report = run(prepared, 1, None);
    holds(&report);
    assert!(report.outcome.pending.is_empty(), "{:#?}", report.outcome.pending);
    report
}

/// Rehearses it once, with every request and write at hand; every oracle must hold.
pub fn recorded(prepared: &Prepared) -> (Report, Vec<Request>, Vec<Write>) {
    let (mut requests, mut writes) = (Vec::new(), Vec::new());
    let report = kept(prepared, &mut |record| match record {
        Record::Request(request) => requests.push(Request::from(request)),
        Record::Write(write) => writes.push(Write {
            store: write.store.to_owned(),
            object: write.object.to_owned(),
            position: write.position,
            epoch: write.epoch,
            acknowledged_at_s: seconds(write.acknowledged_at_ns),
            fate: write.fate,
        }),
        _ => {}
    });
    (report, requests, writes)
}

/// Rehearses it once, with what phones asked for and what every replica says that it took of it; every oracle must hold.
pub fn counted(prepared: &Prepared) -> (Report, Vec<Request>, Vec<Taken>) {
    let (mut requests, mut taken) = (Vec::new(), Vec::new());
    let report = kept(prepared, &mut |record| match record {
        Record::Request(request) => requests.push(Request::from(request)),
        Record::Metric(sample) if sample.metric == "requests.taken" => taken.push(Taken {
            replica: sample.component.to_owned(),
            at_s: seconds(sample.at_ns),
            requests: sample.value,
        }),
        _ => {}
    });
    (report, requests, taken)
}

/// Rehearses it once and shows its records; every oracle must hold.
fn kept(prepared: &Prepared, show: &mut dyn FnMut(&Record<'_>)) -> Report {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let report = run(prepared, 1, Some(directory.path()));
    holds(&report);
    reports::reader::read_records(directory.path(), |record| show(record)).expect("the records read back");
    let rebuilt = reports::rebuild::read_report(directory.path()).expect("the records read back");
    assert_eq!(rebuilt.outcome, report.outcome, "the records alone say what the run said");
    report
}

fn holds(report: &Report) {
    let broken: Vec<_> = report.outcome.oracles.iter().filter(|(_, oracle)| oracle.violations > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// A request as its phone saw it; times from the end of the warm-up.
#[derive(Clone, Debug)]
pub struct Request {
    pub journey: String,
    pub meant_at_s: f64,
    pub ended_at_s: f64,
    pub attempts: u8,
    /// The code of the last attempt's failure, unless it succeeded or was refused.
    pub failure: Option<String>,
}

impl Request {
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }
}

impl From<&RequestRecord<'_>> for Request {
    fn from(request: &RequestRecord<'_>) -> Self {
        Self {
            journey: request.journey.to_owned(),
            meant_at_s: seconds(request.meant_at_ns),
            ended_at_s: seconds(request.ended_at_ns),
            attempts: request.attempts,
            failure: request.failure.map(str::to_owned),
        }
    }
}

/// How many requests a replica had taken by then, since it started.
#[derive(Clone, Debug)]
pub struct Taken {
    pub replica: String,
    pub at_s: f64,
    pub requests: f64,
}

/// A write as it was acknowledged, or a verdict on it.
#[derive(Clone, Debug)]
pub struct Write {
    pub store: String,
    pub object: String,
    pub position: u64,
    pub epoch: u64,
    pub acknowledged_at_s: f64,
    pub fate: Fate,
}

/// Writes of one store, by epoch, position and object.
pub fn writes_of(writes: &[Write], store: &str, wanted: impl Fn(&Write) -> bool) -> BTreeSet<(u64, u64, String)> {
    let of_store = writes.iter().filter(|write| write.store == store && wanted(write));
    of_store.map(|write| (write.epoch, write.position, write.object.clone())).collect()
}

/// When a component took a step of a recovery, seconds from the end of the warm-up, in order.
pub fn marks(report: &Report, component: &str, mark: reports::records::Mark) -> Vec<f64> {
    let of = |happening: &&reports::measures::timeline::Happening| {
        happening.component == component && happening.mark == Some(mark)
    };
    report.happenings.iter().filter(of).map(|happening| happening.at_s).collect()
}

/// When a component went into a state, seconds from the end of the warm-up, in order.
pub fn times_of(report: &Report, component: &str, state: &str) -> Vec<f64> {
    let of = |seen: &&reports::measures::timeline::Happening| seen.component == component && seen.state == state;
    report.happenings.iter().filter(of).map(|happening| happening.at_s).collect()
}

/// Every acknowledged write of these stores is still there.
pub fn nothing_lost(report: &Report, stores: &[&str]) {
    for store in stores {
        let StoreOutcome { acknowledged, lost, divergent, .. } = report.outcome.stores[*store];
        assert!(acknowledged > 0 && lost + divergent == 0, "{store}: {lost} lost, {divergent} diverged");
    }
}

/// The critical tier's recovery time, seconds.
pub fn critical_rto_s(report: &Report) -> f64 {
    report.outcome.tiers[&reports::records::Tier::Critical].rto_s.expect("the critical tier recovered")
}
