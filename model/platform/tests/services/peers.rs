//! Callers follow what they are told of their peers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use engine::Engine;
use engine::testing::{host, lone_process, process, run};
use platform::api::payments::Request;
use platform::api::{ApiError, Reply};
use platform::domain::ids::TripId;
use platform::services::Config;
use platform::services::following::{Call, Follower, Following, Subject};
use platform::services::peers::Peers;
use ports::endpoints::Endpoints;
use runtime::call::{CallContext, serve};
use runtime::net::{Address, HostId};

use crate::world::config;

const PORT: u16 = 80;

const TRIP: TripId = TripId(7);

/// Hears what is about one trip.
#[derive(Debug)]
struct Listener(TripId, RefCell<Vec<Call>>);

impl Follower for Listener {
    fn follows(&self, subject: Subject) -> bool {
        subject == Subject::Trip(self.0)
    }

    fn called(&self, call: Call) {
        self.1.borrow_mut().push(call);
    }
}

/// A replica that answers with its host's number.
fn replica(engine: &mut Engine, name: &str) -> Address {
    let host = host(engine, name, "a");
    process(engine, name, host, move || async move {
        let port = serve(PORT, move |_: Request, _| async move { Reply::Ok(host) });
        let _port = port.expect("the port is free");
        runtime::task::forever().await;
    });
    Address { host, port: PORT }
}

#[test]
fn replicas_come_and_go_and_a_call_goes_to_whom_there_is() {
    let mut engine = Engine::new(config(1, &[]));
    let [one, two] = ["one", "two"].map(|name| replica(&mut engine, name));
    let (endpoints, answers): (Endpoints, Rc<RefCell<Vec<Reply<HostId>>>>) = Default::default();
    let (told, noted) = (endpoints.clone(), answers.clone());
    let heard = Rc::new(Listener(TRIP, RefCell::default()));
    let listener = heard.clone();
    lone_process(&mut engine, "caller", "a", move || {
        let (told, noted, listener) = (told.clone(), noted.clone(), listener.clone());
        async move {
            let peers = Peers::<Request, HostId>::new(
                told.clone(),
                Config::default().calls,
                "peers",
                Some(Following { follower: listener.clone(), from: "caller-0".into(), to: "payments" }),
            );
            let lists = [vec![], vec![one], vec![one, two], vec![two], vec![]];
            for list in lists {
                told.set(list);
                for _ in 0..2 {
                    let mut context = CallContext::within(Duration::from_secs(5), 2);
                    let answer = peers.call(Request::Settle { trip: TRIP }, &mut context).await;
                    noted.borrow_mut().push(answer);
                }
            }
            runtime::task::forever().await;
        }
    });
    run(&mut engine, 60);
    let answers = answers.borrow();
    let nobody = Err(ApiError::Unavailable);
    assert_eq!(answers[..4], [nobody, nobody, Ok(one.host), Ok(one.host)]);
    let mut both = [answers[4].unwrap(), answers[5].unwrap()];
    both.sort_unstable();
    assert_eq!(both, [one.host, two.host], "in turn");
    assert_eq!(answers[6..], [Ok(two.host), Ok(two.host), nobody, nobody]);
    let heard = heard.1.borrow();
    assert!(heard.iter().all(|call| (&*call.from, call.to, call.what) == ("caller-0", "payments", "settle")));
    let asked: Vec<HostId> = heard.iter().map(|call| call.at.host).collect();
    let answered: Vec<HostId> = answers.iter().filter_map(|answer| answer.ok()).collect();
    assert_eq!(asked, answered, "whoever follows the trip hears of every attempt");
    assert!(heard.iter().all(|call| (call.attempt, call.error) == (1, None) && call.ended_at > call.began_at));
}
