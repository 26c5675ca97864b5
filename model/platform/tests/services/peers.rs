//! Callers follow what they are told of their peers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use engine::{Engine, Stopped};
use platform::api::{ApiError, Reply};
use platform::services::Config;
use platform::services::peers::Peers;
use ports::endpoints::Endpoints;
use runtime::Time;
use runtime::call::{CallContext, serve};
use runtime::net::{Address, HostId};
use runtime::world::{ProcessSpec, World as _};

use crate::world::{config, host};

const PORT: u16 = 80;

/// A replica that answers with its host's number.
fn replica(engine: &mut Engine, name: &str) -> Address {
    let host = engine.add_host(host(name.to_owned(), "a"));
    engine.add_process(ProcessSpec {
        name: name.to_owned(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || {
            Box::pin(async move {
                let port = serve(PORT, move |_: u8, _| async move { Reply::Ok(host) });
                let _port = port.expect("the port is free");
                runtime::task::forever().await;
            })
        }),
    });
    Address { host, port: PORT }
}

#[test]
fn replicas_come_and_go_and_a_call_goes_to_whom_there_is() {
    let mut engine = Engine::new(config(1, &[]));
    let [one, two] = ["one", "two"].map(|name| replica(&mut engine, name));
    let caller = engine.add_host(host("caller".to_owned(), "a"));
    let (endpoints, answers): (Endpoints, Rc<RefCell<Vec<Reply<HostId>>>>) = Default::default();
    let (told, noted) = (endpoints.clone(), answers.clone());
    engine.add_process(ProcessSpec {
        name: "caller".to_owned(),
        host: caller,
        cpu_limit_millicores: None,
        start: Rc::new(move || {
            let (told, noted) = (told.clone(), noted.clone());
            Box::pin(async move {
                let peers = Peers::<u8, HostId>::new(told.clone(), Config::default().calls, "peers");
                let lists = [vec![], vec![one], vec![one, two], vec![two], vec![]];
                for list in lists {
                    told.set(list);
                    for _ in 0..2 {
                        let mut context = CallContext::within(Duration::from_secs(5), 2);
                        let answer = peers.call(0, &mut context).await;
                        noted.borrow_mut().push(answer);
                    }
                }
                runtime::task::forever().await;
            })
        }),
    });
    assert_eq!(engine.run_until(Time::from_secs(60)), Stopped::Reached);
    let answers = answers.borrow();
    let nobody = Err(ApiError::Unavailable);
    assert_eq!(answers[..4], [nobody, nobody, Ok(one.host), Ok(one.host)]);
    let mut both = [answers[4].unwrap(), answers[5].unwrap()];
    both.sort_unstable();
    assert_eq!(both, [one.host, two.host], "in turn");
    assert_eq!(answers[6..], [Ok(two.host), Ok(two.host), nobody, nobody]);
}
