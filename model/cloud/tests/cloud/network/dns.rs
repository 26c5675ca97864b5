//! How late clients learn that a name moved, and that every zone learns it in the end.

use std::time::Duration;

use cloud::dns::{
    self, Client, ClientParameters, Deployed, Newest, Propagation, Publisher, PublisherParameters, ServerParameters,
};
use engine::{Engine, LinkFault};
use ports::resolver::{ResolveError, Resolver};
use runtime::Time;
use runtime::net::{Address, HostId};

use super::support::*;

const NAME: &str = "orders-db";
const TTL: Duration = Duration::from_secs(5);

fn address(host: u32) -> Address {
    Address { host: HostId(host), port: 5432 }
}

/// Name servers in three zones, and a host for clients in zone a.
fn world(seed: u64) -> (Engine, Deployed, HostId) {
    let mut engine = steady_engine(seed);
    let names = dns::deploy(&mut engine, REGION, &ZONES, &ServerParameters::default());
    let host = host(&mut engine, "clients", "a");
    names.declare(NAME, vec![address(1)], TTL);
    (engine, names, host)
}

/// A client in zone a that resolves every 100 ms and notes the host it is given.
fn watch(
    engine: &mut Engine,
    names: &Deployed,
    on: HostId,
    parameters: ClientParameters,
) -> Notes<Result<u32, ResolveError>> {
    let servers = names.servers_from("a");
    noting(engine, "client", on, move |notes| {
        let client = Client::new(servers.clone(), parameters.clone());
        async move {
            loop {
                runtime::sleep(100 * MS).await;
                notes.add(client.resolve(NAME).await.map(|addresses| addresses[0].host.0));
            }
        }
    })
}

/// Publishes host 2 behind the name at a moment, in seconds.
fn publish_at(engine: &mut Engine, names: &Deployed, on: HostId, at: u64) -> Notes<Propagation> {
    let servers = names.servers();
    noting(engine, "publisher", on, move |notes| {
        let servers = servers.clone();
        async move {
            runtime::sleep(seconds(at)).await;
            let publisher = Publisher::new(servers, PublisherParameters::default());
            notes.add(publisher.publish(NAME, vec![address(2)], TTL, 1).await);
            runtime::task::forever().await;
        }
    })
}

/// When the client was first given a host.
fn first_seen(notes: &Notes<Result<u32, ResolveError>>, host: u32) -> Time {
    notes.all().into_iter().find(|(_, seen)| *seen == Ok(host)).expect("the host was seen").0
}

#[test]
fn a_client_learns_of_a_change_within_the_lifetime_of_what_it_remembers() {
    for (cache, latest) in [(Duration::ZERO, 5.2), (seconds(30), 35.2)] {
        let (mut engine, names, host) = world(1);
        let notes = watch(&mut engine, &names, host, ClientParameters { client_cache: cache, ..Default::default() });
        // Just after the client asked anew, so that it remembers for the whole lifetime.
        let change = if cache.is_zero() { 51 } else { 71 };
        let published = publish_at(&mut engine, &names, host, change);
        run(&mut engine, 120);
        assert_eq!(published.values(), [Propagation { accepted: 3, superseded: 0, pending: 0 }]);
        let late = first_seen(&notes, 2).since(Time::from_secs(change)).as_secs_f64();
        assert!(late > latest - 3.0 && late < latest, "with a cache of {cache:?} it took {late} s");
        assert!(notes.values().iter().all(Result::is_ok));
    }
}

#[test]
fn a_server_that_was_cut_off_gets_the_update_when_it_is_back() {
    let (mut engine, names, host) = world(2);
    let notes = watch(&mut engine, &names, host, ClientParameters::default());
    let published = publish_at(&mut engine, &names, host, 20);
    let control = engine.control();
    let server = names.servers_from("b")[0].host;
    control.at(Time::from_secs(10), move |control| {
        let cut = control.begin_link_fault(&[host], &[server], LinkFault::Cut);
        control.at(Time::from_secs(60), move |control| control.end_link_fault(cut));
    });
    // The client's zone and the third lose power after that: only the server that was cut off is left to ask.
    let others = [names.servers_from("a")[0].host, names.servers_from("c")[0].host];
    control.at(Time::from_secs(70), move |control| others.into_iter().for_each(|other| control.power_off(other)));
    run(&mut engine, 120);
    assert_eq!(published.values(), [Propagation { accepted: 2, superseded: 0, pending: 1 }]);
    let late = notes.between(76, 120);
    assert!(late.len() > 10 && late.iter().all(|seen| *seen == Ok(2)), "{late:?}");
}

#[test]
fn an_acknowledged_update_survives_a_loss_of_power() {
    let (mut engine, names, host) = world(3);
    let notes = watch(&mut engine, &names, host, ClientParameters::default());
    publish_at(&mut engine, &names, host, 10);
    let control = engine.control();
    for server in names.servers() {
        control.at(Time::from_secs(20), move |control| control.power_off(server.host));
        control.at(Time::from_secs(21), move |control| control.power_on(server.host));
    }
    run(&mut engine, 200);
    let seen = notes.between(100, 200);
    assert!(seen.len() > 100 && seen.iter().all(|seen| *seen == Ok(2)), "{seen:?}");
    assert!(notes.values().contains(&Err(ResolveError::Unreachable { name: NAME.into() })), "off, nobody answers");
}

