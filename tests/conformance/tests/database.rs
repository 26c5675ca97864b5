//! The database port: the model against PostgreSQL 15, and the model against the definition of SERIALIZABLE.

use conformance::database::compare::{Agreement, compare};
use conformance::database::generate;
use conformance::database::model::{Choices, Model};
use conformance::database::real::{Real, address};
use conformance::database::recording::record;
use conformance::database::serial::serial_order;
use conformance::database::{Move, Reply, Script};
use ports::database::{DatabaseError, Isolation};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const EXACT: &[Isolation] = &[Isolation::ReadCommitted, Isolation::RepeatableRead];
const SERIALIZABLE: &[Isolation] = &[Isolation::Serializable];

/// So many, unless `PROPTEST_CASES` asks for another number.
fn case_count(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").map_or(usual, |cases| cases.parse().expect("PROPTEST_CASES is a number"))
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() }
}

/// Runs scripts on the real server; `check` says what is wrong with one.
fn on_postgresql(
    schema: &'static str,
    levels: &'static [Isolation],
    cases: u32,
    check: impl Fn(&Script, &[Move]) -> Result<(), String>,
) {
    let config_of_server = match address() {
        Ok(config) => config,
        Err(skipped) => return println!("{schema}: {skipped}"),
    };
    let real = std::cell::RefCell::new(Real::connect(&config_of_server, schema));
    let outcome = TestRunner::new(config(cases)).run(&generate::script(levels), |script| {
        let mut real = real.borrow_mut();
        real.begin(&script);
        let run = record(&script, &mut *real);
        check(&script, &run).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn the_model_answers_waits_and_fails_as_postgresql_does() {
    on_postgresql("conformance_exact", EXACT, case_count(1_000), |script, run| {
        compare(script, run, Agreement::Exact).map(|_| ()).map_err(|divergence| format!("{divergence:?}"))
    });
}

#[test]
fn at_serializable_postgresql_refuses_what_the_model_does_and_both_have_an_order() {
    on_postgresql("conformance_serializable", SERIALIZABLE, case_count(600), |script, run| {
        compare(script, run, Agreement::UntilRefusal).map_err(|divergence| format!("{divergence:?}"))?;
        serial_order(script, run).ok_or("PostgreSQL committed what has no order")?;
        Ok(())
    });
}

fn on_the_model(script: &Script) -> Vec<Move> {
    let mut choices = Choices::default();
    record(script, &mut Model::new(script, &mut choices))
}

#[test]
fn what_the_model_commits_at_serializable_has_an_order() {
    let outcome = TestRunner::new(config(5_000)).run(&generate::script(SERIALIZABLE), |script| {
        let run = on_the_model(&script);
        match serial_order(&script, &run) {
            Some(_) => Ok(()),
            None => Err(TestCaseError::fail(format!("\n{}", conformance::database::recording::Moves(&run)))),
        }
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// The first so many scripts of a fixed sequence, with what the model makes of them.
fn sampled(levels: &'static [Isolation], count: usize) -> Vec<(Script, Vec<Move>)> {
    let mut runner = TestRunner::deterministic();
    let strategy = generate::script(levels);
    let mut draw = || strategy.new_tree(&mut runner).expect("nothing is rejected").current();
    (0..count).map(|_| draw()).map(|script| (script.clone(), on_the_model(&script))).collect()
}

/// Agreement is only worth something if the scripts have waits, deadlocks and refusals in them.
#[test]
fn the_scripts_are_contended() {
    let runs = sampled(EXACT, 1_000);
    let replies = || runs.iter().flat_map(|(_, run)| run).flat_map(|turn| turn.replies.iter().map(|(_, reply)| reply));
    let failed = |error: &dyn Fn(&DatabaseError) -> bool| {
        replies().filter(|reply| matches!(reply, Reply::Failed(failure) if error(failure))).count()
    };
    let waits = |turn: &&Move| turn.replies.iter().all(|(session, _)| *session != turn.session);
    let counts = [
        runs.iter().flat_map(|(_, run)| run).filter(waits).count(),
        failed(&|error| *error == DatabaseError::DeadlockDetected),
        failed(&|error| *error == DatabaseError::SerialisationFailure),
        failed(&|error| matches!(error, DatabaseError::UniqueViolation { index: None, .. })),
        failed(&|error| matches!(error, DatabaseError::UniqueViolation { index: Some(_), .. })),
    ];
    println!("waits, deadlocks, refusals, key and index violations: {counts:?}");
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
}

/// The checker of orders is only worth something if it finds runs without one, and SERIALIZABLE only if it commits most.
#[test]
fn without_refusals_some_runs_have_no_order() {
    let without_order = |levels| {
        let runs = sampled(levels, 2_000);
        runs.iter().filter(|(script, run)| serial_order(script, run).is_none()).count()
    };
    let counts = [&[Isolation::ReadCommitted], &[Isolation::RepeatableRead], SERIALIZABLE].map(without_order);
    println!("without order at the three levels: {counts:?}");
    assert!(counts[0] > 10 && counts[1] > 10, "{counts:?}");
    assert_eq!(counts[2], 0);
}
