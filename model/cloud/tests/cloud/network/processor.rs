//! One decision a key whatever goes wrong, and a query that tells the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use cloud::processor::{self, Client, ClientParameters, Condition, Deployed, Parameters, Plan};
use engine::{Engine, LinkFault};
use ports::IdempotencyKey;
use ports::observe::Observation;
use ports::processor::{Decline, Operation, Outcome, Processor, ProcessorError};
use runtime::Time;

use super::support::*;

/// A processor that answers everything, in 300 ms, with as many requests as one likes.
fn reliable() -> Parameters {
    Parameters {
        latency_p99: Duration::from_millis(300),
        decline_probability: 0.0,
        lost_probability: 0.0,
        duplicate_probability: 0.0,
        requests_per_s_max: 1_000_000,
        ..Parameters::default()
    }
}

struct World {
    engine: Engine,
    processor: Deployed,
    watcher: Rc<Watcher>,
}

fn world(seed: u64, parameters: Parameters) -> World {
    let mut engine = steady_engine(seed);
    let watcher = Rc::new(Watcher::default());
    let plan = Plan { name: "payment processor", zone: "elsewhere", region: "elsewhere", parameters };
    let processor = processor::deploy(&mut engine, plan, watcher.clone());
    World { engine, processor, watcher }
}

impl World {
    /// Runs `act` in a process of a service, and returns its notes.
    fn service<T: Clone + 'static, F: Future<Output = ()> + 'static>(
        &mut self,
        act: impl Fn(Client, Notes<T>) -> F + 'static,
    ) -> Notes<T> {
        let on = host(&mut self.engine, "payments", "a");
        let address = self.processor.address;
        noting(&mut self.engine, "payments", on, move |notes| {
            let acting = act(Client::new(address, ClientParameters::default()), notes);
            async move {
                runtime::sleep(MS).await;
                acting.await;
                runtime::task::forever().await;
            }
        })
    }

    /// Every decision that observers were told, by key.
    fn decisions(&self) -> BTreeMap<IdempotencyKey, Vec<Outcome>> {
        let mut decisions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for observation in self.watcher.all() {
            let Observation::ProcessorOperation { key, outcome, .. } = observation else { continue };
            decisions.entry(key).or_default().push(outcome);
        }
        decisions
    }
}

fn key(number: u128) -> IdempotencyKey {
    IdempotencyKey(number)
}

fn authorise(amount_minor: i64) -> Operation {
    Operation::Authorise { card_token: 7, amount_minor }
}

fn within(limit: u64) -> Time {
    runtime::now() + seconds(limit)
}

#[test]
fn the_same_key_gets_the_same_decision_and_is_decided_once() {
    for (idempotent, decisions) in [(true, 1), (false, 2)] {
        let mut world = world(1, Parameters { duplicate_probability: 1.0, idempotent, ..reliable() });
        let notes = world.service(move |client, notes| async move {
            notes.add(client.submit(key(1), authorise(500), within(5)).await);
            if idempotent {
                notes.add(client.submit(key(1), authorise(500), within(5)).await);
                notes.add(client.submit(key(1), authorise(501), within(5)).await);
            }
        });
        run(&mut world.engine, 20);
        let expected = [Outcome::Approved, Outcome::Approved, Outcome::Declined(Decline::KeyReused)].map(Ok);
        assert_eq!(notes.values(), expected[..if idempotent { 3 } else { 1 }]);
        assert_eq!(world.decisions()[&key(1)], vec![Outcome::Approved; decisions], "idempotent: {idempotent}");
    }
}

#[test]
fn banks_decline_as_often_as_they_are_said_to() {
    let mut world = world(2, Parameters { decline_probability: 0.1, ..reliable() });
    let notes = world.service(move |client, notes| async move {
        for number in 0..4_000 {
            let (client, notes) = (client.clone(), notes.clone());
            runtime::spawn(async move { notes.add(client.submit(key(number), authorise(5), within(5)).await) });
            runtime::sleep(MS).await;
        }
    });
    run(&mut world.engine, 20);
    let answers = notes.values();
    let declined = answers.iter().filter(|answer| **answer == Ok(Outcome::Declined(Decline::Card))).count();
    let approved = answers.iter().filter(|answer| **answer == Ok(Outcome::Approved)).count();
    assert_eq!(declined + approved, 4_000);
    // Four standard deviations of a binomial are 76.
    assert!((324..=476).contains(&declined), "{declined} of 4,000");
}

#[test]
fn a_query_after_a_time_out_tells_the_truth_for_good() {
    let parameters = Parameters { lost_probability: 0.4, duplicate_probability: 0.3, ..Parameters::default() };
    let mut world = world(3, Parameters { requests_per_s_max: 1_000_000, ..parameters });
    let notes = world.service(move |client, notes| async move {
        for number in 0..500 {
            let (client, notes) = (client.clone(), notes.clone());
            runtime::spawn(async move {
                let mut told = client.submit(key(number), authorise(5), within(3)).await.map(Some);
                let asked = told.is_err();
                while told.is_err() {
                    told = client.query(key(number), within(3)).await;
                }
                notes.add((key(number), asked, told.expect("it was asked until it was known")));
            });
            runtime::sleep(10 * MS).await;
        }
    });
    run(&mut world.engine, 300);
    let (told, decisions) = (notes.values(), world.decisions());
    assert_eq!(told.len(), 500);
    for (key, _, outcome) in &told {
        // Late copies of the request, and its first copy if it was slow, change nothing after the answer.
        assert_eq!(decisions.get(key).cloned().unwrap_or_default(), outcome.iter().copied().collect::<Vec<_>>());
    }
    let asked = |found: bool| told.iter().filter(|(_, asked, outcome)| *asked && outcome.is_some() == found).count();
    assert!(asked(true) > 50 && asked(false) > 50, "{} done, {} not", asked(true), asked(false));
}

