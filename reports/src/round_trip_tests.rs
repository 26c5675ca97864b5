//! What was recorded and what was written and read back are the same run.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::files::{OUTCOME_FILE, REPORT_FILE, RUN_FILE};
use crate::fixture::{self, Course};
use crate::measures::Measures;
use crate::objective::ObjectiveStatus;
use crate::records::{MetricRecord, Record};
use crate::run::{RunRecord, SCHEMA_VERSION};
use crate::schema::ROWS_IN_GROUP;
use crate::writer::Writer;
use crate::{reader, rebuild, schema, terminal};

fn write(directory: &Path, course: Course) -> Result<(), Error> {
    let run = fixture::run(course);
    let mut writer = Writer::create(directory, &run)?;
    fixture::records(course, |record| writer.write(record));
    writer.finish(&run)
}

/// The names of a directory's files, sorted.
fn files(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort_unstable();
    names
}

/// From now on this file of the directory grows on a full disk.
#[cfg(target_os = "linux")]
fn fill_the_disk_of(directory: &Path, file: &str) {
    std::os::unix::fs::symlink("/dev/full", directory.join(format!("{file}.partial"))).expect("linked");
}

#[cfg(target_os = "linux")]
fn is_full(error: &Error) -> bool {
    matches!(error, Error::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull)
}

#[test]
fn a_report_from_the_files_equals_the_live_one() {
    for (course, live) in
        [(Course::Outage, fixture::outage()), (Course::Broken, fixture::broken()), (Course::Quiet, fixture::quiet())]
    {
        let directory = tempfile::tempdir().expect("a temporary directory");
        write(directory.path(), course).expect("written");
        let rebuilt = rebuild::read_report(directory.path()).expect("rebuilt");
        rebuild::write_answers(directory.path(), &rebuilt).expect("written");
        assert_eq!(rebuilt, live);
        assert_eq!(terminal::render(&rebuilt, true), terminal::render(&live, true));
        let outcome = fs::read_to_string(directory.path().join(OUTCOME_FILE)).expect("outcome.json");
        assert_eq!(serde_json::from_str::<crate::outcome::Outcome>(&outcome).expect("an outcome"), live.outcome);
        assert!(directory.path().join(REPORT_FILE).exists());
    }
}

#[test]
fn every_row_comes_back_as_it_was_over_several_row_groups() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = fixture::run(Course::Quiet);
    let mut writer = Writer::create(directory.path(), &run).expect("created");
    let metric = |index: usize| MetricRecord {
        at_ns: -(index as i64),
        component: "a component with a long name",
        metric: "é",
        value: index as f64 / 3.0,
    };
    let rows = 2 * ROWS_IN_GROUP + 17;
    for index in 0..rows {
        writer.write(&Record::Metric(metric(index)));
    }
    writer.finish(&run).expect("finished");
    let mut index = 0;
    reader::read_records(directory.path(), |record| {
        assert_eq!(*record, Record::Metric(metric(index)));
        index += 1;
    })
    .expect("read");
    assert_eq!(index, rows);
}

#[test]
fn an_unfinished_run_says_so_and_leaves_no_half_tables() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path(), Course::Quiet).expect("an earlier run");
    let run = RunRecord { complete: true, ..fixture::run(Course::Outage) };
    let writer = Writer::create(directory.path(), &run).expect("created");
    for partial in ["requests.parquet.partial", "reserve.partial"] {
        assert!(directory.path().join(partial).exists(), "{partial}");
    }
    drop(writer);
    assert!(!reader::read_run(directory.path()).expect("run.json").complete);
    assert_eq!(files(directory.path()), ["run.json"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_what_could_be_written_is_reported_as_incomplete() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fill_the_disk_of(directory.path(), "requests.parquet");
    let refused = write(directory.path(), Course::Outage).expect_err("/dev/full holds nothing");
    let Error::Incomplete { source, lacks } = &refused else { panic!("{refused:?}") };
    assert!(is_full(source), "{refused:?}");
    assert!(refused.to_string().contains("requests.parquet"), "{refused}");
    assert!(lacks.starts_with("requests.parquet lacks all of its ") && lacks.ends_with(" rows"), "{lacks}");
    let report = rebuild::read_report(directory.path()).expect("the others are whole, and it is empty");
    assert!(!report.outcome.complete);
    assert!(report.outcome.stopped_by.as_ref().expect("a reason").ends_with(lacks.as_str()));
    assert!(!report.outcome.objectives.is_empty());
    for objective in &report.outcome.objectives {
        assert_eq!(objective.status, ObjectiveStatus::Unknown, "{}", objective.metric);
    }
    assert_eq!(report.outcome.oracles, fixture::outage().outcome.oracles);
    assert_eq!(report.outcome.requests.first_attempts, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_that_refuses_run_json_too_hides_neither_the_first_refusal_nor_what_is_lacking() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = fixture::run(Course::Outage);
    fill_the_disk_of(directory.path(), "requests.parquet");
    let mut writer = Writer::create(directory.path(), &run).expect("created");
    fixture::records(Course::Outage, |record| writer.write(record));
    fill_the_disk_of(directory.path(), RUN_FILE);
    let refused = writer.finish(&run).expect_err("/dev/full holds nothing");
    let Error::Incomplete { source, lacks } = &refused else { panic!("{refused:?}") };
    assert!(is_full(source) && source.to_string().contains("requests.parquet"), "{refused}");
    assert!(lacks.starts_with("requests.parquet lacks all of its "), "{lacks}");
    assert!(lacks.ends_with(" rows, run.json is still that of a run under way"), "{lacks}");
    let report = rebuild::read_report(directory.path()).expect("every table can be read");
    assert!(!report.outcome.complete && report.outcome.lacks_rows());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_that_refuses_run_json_alone_is_told_as_an_incomplete_run() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = fixture::run(Course::Quiet);
    let writer = Writer::create(directory.path(), &run).expect("created");
    fill_the_disk_of(directory.path(), RUN_FILE);
    let refused = writer.finish(&run).expect_err("/dev/full holds nothing");
    let Error::Incomplete { source, lacks } = &refused else { panic!("{refused:?}") };
    assert!(is_full(source) && source.to_string().contains("run.json"), "{refused}");
    assert_eq!(lacks, "run.json is still that of a run under way");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_that_refuses_the_answers_takes_nothing_from_the_records() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path(), Course::Outage).expect("written");
    fill_the_disk_of(directory.path(), OUTCOME_FILE);
    let report = rebuild::read_report(directory.path()).expect("nothing is written for it");
    assert_eq!(report, fixture::outage());
    let refused = rebuild::write_answers(directory.path(), &report).expect_err("/dev/full holds nothing");
    assert!(is_full(&refused) && refused.to_string().contains("outcome.json"), "{refused}");
    assert!(reader::read_run(directory.path()).expect("run.json").complete);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_without_room_for_the_end_of_a_run_is_refused_at_its_beginning() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fill_the_disk_of(directory.path(), "reserve");
    let refused = Writer::create(directory.path(), &fixture::run(Course::Quiet)).expect_err("no room");
    assert!(is_full(&refused), "{refused:?}");
    assert_eq!(files(directory.path()), ["run.json"]);
}

#[test]
fn a_table_without_rows_whose_footer_fits_in_the_end_lacks_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = fixture::run(Course::Quiet);
    let writer = Writer::create(directory.path(), &run).expect("created");
    writer.refuse_once("faults.parquet");
    writer.finish(&run).expect("nothing is lacking");
    assert!(rebuild::read_report(directory.path()).expect("whole").outcome.complete);
}

