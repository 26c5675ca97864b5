//! Calls: many at once on one connection, deadlines, and servers that go away.

use std::time::Duration;

use runtime::call::{CallContext, CallError, Caller, serve};
use runtime::net::Closed;

use crate::support::*;

fn within(seconds: u64) -> CallContext {
    CallContext::within(Duration::from_secs(seconds), 3)
}

/// Answers twice the request; odd requests take longer, so that answers overtake each other.
async fn doubling() {
    let port = serve(PORT, |request: u64, _| async move {
        runtime::sleep(Duration::from_millis(request % 2 * 5)).await;
        request * 2
    });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

#[test]
fn each_of_many_calls_in_flight_gets_its_own_answer() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("doubling", server, doubling);
        trial.client(phone, move |notes| async move {
            let caller = Caller::<u64, u64>::connect(at(server)).await.expect("the server listens");
            let calls: Vec<_> = (0..1_000)
                .map(|request| {
                    let caller = caller.clone();
                    runtime::spawn(async move { caller.call(request, within(20)).await })
                })
                .collect();
            let mut right = 0;
            for (request, call) in (0..).zip(calls) {
                right += u32::from(call.await == Ok(2 * request));
            }
            notes.note(right);
        });
    });
    assert_eq!(outcome.notes, ["1000"]);
}

#[test]
fn a_call_ends_at_its_deadline_and_its_late_answer_harms_nobody() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("slow", server, || async {
            let port = serve(PORT, |wait_ms: u64, context: CallContext| async move {
                runtime::sleep(Duration::from_millis(wait_ms)).await;
                (wait_ms, context.retry_budget)
            });
            let _port = port.expect("the port is free");
            runtime::task::forever().await;
        });
        trial.client(phone, move |notes| async move {
            let caller = Caller::<u64, (u64, u8)>::connect(at(server)).await.expect("the server listens");
            let hurried = CallContext::within(Duration::from_millis(20), 3);
            let begun = runtime::now();
            notes.note(caller.call(60, hurried).await);
            notes.note(runtime::now().since(begun) >= Duration::from_millis(20));
            // In the slot that the late answer is on its way to.
            notes.note(caller.call(100, within(20)).await);
        });
    });
    assert_eq!(outcome.notes, ["Err(DeadlineExceeded)", "true", "Ok((100, 3))"]);
}

#[test]
fn a_panic_crashes_its_process_and_every_caller_is_told() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("fragile", server, || async {
            let port = serve(PORT, |request: u64, _| async move {
                assert!(request < 100, "request {request} is too much");
                runtime::task::forever().await;
                request
            });
            let _port = port.expect("the port is free");
            runtime::task::forever().await;
        });
        trial.client(phone, move |notes| async move {
            let caller = Caller::<u64, u64>::connect(at(server)).await.expect("the server listens");
            let innocent = caller.clone();
            let innocent = runtime::spawn(async move { innocent.call(1, within(20)).await });
            let guilty = caller.call(100, within(20)).await;
            // Turmoil's close, the others' reset: either is the end of the connection.
            let lost = |result| matches!(result, Err(CallError::Connection(Closed::Reset | Closed::Finished)));
            notes.note((lost(guilty), lost(innocent.await)));
            notes.note(Caller::<u64, u64>::connect(at(server)).await.err());
        });
    });
    assert_eq!(outcome.notes, ["(true, true)", "Some(Refused)"]);
    assert_eq!(outcome.panics, ["fragile: request 100 is too much"]);
}
