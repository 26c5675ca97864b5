//! The little program of the seam: a client calls a gateway, which calls a service that crashes in the middle.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use runtime::call::{CallContext, CallError, Caller, serve};
use runtime::net::HostId;
use serde::{Deserialize, Serialize};

use crate::support::*;

/// What a rider hears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Fare { cents: u64, by: String, life: usize },
    Unavailable,
}

async fn service() {
    let lives = runtime::disk::open::<()>("lives");
    lives.append((), 1);
    lives.flush().await;
    let port = serve(PORT, move |kilometres: u64, _| {
        let life = lives.records().len();
        async move {
            runtime::cpu::work(Duration::from_micros(100)).await;
            Answer::Fare { cents: 250 + 110 * kilometres, by: runtime::process_name().to_string(), life }
        }
    });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

/// Dials until somebody listens.
async fn dial(to: HostId) -> Caller<u64, Answer> {
    loop {
        match Caller::connect(at(to)).await {
            Ok(caller) => return caller,
            Err(_) => runtime::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn gateway(behind: HostId) {
    let service = Rc::new(RefCell::new(dial(behind).await));
    let port = serve(PORT, move |kilometres: u64, context: CallContext| {
        let service = service.clone();
        async move {
            let caller = service.borrow().clone();
            match caller.call(kilometres, context.at_most(Duration::from_secs(5))).await {
                Ok(answer) => answer,
                Err(CallError::DeadlineExceeded) => Answer::Unavailable,
                Err(CallError::Connection(_)) => {
                    let caller = dial(behind).await;
                    *service.borrow_mut() = caller.clone();
                    caller.call(kilometres, context).await.unwrap_or(Answer::Unavailable)
                }
            }
        }
    });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

#[test]
fn a_service_crashes_between_two_answers_and_the_rider_never_knows() {
    let outcome = on_every_engine(|trial| {
        let [back, front, phone] = ["back", "front", "phone"].map(|name| trial.host(name));
        let service = trial.process("pricing", back, service);
        trial.process("gateway", front, move || gateway(back));
        trial.crashes.push((service, Duration::from_millis(100), Duration::from_millis(50)));
        trial.client(phone, move |notes| async move {
            let gateway = dial(front).await;
            let mut unavailable = 0;
            loop {
                match gateway.call(10, CallContext::within(Duration::from_secs(20), 0)).await {
                    Ok(Answer::Fare { life: 1, .. }) => {}
                    Ok(answer @ Answer::Fare { .. }) => break notes.note((answer, unavailable)),
                    _ => unavailable += 1,
                }
                runtime::sleep(Duration::from_millis(5)).await;
            }
        });
    });
    assert_eq!(outcome.notes, [r#"(Fare { cents: 1350, by: "pricing", life: 2 }, 0)"#]);
    assert!(outcome.panics.is_empty());
}