#[test]
fn old_answers_serve_only_where_asked_for_and_only_so_long() {
    let parameters = ClientParameters { serve_stale: seconds(60), query_timeout: seconds(1), ..Default::default() };
    let (mut engine, names, host) = world(4);
    let notes = watch(&mut engine, &names, host, parameters);
    for server in names.servers() {
        engine.control().at(Time::from_secs(10), move |control| control.power_off(server.host));
    }
    run(&mut engine, 200);
    let (stale, gone) = (notes.between(20, 60), notes.between(90, 200));
    // One asks in vain, at most, and then not again for 30 s.
    assert!(stale.len() > 200 && stale.iter().all(|seen| *seen == Ok(1)), "{} answers", stale.len());
    assert!(!gone.is_empty() && gone.iter().all(Result::is_err), "{gone:?}");
}

#[test]
fn what_is_behind_no_name_is_said_at_once() {
    let (mut engine, names, host) = world(5);
    let servers = names.servers_from("a");
    let notes = noting(&mut engine, "client", host, move |notes| {
        let client = Client::new(servers.clone(), ClientParameters::default());
        async move {
            runtime::sleep(MS).await;
            notes.add(client.resolve("nowhere").await);
        }
    });
    run(&mut engine, 1);
    assert_eq!(notes.values(), [Err(ResolveError::NameUnknown { name: "nowhere".into() })]);
}

/// The version that is found newest, and whether a majority was heard.
fn found(newest: Option<Newest>) -> Option<(u64, bool)> {
    newest.map(|newest| (newest.record.version, newest.by_majority))
}

#[test]
fn the_newest_record_is_not_missed_where_the_server_that_has_it_answers_last() {
    let (mut engine, names, host) = world(6);
    let servers = names.servers_from("a");
    let ahead = servers[0];
    engine.control().begin_link_fault(&[host], &[ahead.host], LinkFault::Delay { added: 100 * MS });
    let notes = noting(&mut engine, "publisher", host, move |notes| {
        let servers = servers.clone();
        async move {
            runtime::sleep(MS).await;
            let alone = Publisher::new(vec![ahead], PublisherParameters::default());
            alone.publish(NAME, vec![address(2)], TTL, 5).await;
            let publisher = Publisher::new(servers, PublisherParameters::default());
            notes.add(found(publisher.newest(NAME, ahead).await));
            notes.add(found(publisher.newest("nowhere", ahead).await));
        }
    });
    run(&mut engine, 10);
    assert_eq!(notes.values(), [Some((5, true)), None]);
}

#[test]
fn what_a_publisher_said_outweighs_the_one_server_that_is_left_and_was_not_told() {
    let (mut engine, names, host) = world(7);
    let servers = names.servers_from("a");
    let (stale, told) = (servers[0], [servers[1].host, servers[2].host]);
    let control = engine.control();
    let cut = control.begin_link_fault(&[host], &[stale.host], LinkFault::Cut);
    control.at(Time::from_secs(10), move |control| {
        control.end_link_fault(cut);
        told.into_iter().for_each(|server| control.power_off(server));
    });
    let notes = noting(&mut engine, "publisher", host, move |notes| {
        let servers = servers.clone();
        async move {
            runtime::sleep(seconds(1)).await;
            // It does not tell the one that was cut off before it is asked.
            let parameters = PublisherParameters { retry_interval: seconds(1_000), ..Default::default() };
            let publisher = Publisher::new(servers.clone(), parameters);
            publisher.publish(NAME, vec![address(2)], TTL, 5).await;
            runtime::sleep(seconds(20)).await;
            notes.add(found(publisher.newest(NAME, stale).await));
            let stranger = Publisher::new(servers, PublisherParameters::default());
            notes.add(found(stranger.newest(NAME, stale).await));
        }
    });
    run(&mut engine, 40);
    assert_eq!(notes.values(), [Some((5, false)), Some((0, false))]);
}

#[test]
fn an_older_record_does_not_end_the_repeats_of_a_newer_one() {
    let (mut engine, names, host) = world(8);
    let servers = names.servers_from("a");
    let away = servers[2];
    let control = engine.control();
    let cut = control.begin_link_fault(&[host], &[away.host], LinkFault::Cut);
    control.at(Time::from_secs(20), move |control| control.end_link_fault(cut));
    let notes = noting(&mut engine, "publisher", host, move |notes| {
        let servers = servers.clone();
        async move {
            runtime::sleep(seconds(1)).await;
            let publisher = Publisher::new(servers, PublisherParameters::default());
            publisher.publish(NAME, vec![address(2)], TTL, 5).await;
            publisher.publish(NAME, vec![address(3)], TTL, 3).await;
            runtime::sleep(seconds(40)).await;
            let there = Publisher::new(vec![away], PublisherParameters::default());
            notes.add(found(there.newest(NAME, away).await));
        }
    });
    run(&mut engine, 60);
    assert_eq!(notes.values(), [Some((5, true))]);
}
