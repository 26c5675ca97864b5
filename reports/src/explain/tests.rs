//! Trips whose stories are known beforehand, as people read them.

use std::path::Path;

use crate::explain::{Call, ExplainError, story, trip, trips};
use crate::fixture::{self, Course};
use crate::records::{
    AttemptRecord, CommitPlace, Fate, Record, RequestRecord, TripEventKind, TripEventRecord, WriteRecord,
};
use crate::run::RunRecord;
use crate::writer::Writer;

/// Everything of the synthetic outage but its requests, and four trips: 40's card is declined and 41 is driven and paid before
/// the outage, 42 is requested in it and cancelled, 43 is on the road when the records end.
fn write(directory: &Path, run: &RunRecord) {
    let mut writer = Writer::create(directory, run).expect("created");
    let mut put = |record: &Record<'_>| writer.write(record);
    fixture::records(Course::Outage, |record| {
        if matches!(record, Record::ComponentState(_) | Record::Fault(_)) {
            put(record);
        }
    });
    for (at_s, kind, what, result) in [
        (50.0, TripEventKind::Trip, "requested", Some("requested")),
        (50.3, TripEventKind::Processor, "authorise", Some("declined")),
        (50.4, TripEventKind::Payment, "failed", None),
        (50.4, TripEventKind::Trip, "system cancelled", Some("cancelled by system")),
    ] {
        put(&event(40, at_s, kind, what, result));
    }
    driven(&mut put);
    cancelled(&mut put);
    for (at_s, what, state) in
        [(5_000.0, "requested", "requested"), (5_003.0, "offer made", "offered"), (5_300.0, "picked up", "in progress")]
    {
        put(&event(43, at_s, TripEventKind::Trip, what, Some(state)));
    }
    writer.finish(run).expect("finished");
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e3).round() as i64 * 1_000_000
}

fn event(
    trip: i64,
    at_s: f64,
    kind: TripEventKind,
    what: &'static str,
    result: Option<&'static str>,
) -> Record<'static> {
    let store = CommitPlace { store: "orders-db", node: "orders-db-1", epoch: 1, position: (at_s * 4_096.0) as u64 };
    Record::TripEvent(TripEventRecord {
        at_ns: nanoseconds(at_s),
        trip,
        kind,
        what,
        result,
        party: (what == "requested").then_some(7),
        amount_minor: matches!(kind, TripEventKind::Processor | TripEventKind::Ledger).then_some(1_850),
        place: (kind != TripEventKind::Processor).then_some(store),
    })
}

