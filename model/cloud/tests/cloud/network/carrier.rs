//! A message is taken, refused for now or for ever, or nobody knows.

use cloud::carrier::{Channel, Client, ClientParameters, DeliveryError, Parameters, Plan, deploy};
use engine::Engine;

use super::support::*;

/// What became of a thousand messages to as many people, one after the other, and of a second one to each who was not reached.
fn delivered(parameters: Parameters) -> (Engine, Notes<Result<(), DeliveryError>>) {
    let mut engine = steady_engine(1);
    let plan = Plan { name: "carrier", zone: "elsewhere", region: "elsewhere", parameters };
    let provider = deploy(&mut engine, plan);
    let on = host(&mut engine, "notifications", "a");
    let notes = noting(&mut engine, "notifications", on, move |notes| async move {
        let client = Client::new(provider, ClientParameters::default());
        for recipient in 0..1_000 {
            notes.add(client.deliver(Channel::Push, recipient, runtime::now() + seconds(3)).await);
        }
        runtime::task::forever().await;
    });
    (engine, notes)
}

#[test]
fn as_many_are_taken_as_the_parameters_say() {
    let (mut engine, notes) = delivered(Parameters::default());
    run(&mut engine, 900);
    let values = notes.values();
    let count = |wanted| values.iter().filter(|value| **value == wanted).count();
    assert_eq!(values.len(), 1_000);
    let (refused, unreached) = (count(Err(DeliveryError::Unavailable)), count(Err(DeliveryError::NoSuchRecipient)));
    assert!((3..=25).contains(&refused) && (8..=35).contains(&unreached), "{refused} refused, {unreached} unreached");
}

#[test]
fn a_provider_without_power_takes_nothing_and_nobody_waits_for_longer_than_allowed() {
    let (mut engine, notes) = delivered(Parameters::default());
    run(&mut engine, 20);
    let provider = engine.control().hosts().into_iter().find(|(_, host)| host.name == "carrier").expect("its host").0;
    engine.control().power_off(provider);
    run(&mut engine, 60);
    let later = notes.between(25, 60);
    assert!(!later.is_empty() && later.iter().all(|value| *value == Err(DeliveryError::Unavailable)), "{later:?}");
    let at: Vec<_> = notes.all().into_iter().map(|(at, _)| at).collect();
    assert!(at.windows(2).all(|pair| pair[1].since(pair[0]) <= seconds(3) + MS));
}