#[test]
fn a_group_that_does_not_fit_is_taken_back_and_those_before_it_can_be_read() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = fixture::run(Course::Quiet);
    let metric = |index: usize| MetricRecord {
        at_ns: index as i64,
        component: "component",
        metric: "metric",
        value: index as f64 / 3.0,
    };
    let mut writer = Writer::create(directory.path(), &run).expect("created");
    (0..ROWS_IN_GROUP).for_each(|index| writer.write(&Record::Metric(metric(index))));
    writer.refuse_once("metrics.parquet");
    (ROWS_IN_GROUP..2 * ROWS_IN_GROUP).for_each(|index| writer.write(&Record::Metric(metric(index))));
    assert!(writer.failed());
    writer.write(&Record::Metric(metric(0)));
    let refused = writer.finish(&run).expect_err("refused");
    assert!(refused.to_string().ends_with("; metrics.parquet lacks the last 131,072 of its 262,144 rows"), "{refused}");
    let mut rows = 0;
    reader::read_records(directory.path(), |record| {
        assert_eq!(*record, Record::Metric(metric(rows)));
        rows += 1;
    })
    .expect("read");
    assert_eq!(rows, ROWS_IN_GROUP);
}

#[test]
fn tables_that_are_missing_are_named_with_the_reason() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refused = || rebuild::read_report(directory.path()).expect_err("refused").to_string();
    write(directory.path(), Course::Quiet).expect("written");
    for table in ["writes.parquet", "faults.parquet"] {
        fs::remove_file(directory.path().join(table)).expect("it was there");
    }
    let said = refused();
    assert!(
        said.ends_with("faults.parquet, writes.parquet are missing; the run had them when it was complete"),
        "{said}"
    );
    drop(Writer::create(directory.path(), &fixture::run(Course::Quiet)).expect("created"));
    let said = refused();
    assert!(said.ends_with("the run was cut off before it could close them, or is still under way"), "{said}");
}

#[test]
fn files_that_are_not_a_runs_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refused = |directory: &Path| rebuild::read_report(directory).expect_err("refused").to_string();
    assert!(refused(directory.path()).contains("run.json"));
    write(directory.path(), Course::Quiet).expect("written");
    fs::write(directory.path().join("writes.parquet"), "not parquet").expect("overwritten");
    assert!(refused(directory.path()).contains("writes.parquet"));
    fs::copy(directory.path().join("pending.parquet"), directory.path().join("writes.parquet")).expect("copied");
    write(directory.path(), Course::Quiet).expect("written");
    fs::copy(directory.path().join("writes.parquet"), directory.path().join("faults.parquet")).expect("copied");
    assert!(refused(directory.path()).contains("faults.parquet"));
    let run = fs::read_to_string(directory.path().join("run.json")).expect("run.json");
    fs::write(
        directory.path().join("run.json"),
        run.replace(&format!("\"schema_version\": {SCHEMA_VERSION}"), "\"schema_version\": 99"),
    )
    .expect("rewritten");
    assert!(refused(directory.path()).contains("schema version 99"));
}

#[test]
fn rows_may_come_in_any_order_of_kinds() {
    let run = fixture::run(Course::Outage);
    let mut measures = Measures::new(run.duration_ns());
    let feed = |measures: &mut Measures, first: bool| {
        fixture::records(Course::Outage, |record| {
            if matches!(record, Record::Request(_) | Record::Oracle(_)) != first {
                measures.add(record);
            }
        });
    };
    feed(&mut measures, true);
    feed(&mut measures, false);
    assert_eq!(measures.finish(&run), fixture::outage());
}

#[test]
fn a_directory_holds_the_documented_files() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path(), Course::Outage).expect("written");
    let mut documented: Vec<_> = schema::TABLES.iter().map(|table| table.file).chain([RUN_FILE]).collect();
    documented.sort_unstable();
    assert_eq!(files(directory.path()), documented);
}