#[test]
fn an_answer_that_never_comes_may_hide_a_decision_or_none() {
    for done in [0.0, 1.0] {
        let lost = Parameters { lost_probability: 1.0, done_when_lost_probability: done, ..reliable() };
        let mut world = world(7, lost);
        let notes = world.service(move |client, notes| async move {
            notes.add(client.submit(key(1), authorise(5), within(5)).await);
        });
        run(&mut world.engine, 20);
        assert_eq!(notes.values(), [Err(ProcessorError::TimedOut)]);
        assert_eq!(world.decisions().contains_key(&key(1)), done == 1.0);
    }
}

/// The cut lasts for a minute: the kernel would only try the old connection again 102 s in.
#[test]
fn a_client_that_was_cut_off_is_back_within_a_time_out() {
    let mut world = world(8, reliable());
    let notes = world.service(move |client, notes| async move {
        for number in 0..110 {
            let (client, notes) = (client.clone(), notes.clone());
            runtime::spawn(async move { notes.add(client.submit(key(number), authorise(5), within(2)).await) });
            runtime::sleep(seconds(1)).await;
        }
    });
    let (hosts, processor) = (hosts_in(&world.engine, "a"), world.processor.address.host);
    world.engine.control().at(Time::from_secs(10), move |control| {
        let cut = control.begin_link_fault(&hosts, &[processor], LinkFault::Cut);
        control.at(Time::from_secs(70), move |control| control.end_link_fault(cut));
    });
    run(&mut world.engine, 120);
    let (cut, healed) = (notes.between(13, 70), notes.between(74, 120));
    assert!(cut.len() > 50 && cut.iter().all(Result::is_err), "{cut:?}");
    assert!(healed.len() > 30 && healed.iter().all(Result::is_ok), "{healed:?}");
}

#[test]
fn refusing_silent_and_crashed_are_three_different_things() {
    let mut world = world(4, reliable());
    let notes = world.service(move |client, notes| async move {
        for number in 0..60 {
            let (client, notes) = (client.clone(), notes.clone());
            runtime::spawn(async move { notes.add(client.submit(key(number), authorise(5), within(2)).await) });
            runtime::sleep(seconds(1)).await;
        }
    });
    let (control, processor) = (world.engine.control(), world.processor.control.clone());
    for (at, condition) in [(10, Condition::Refusing), (20, Condition::Silent), (30, Condition::Serving)] {
        let processor = processor.clone();
        control.at(Time::from_secs(at), move |_| processor.set(condition));
    }
    let id = named(&world.engine, "payment processor");
    control.at(Time::from_secs(40), move |control| control.crash(id, Some(seconds(10))));
    run(&mut world.engine, 100);
    let all = |from, until, expected: Result<Outcome, ProcessorError>| {
        let answers = notes.between(from, until);
        assert!(answers.len() >= 7 && answers.iter().all(|answer| *answer == expected), "{from} s: {answers:?}");
    };
    all(1, 10, Ok(Outcome::Approved));
    all(11, 20, Err(ProcessorError::Refused));
    all(22, 30, Err(ProcessorError::TimedOut));
    all(33, 40, Ok(Outcome::Approved));
    all(41, 50, Err(ProcessorError::Unreachable));
    all(51, 61, Ok(Outcome::Approved));
}

#[test]
fn what_was_answered_survives_a_loss_of_power_and_observers_hear_of_it_once() {
    let mut world = world(5, reliable());
    let notes = world.service(move |client, notes| async move {
        let mut answered = BTreeSet::new();
        for number in 0..600 {
            let answer = client.submit(key(number), authorise(5), within(1)).await;
            if answer == Ok(Outcome::Approved) {
                answered.insert(number);
            }
            runtime::sleep(100 * MS).await;
        }
        for number in answered {
            notes.add(client.query(key(number), within(5)).await);
        }
    });
    let (control, host) = (world.engine.control(), world.processor.address.host);
    let id = named(&world.engine, "payment processor");
    control.at(Time(10_312_000_000), move |control| control.power_off(host));
    control.at(Time(10_500_000_000), move |control| control.power_on(host));
    // Between an entry and its flush, now and then.
    for crash in 0..200 {
        let at = Time::from_secs(100) + Duration::from_micros(crash * 400_970);
        control.at(at, move |control| control.crash(id, Some(10 * MS)));
    }
    run(&mut world.engine, 1_000);
    let found = notes.values();
    assert!(found.len() > 300 && found.iter().all(|answer| *answer == Ok(Some(Outcome::Approved))), "{}", found.len());
    assert!(world.decisions().values().all(|decisions| decisions.len() == 1));
}

#[test]
fn requests_above_the_rate_are_refused() {
    let mut world = world(6, Parameters { requests_per_s_max: 100, ..reliable() });
    let notes = world.service(move |client, notes| async move {
        for number in 0..150 {
            let (client, notes) = (client.clone(), notes.clone());
            runtime::spawn(async move { notes.add(client.submit(key(number), authorise(5), within(5)).await) });
        }
    });
    run(&mut world.engine, 10);
    let refused = notes.values().iter().filter(|answer| **answer == Err(ProcessorError::Refused)).count();
    assert_eq!((notes.values().len(), refused), (150, 50));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let hash = |seed| {
        let mut world = world(seed, Parameters { lost_probability: 0.1, ..Parameters::default() });
        world.service(|client, notes| async move {
            for number in 0..100 {
                notes.add(client.submit(key(number), authorise(5), within(2)).await);
            }
        });
        run(&mut world.engine, 120);
        world.engine.control().trace_hash()
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}