fn asked(journey: &'static str, trip: Option<i64>, at_s: f64, took_s: f64) -> RequestRecord<'static> {
    let (meant_at_ns, ended_at_ns) = (nanoseconds(at_s), nanoseconds(at_s + took_s));
    RequestRecord { meant_at_ns, ended_at_ns, journey, trip, actor: 7, ..fixture::request() }
}

fn driven(put: &mut impl FnMut(&Record<'_>)) {
    use TripEventKind::{Event, Ledger, Notification, Offer, Payment, Processor, Refund, Trip};
    put(&Record::Request(asked("quote", None, 88.0, 0.021)));
    put(&Record::Request(asked("request", Some(41), 99.95, 0.05)));
    for poll in 0..4 {
        put(&Record::Request(asked("status", Some(41), 102.0 + f64::from(poll) * 2.0, 0.012)));
    }
    put(&Record::Request(RequestRecord { actor: 30, ..asked("offer-answer", Some(41), 106.0, 0.04) }));
    for (at_s, kind, what, result) in [
        (100.0, Trip, "requested", Some("requested")),
        (100.3, Payment, "authorisation pending", None),
        (100.6, Processor, "authorise", Some("approved")),
        (100.7, Payment, "authorised", None),
        (100.8, Trip, "matching began", Some("matching")),
        (103.0, Offer, "live", None),
        (103.0, Trip, "offer made", Some("offered")),
        (106.0, Offer, "accepted", None),
        (106.0, Trip, "offer accepted", Some("accepted")),
        (300.0, Trip, "picked up", Some("in progress")),
        (900.0, Trip, "dropped off", Some("completed")),
        (900.9, Ledger, "capture", None),
        (900.9, Trip, "payment captured", Some("settled")),
        (901.1, Event, "written to the event log", None),
        (901.2, Event, "event 9 published", None),
        (901.3, Event, "event 9 read by notifications", None),
        (901.3, Notification, "push of event 9 to rider 7", Some("claimed")),
        (901.6, Notification, "push of event 9 to rider 7", Some("failed")),
        (901.6, Notification, "sms of event 9 to rider 7", Some("claimed")),
        (902.0, Notification, "sms of event 9 to rider 7", Some("told")),
        (960.0, Refund, "pending", None),
        (960.4, Processor, "refund", Some("approved")),
        (960.5, Refund, "done", None),
    ] {
        let in_log = CommitPlace { store: "orders-log", node: "trip-events-3", epoch: 1, position: 118 };
        put(&match event(41, at_s, kind, what, result) {
            Record::TripEvent(row) if kind == Offer => Record::TripEvent(TripEventRecord { party: Some(30), ..row }),
            Record::TripEvent(row) if what == "written to the event log" => {
                Record::TripEvent(TripEventRecord { place: Some(in_log), ..row })
            }
            other => other,
        });
    }
    put(&Record::Write(WriteRecord {
        store: "orders-log",
        object: "trip-events-3/118",
        position: 118,
        acknowledged_at_ns: nanoseconds(901.1),
        fate: Fate::Lost,
        epoch: 1,
    }));
}

fn cancelled(put: &mut impl FnMut(&Record<'_>)) {
    let request = RequestRecord { attempts: 3, ..asked("request", Some(42), 1_205.0, 21.0) };
    put(&Record::Request(request));
    for (number, ended_s) in [(1, 1_210.0), (2, 1_220.5)] {
        put(&Record::Attempt(AttemptRecord {
            began_at_ns: nanoseconds(ended_s - 5.0),
            ended_at_ns: nanoseconds(ended_s),
            journey: "request",
            actor: 7,
            number,
            failure: "timeout",
        }));
    }
    for poll in 0..9 {
        let failure = (poll < 6).then_some("unavailable");
        put(&Record::Request(RequestRecord {
            failure,
            ..asked("status", Some(42), 1_228.0 + f64::from(poll) * 2.0, 0.5)
        }));
    }
    put(&event(42, 1_225.5, TripEventKind::Trip, "requested", Some("requested")));
    put(&event(42, 1_225.9, TripEventKind::Payment, "authorisation pending", None));
    put(&Record::Write(WriteRecord {
        store: "orders-db",
        object: "payments/42",
        position: 9,
        acknowledged_at_ns: nanoseconds(1_226.0),
        fate: Fate::Lost,
        epoch: 1,
    }));
    put(&Record::Request(asked("cancel", Some(42), 1_405.4, 0.1)));
    put(&event(42, 1_405.5, TripEventKind::Trip, "rider cancelled", Some("cancelled by rider")));
}

fn records(change: impl FnOnce(&mut RunRecord)) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut run = fixture::run(Course::Outage);
    change(&mut run);
    write(directory.path(), &run);
    directory
}

#[test]
fn a_trip_that_went_well_reads_well() {
    let directory = records(|_| {});
    insta::assert_snapshot!("driven", trip(directory.path(), 41, false).expect("told"));
}

#[test]
fn a_declined_card_is_named_as_the_reason() {
    let directory = records(|_| {});
    let text = trip(directory.path(), 40, false).expect("told").replace('\n', " ");
    let verdict = text.split(" scenarios/").next().unwrap_or_default();
    insta::assert_snapshot!(verdict, @"Trip 40 was cancelled by the platform after 0.4 s, when it was requested, because the payment processor declined to authorise its fare.");
}

#[test]
fn a_trip_that_was_cancelled_in_an_outage_says_why() {
    let directory = records(|_| {});
    insta::assert_snapshot!("cancelled", trip(directory.path(), 42, false).expect("told"));
}

#[test]
fn a_trip_that_did_not_end_says_how_it_was_left() {
    let directory = records(|run| {
        run.complete = false;
        run.stopped_by = Some("--until 90m".to_string());
    });
    insta::assert_snapshot!("left", trip(directory.path(), 43, false).expect("told"));
}

#[test]
fn without_a_number_the_trips_that_went_wrong_are_listed() {
    let directory = records(|_| {});
    let text = trips(directory.path(), false).expect("listed");
    let text = text.replace(&directory.path().display().to_string(), "DIR");
    insta::assert_snapshot!("list", text);
}

#[test]
fn an_unknown_trip_is_refused_with_the_nearest() {
    let directory = records(|_| {});
    let refused = trip(directory.path(), 44, false).expect_err("there is none");
    assert!(matches!(refused, ExplainError::Unknown { trip: 44, .. }), "{refused:?}");
    insta::assert_snapshot!(refused, @"no trip is numbered 44; the nearest are 40, 41, 42, 43; without a number, the trips that went wrong are listed");
}

#[test]
fn every_line_fits_the_page() {
    let directory = records(|_| {});
    for number in [41, 42, 43] {
        let text = trip(directory.path(), number, false).expect("told");
        let reproduce = fixture::run(Course::Outage).reproduce;
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100 && *line != reproduce).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}

#[test]
fn calls_that_another_run_heard_are_told_among_the_rest() {
    let directory = records(|_| {});
    let call = |at_s: f64, took_s: f64, (from, to, what): (&str, &str, &str), attempt, failure: Option<&str>| Call {
        began_at_ns: nanoseconds(at_s),
        ended_at_ns: nanoseconds(at_s + took_s),
        from: from.to_string(),
        to: to.to_string(),
        at: format!("{to}-1"),
        what: what.to_string(),
        attempt,
        failure: failure.map(str::to_string),
    };
    let status = ("gateway", "trips", "status");
    let mut story = story(directory.path(), 42).expect("told");
    story.add_calls(vec![
        call(1_225.4, 0.2, ("gateway", "trips", "create"), 2, None),
        call(1_223.4, 2.0, ("gateway", "trips", "create"), 1, Some("the deadline passed")),
        call(1_238.0, 0.004, status, 1, None),
        call(1_240.0, 0.006, status, 1, None),
        call(1_225.6, 2.0, ("trips", "payments", "settle"), 1, Some("the outcome is unknown")),
        call(3_000.0, 0.1, ("gateway", "trips", "active trip"), 1, None),
    ]);
    let text = story.tell(false);
    let told: Vec<&str> = text.lines().filter(|line| line.contains(" → trips") || line.contains(" → pay")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
      -00:02.1  gateway → trips   create at trips-1, failed: the deadline passed, after 2,000 ms
      -00:00.1  gateway → trips   create at trips-1, attempt 2, answered, after 200 ms
      +00:00.1  trips → payments  settle at payments-1, failed: the outcome is unknown, after 2,000 ms
      +00:12.5  gateway → trips   status ×2 until +00:14.5, each answered within 6.00 ms
    ");
    assert!(!text.contains("--calls"), "{text}");
}
