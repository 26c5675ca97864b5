//! The cache port: the model against Redis 7.

use conformance::cache::compare::compare;
use conformance::cache::generate::script;
use conformance::cache::model::on_the_model;
use conformance::cache::real::{Real, address};
use conformance::cache::{Happened, Script};
use ports::cache::{CacheError, Command, Condition, Expiry, Reply};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").map_or(600, |cases| cases.parse().expect("PROPTEST_CASES is a number"));
    Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() }
}

#[test]
fn the_model_answers_fails_and_tells_as_redis_does() {
    let address = match address() {
        Ok(address) => address,
        Err(skipped) => return println!("{skipped}"),
    };
    let real = std::cell::RefCell::new(Real::connect(&address));
    let outcome = TestRunner::new(config()).run(&script(), |script| {
        let answers = real.borrow_mut().perform(&script);
        let divergence = |divergence| TestCaseError::fail(format!("{divergence:?}"));
        compare(&script, &answers, &on_the_model(&script)).map_err(divergence)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Agreement is only worth something if the scripts meet every kind of answer and of error.
#[test]
fn the_scripts_meet_everything_that_a_server_says() {
    let mut runner = TestRunner::deterministic();
    let mut draw = || script().new_tree(&mut runner).expect("nothing is rejected").current();
    let runs: Vec<(Script, Vec<Happened>)> =
        (0..300).map(|_| draw()).map(|script| (script.clone(), on_the_model(&script))).collect();
    let happened = || runs.iter().flat_map(|(_, happened)| happened);
    let count = |is: &dyn Fn(&Happened) -> bool| happened().filter(|happened| is(happened)).count();
    let failed = |error| count(&|happened| happened.answer == Err(error));
    let said = |is: fn(&Reply) -> bool| count(&|happened| happened.answer.as_ref().is_ok_and(is));
    let counts = [
        ("heard", count(&|happened| !happened.heard.is_empty())),
        ("wrong type", failed(CacheError::WrongType)),
        ("not an integer", failed(CacheError::NotAnInteger)),
        ("field not an integer", failed(CacheError::FieldNotAnInteger)),
        ("overflow", failed(CacheError::Overflow)),
        ("invalid expiry", failed(CacheError::InvalidExpiry)),
        ("arguments", failed(CacheError::Arguments)),
        ("nil", said(|reply| *reply == Reply::Nil)),
        ("bytes", said(|reply| matches!(reply, Reply::Bulk(_)))),
        ("score", said(|reply| matches!(reply, Reply::Score(_)))),
        ("members", said(|reply| matches!(reply, Reply::Members(members) if members.len() > 1))),
        ("fields", said(|reply| matches!(reply, Reply::Fields(fields) if fields.len() > 1))),
        ("scored", said(|reply| matches!(reply, Reply::Scored(scored) if scored.len() > 1))),
    ];
    assert!(counts.iter().all(|(_, count)| *count > 10), "{counts:?}");
}

/// What is compared within a margin is still compared: one answer that differs is named, with what led to it.
#[test]
fn a_divergence_prints_what_led_to_it() {
    let (key, value) = (b"k".to_vec(), b"v".to_vec());
    let set = Command::Set {
        key: key.clone(),
        value,
        condition: Condition::Always,
        expiry: Expiry::After(500_000),
        get: false,
    };
    use conformance::cache::Step::Execute;
    let script =
        Script(vec![Execute(0, set), Execute(1, Command::PTtl { key: key.clone() }), Execute(2, Command::Get { key })]);
    let model = on_the_model(&script);
    let mut real = model.clone();
    real[1].answer = Ok(Reply::Integer(460_000));
    assert!(compare(&script, &real, &model).is_ok(), "the clocks differ");
    real[2].answer = Err(CacheError::WrongType);
    let divergence = compare(&script, &real, &model).map_err(|divergence| format!("{divergence:?}"));
    insta::assert_snapshot!(divergence.unwrap_err(), @"
    session 0: SET k v PX 500000
        Ok
    session 1: PTTL k
        Integer(460000)
    session 2: GET k
        ERROR WrongType
    but the model:
        v
    ");
    real[1].answer = Ok(Reply::Integer(-1));
    assert!(compare(&script, &real, &model).is_err(), "an expiry is there or is not");
}
