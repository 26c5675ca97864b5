//! Short rehearsals of document 001's architecture.

use std::path::Path;
use std::sync::Arc;

use rehearsal::prepare::{Prepared, prepare_loaded};
use rehearsal::rehearsal::{Options, rehearse};
use reports::records::{Fate, Record};
use reports::report::Report;

/// A scenario on document 001's architecture: 2 minutes of warm-up, then `duration`, with what else is in `rest`.
pub fn scenario(requests: &str, duration: &str, rest: &str) -> Prepared {
    scenario_on("aws-microservice", requests, duration, rest)
}

/// The same on another blueprint.
pub fn scenario_on(blueprint: &str, requests: &str, duration: &str, rest: &str) -> Prepared {
    let text = format!(
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
    );
    let library = scenarios::Library::around(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/drills").as_path());
    let loaded = scenarios::load_str("behaviour.toml", &text, &library).unwrap_or_else(|problems| panic!("{problems}"));
    prepare_loaded(Path::new("behaviour.toml"), loaded).unwrap_or_else(|problem| panic!("{problem}"))
}

fn run(prepared: &Prepared, seed: u64, out: Option<&Path>) -> Report {
    let options = Options {
        seed,
        out,
        wire_check: false,
        window: 0..0,
        until: None,
        interrupt: Arc::default(),
        observer: None,
        progress: &|_| {},
        wall_clock: &|| 0.0,
    };
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
    let directory = tempfile::tempdir().expect("a temporary directory");
    let report = run(prepared, 1, Some(directory.path()));
    holds(&report);
    let (mut requests, mut writes) = (Vec::new(), Vec::new());
    let read = reports::reader::read_records(directory.path(), |record| match record {
        Record::Request(request) => requests.push(Request {
            journey: request.journey.to_owned(),
            meant_at_s: seconds(request.meant_at_ns),
            ended_at_s: seconds(request.ended_at_ns),
            attempts: request.attempts,
            failed: request.failure.is_some(),
        }),
        Record::Write(write) => writes.push(Write {
            object: write.object.to_owned(),
            position: write.position,
            epoch: write.epoch,
            acknowledged_at_s: seconds(write.acknowledged_at_ns),
            fate: write.fate,
        }),
        _ => {}
    });
    read.expect("the records read back");
    (report, requests, writes)
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
    pub failed: bool,
}

/// A write as it was acknowledged, or a verdict on it.
#[derive(Clone, Debug)]
pub struct Write {
    pub object: String,
    pub position: u64,
    pub epoch: u64,
    pub acknowledged_at_s: f64,
    pub fate: Fate,
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

/// The critical tier's recovery time, seconds.
pub fn critical_rto_s(report: &Report) -> f64 {
    report.outcome.tiers[&reports::records::Tier::Critical].rto_s.expect("the critical tier recovered")
}
