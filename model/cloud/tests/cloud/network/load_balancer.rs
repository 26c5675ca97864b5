//! Who notices a dead target or a dead node, after how long, and what requests see until then.

use std::rc::Rc;

use cloud::dns::{self, Client, ClientParameters, Propagation, Publisher, PublisherParameters, ServerParameters};
use cloud::load_balancer::{
    self, Parameters, Plan, ProxyError, Registration, Routing, Target, Vantage, register as register_targets,
};
use engine::{Engine, LinkFault};
use ports::health::{Health, HealthCheck};
use ports::observe::{ComponentState, Mark};
use ports::resolver::Resolver;
use runtime::Time;
use runtime::call::{CallContext, CallError, Caller, serve};
use runtime::net::{Address, HostId};

use super::support::*;

/// Who answered a request, or the status that a node answered with itself.
type Answer = Result<u32, u16>;

const TARGET_PORT: u16 = 8_080;
const TARGET_HEALTH_PORT: u16 = 8_081;

fn error(error: ProxyError) -> Answer {
    Err(error.status())
}

/// A target that answers with its host's number after a millisecond, and says what its retry budget was if asked with zero.
async fn target(host: HostId) {
    let _health = serve(TARGET_HEALTH_PORT, |_: HealthCheck, _| async { Health::Healthy });
    let _port = serve(TARGET_PORT, move |request: u32, context: CallContext| async move {
        runtime::sleep(MS).await;
        let answer: Answer = Ok(if request == 0 { u32::from(context.retry_budget) } else { host.0 });
        answer
    });
    runtime::task::forever().await;
}

struct World {
    engine: Engine,
    names: dns::Deployed,
    targets: Vec<HostId>,
    nodes: Vec<Address>,
    registers: Vec<Address>,
    watcher: Rc<Watcher>,
}

/// Three zones with a name server, a node, a controller and a target each, and a host for clients in a zone of its own.
fn world(seed: u64, parameters: Parameters) -> World {
    let mut engine = steady_engine(seed);
    let names = dns::deploy(&mut engine, REGION, &ZONES, &ServerParameters::default());
    let targets = ZONES.map(|zone| host(&mut engine, &format!("target-{zone}"), zone)).to_vec();
    for (zone, &host) in ZONES.iter().zip(&targets) {
        process(&mut engine, &format!("target-{zone}"), host, move || target(host));
    }
    let watcher = Rc::new(Watcher::default());
    let at = |(zone, host): (&&str, &HostId)| Target {
        name: format!("target-{zone}").into(),
        zone: (*zone).into(),
        address: Address { host: *host, port: TARGET_PORT },
        health: Address { host: *host, port: TARGET_HEALTH_PORT },
    };
    let plan = Plan {
        name: "api",
        region: REGION,
        zones: &ZONES,
        targets: ZONES.iter().zip(&targets).map(at).collect(),
        parameters,
        error,
    };
    let deployed = load_balancer::deploy::<u32, Answer>(&mut engine, plan, &names, watcher.clone());
    let registers = deployed.registers();
    let nodes = deployed.nodes.into_iter().map(|(_, address)| address).collect();
    World { engine, names, targets, nodes, registers, watcher }
}

impl World {
    /// Sends a request to a node every 100 ms from a host outside, without waiting for the one before, and notes each answer
    /// when it is there.
    fn client(&mut self, node: Address, limit_s: u64, request: u32) -> Notes<Result<Answer, CallError>> {
        let outside = host(&mut self.engine, "phones", "outside");
        noting(&mut self.engine, "phones", outside, move |notes| async move {
            runtime::sleep(MS).await;
            let caller = Caller::<u32, Answer>::connect(node).await.expect("the node serves");
            loop {
                let (notes, caller) = (notes.clone(), caller.clone());
                runtime::spawn(async move {
                    notes.add(caller.call(request, CallContext::within(seconds(limit_s), 2)).await);
                });
                runtime::sleep(100 * MS).await;
            }
        })
    }
}

#[test]
fn targets_in_all_zones_take_turns_and_context_passes_through() {
    for routing in [Routing::RoundRobin, Routing::LeastOutstanding] {
        let mut parameters = Parameters::default();
        parameters.node.routing = routing;
        let mut world = world(1, parameters);
        let notes = world.client(world.nodes[0], 5, 1);
        run(&mut world.engine, 31);
        let answers = notes.between(1, 31);
        for target in &world.targets {
            let served = answers.iter().filter(|answer| **answer == Ok(Ok(target.0))).count();
            assert_eq!(served, answers.len() / 3, "{routing:?}");
        }
        assert_eq!(world.watcher.states(), [], "all is well and nobody says anything");
    }
    let mut world = world(1, Parameters::default());
    let budgets = world.client(world.nodes[1], 5, 0);
    run(&mut world.engine, 1);
    assert!(budgets.values().iter().all(|answer| *answer == Ok(Ok(2))), "{:?}", budgets.values());
}

#[test]
fn a_node_that_is_told_of_other_targets_uses_them_at_once_and_remembers_them_without_power() {
    let mut world = world(1, Parameters::default());
    let (node, register, kept) = (world.nodes[0], world.registers[0], world.targets[2]);
    let notes = world.client(node, 5, 1);
    let controller = host(&mut world.engine, "registrar", "b");
    process(&mut world.engine, "registrar", controller, move || async move {
        runtime::sleep(seconds(10)).await;
        let targets = vec![("target-c".to_owned(), "c".to_owned(), Address { host: kept, port: TARGET_PORT })];
        assert!(register_targets(register, Registration { version: 2, targets }).await);
        // What is said late, and is older, changes nothing.
        assert!(register_targets(register, Registration { version: 1, targets: Vec::new() }).await);
        runtime::task::forever().await;
    });
    run(&mut world.engine, 20);
    assert!(notes.between(0, 9).contains(&Ok(Ok(world.targets[0].0))));
    let told = notes.between(11, 20);
    assert!(told.len() > 80 && told.iter().all(|answer| *answer == Ok(Ok(kept.0))), "{told:?}");
    world.engine.control().at(Time::from_secs(20), move |control| control.power_off(node.host));
    world.engine.control().at(Time::from_secs(30), move |control| control.power_on(node.host));
    let later = host(&mut world.engine, "later", "outside");
    let answers = noting(&mut world.engine, "later", later, move |notes| async move {
        runtime::sleep(seconds(100)).await;
        let caller = Caller::<u32, Answer>::connect(node).await.expect("it has booted");
        notes.add(caller.call(1, CallContext::within(seconds(5), 0)).await);
    });
    run(&mut world.engine, 140);
    assert_eq!(answers.values(), [Ok(Ok(kept.0))]);
}

#[test]
fn a_node_that_a_quarter_of_the_checkers_reaches_stays_in_dns_and_one_that_an_eighth_reaches_goes() {
    for (cut_off, stays) in [(6, true), (7, false)] {
        let mut parameters = Parameters::default();
        parameters.controller.vantage = Vantage::Outside(8);
        let mut world = world(1, parameters);
        let node = world.nodes[0].host;
        let is_cut_off =
            |name: &str| (0..cut_off).any(|checker| name.ends_with(&format!("controller-checker-{checker}")));
        let hosts = world.engine.control().hosts();
        let checkers: Vec<HostId> =
            hosts.into_iter().filter(|(_, host)| is_cut_off(&host.name)).map(|(id, _)| id).collect();
        assert_eq!(checkers.len(), cut_off);
        world.engine.control().at(Time::from_secs(60), move |control| {
            control.begin_link_fault(&checkers, &[node], LinkFault::Cut);
        });
        run(&mut world.engine, 200);
        assert_eq!(world.watcher.in_state("node unreachable").len(), cut_off, "each that does not reach it says so");
        let withdrawn: Vec<f64> =
            world.watcher.in_state("address withdrawn").iter().map(|state| state.at.as_secs_f64()).collect();
        assert_eq!(withdrawn.is_empty(), stays, "{withdrawn:?}");
        assert!(withdrawn.iter().all(|at| (80.0..130.0).contains(at)), "three checks, and a comparison: {withdrawn:?}");
    }
}

#[test]
fn a_silent_target_is_noticed_in_35_to_65_seconds_and_costs_time_outs_until_then() {
    for seed in 0..5 {
        let mut world = world(seed, Parameters::default());
        let notes = world.client(world.nodes[0], 5, 1);
        let dead = world.targets[1];
        world.engine.control().at(Time::from_secs(100), move |control| control.power_off(dead));
        run(&mut world.engine, 300);
        let noticed = world.watcher.in_state("target unhealthy");
        assert_eq!(noticed.len(), 3, "every node notices for itself");
        for state in &noticed {
            let after = state.at.since(Time::from_secs(100)).as_secs_f64();
            assert!((35.0..65.1).contains(&after), "noticed after {after} s");
            assert_eq!((&*state.zone, state.mark), ("b", Some(Mark::Detected)));
        }
        // A third of the requests went there, and their caller's limit ended them before the node's did.
        let failed =
            notes.between(106, 136).iter().filter(|answer| **answer == Err(CallError::DeadlineExceeded)).count();
        assert!((95..=105).contains(&failed), "{failed} of 300");
        assert!(notes.between(171, 300).iter().all(|answer| matches!(answer, Ok(Ok(_)))), "then it is left out");
    }
}

#[test]
fn a_node_answers_504_itself_when_a_target_stays_silent() {
    let mut world = world(6, Parameters::default());
    let notes = world.client(world.nodes[0], 90, 1);
    let dead = world.targets[1];
    world.engine.control().at(Time::from_secs(100), move |control| control.power_off(dead));
    run(&mut world.engine, 300);
    // Requests on connections that were open wait out the idle time-out; those that had to dial, the connect time-out.
    let answers = notes.all();
    let first = answers.iter().find(|(_, answer)| *answer == Ok(Err(504))).expect("some time out").0;
    assert_eq!(first.since(Time::from_secs(100)).as_secs(), 60);
    assert!(notes.between(226, 300).iter().all(|answer| matches!(answer, Ok(Ok(_)))));
}

#[test]
fn a_crashed_target_fails_requests_at_once_until_it_is_ejected_and_comes_back_after_five_checks() {
    let mut world = world(2, Parameters::default());
    let notes = world.client(world.nodes[0], 5, 1);
    let crashed = named(&world.engine, "target-b");
    let control = world.engine.control();
    control.at(Time::from_secs(100), move |control| control.crash(crashed, Some(seconds(100))));
    run(&mut world.engine, 500);
    let between = |from, until| notes.between(from, until);
    let refused = |answers: &[Result<Answer, CallError>]| answers.iter().filter(|one| **one == Ok(Err(502))).count();
    let before_ejection = between(101, 130);
    assert!((90..=100).contains(&refused(&before_ejection)), "a third: {}", refused(&before_ejection));
    assert!(before_ejection.iter().all(|answer| matches!(answer, Ok(Ok(_) | Err(502)))), "nobody waits");
    assert_eq!(refused(&between(161, 500)), 0);

    let ejected = world.watcher.in_state("target unhealthy");
    assert!(ejected.iter().all(|state| state.at.since(Time::from_secs(100)).as_secs() <= 60), "{ejected:?}");
    let back = world.watcher.in_state("target healthy");
    assert_eq!(back.len(), 3);
    for state in &back {
        let after = state.at.since(Time::from_secs(200)).as_secs();
        assert!((120..=150).contains(&after), "five checks, 30 s apart: {after} s");
    }
    let dead = world.targets[1].0;
    assert!(!between(161, 320).contains(&Ok(Ok(dead))) && between(351, 500).contains(&Ok(Ok(dead))));
}

#[test]
fn with_no_healthy_target_all_of_them_are_used() {
    let mut world = world(3, Parameters::default());
    let notes = world.client(world.nodes[0], 5, 1);
    let crash: Vec<_> = ["target-a", "target-b", "target-c"].map(|name| named(&world.engine, name)).to_vec();
    for target in crash {
        world.engine.control().at(Time::from_secs(100), move |control| control.crash(target, Some(seconds(70))));
    }
    run(&mut world.engine, 200);
    assert_eq!(world.watcher.in_state("target unhealthy").len(), 9);
    assert!(
        world.watcher.in_state("target unhealthy").last().unwrap().detail.ends_with("none is left, so all are used")
    );
    // None is healthy again before five checks, and yet all three serve.
    assert_eq!(world.watcher.in_state("target healthy"), []);
    let answers = notes.between(171, 200);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Ok(_)))), "{answers:?}");
    assert!(world.targets.iter().all(|target| answers.contains(&Ok(Ok(target.0)))));
}

#[test]
fn targets_that_never_accept_time_out_after_ten_seconds() {
    let mut world = world(7, Parameters::default());
    let notes = world.client(world.nodes[0], 90, 1);
    for dead in world.targets.clone() {
        world.engine.control().at(Time::ZERO, move |control| control.power_off(dead));
    }
    run(&mut world.engine, 100);
    let first = notes.all().into_iter().find(|(_, answer)| *answer == Ok(Err(504))).expect("some time out").0;
    assert_eq!(first.since(Time::ZERO).as_secs(), 10);
}

/// The cut lasts for 30 s: one failed check, and a connection that the kernel would only try again 51 s in.
#[test]
fn a_target_that_was_briefly_cut_off_serves_again_within_a_time_out() {
    let mut world = world(4, Parameters::default());
    let notes = world.client(world.nodes[0], 5, 1);
    let (node, target) = (world.nodes[0].host, world.targets[1]);
    world.engine.control().at(Time::from_secs(100), move |control| {
        let cut = control.begin_link_fault(&[node], &[target], LinkFault::Cut);
        control.at(Time::from_secs(130), move |control| control.end_link_fault(cut));
    });
    run(&mut world.engine, 160);
    assert_eq!(world.watcher.in_state("target unhealthy"), []);
    assert!(notes.between(106, 130).contains(&Err(CallError::DeadlineExceeded)));
    let healed = notes.between(136, 150);
    assert!(healed.len() > 100 && healed.iter().all(|answer| matches!(answer, Ok(Ok(_)))), "{healed:?}");
    assert!(healed.contains(&Ok(Ok(target.0))));
}

#[test]
fn a_load_balancer_without_targets_and_a_full_one_answer_503() {
    let mut engine = steady_engine(5);
    let names = dns::deploy(&mut engine, REGION, &["a"], &ServerParameters::default());
    let mut full = Parameters::default();
    full.node.requests_in_flight_max = 0;
    let client = host(&mut engine, "client", "a");
    let notes = [("empty", Parameters::default()), ("full", full)].map(|(name, parameters)| {
        let error = |error: ProxyError| error.to_string();
        let plan = Plan { name, region: REGION, zones: &["a"], targets: vec![], parameters, error };
        let node =
            load_balancer::deploy::<u32, String>(&mut engine, plan, &names, Rc::new(Watcher::default())).nodes[0].1;
        noting(&mut engine, &format!("client of {name}"), client, move |notes| async move {
            runtime::sleep(MS).await;
            let caller = Caller::<u32, String>::connect(node).await.expect("the node serves");
            notes.add(caller.call(1, CallContext::within(seconds(1), 0)).await.expect("it answers"));
        })
    });
    run(&mut engine, 1);
    let answers = notes.map(|notes| notes.values());
    assert_eq!(answers, [ProxyError::NoTargets, ProxyError::Overloaded].map(|error| [error.to_string()]));
    assert_eq!((ProxyError::Overloaded.status(), ProxyError::NoTargets.status()), (503, 503));
}

/// The address list that a client without a cache finds behind the load balancer's name, every second.
fn watch_dns(world: &mut World, servers: Vec<Address>) -> Notes<Vec<Address>> {
    let on = host(&mut world.engine, "resolving", "c");
    noting(&mut world.engine, "resolving", on, move |notes| {
        let servers = servers.clone();
        async move {
            loop {
                runtime::sleep(seconds(1)).await;
                let client = Client::new(servers.clone(), ClientParameters::default());
                notes.add(client.resolve("api").await.unwrap_or_default());
            }
        }
    })
}

#[test]
fn a_dead_zones_node_leaves_dns_and_comes_back_with_it() {
    for seed in 0..3 {
        let mut world = world(10 + seed, Parameters::default());
        let servers = world.names.servers_from("c");
        let notes = watch_dns(&mut world, servers);
        power_off_zone(&world.engine, "a", Time::from_secs(100), Some(Time::from_secs(400)));
        run(&mut world.engine, 600);
        let (all, left) = (world.nodes.clone(), world.nodes[1..].to_vec());
        let withdrawn = world.watcher.in_state("address withdrawn");
        assert!(!withdrawn.is_empty());
        for state in &withdrawn {
            let after = state.at.since(Time::from_secs(100)).as_secs();
            // Three probes 10 s apart, the last of which waits 4 s, and the comparison within 10 s of that.
            assert!((24..=48).contains(&after), "withdrawn after {after} s");
            assert_eq!((&*state.zone, state.mark), ("a", Some(Mark::Propagated)));
        }
        assert!(notes.between(0, 120).iter().all(|named| *named == all));
        assert!(notes.between(150, 400).iter().all(|named| *named == left));
        assert!(notes.between(540, 600).iter().all(|named| *named == all), "{:?}", world.watcher.states());
        assert!(
            world.watcher.in_state("address withdrawn").len() <= 2
                && world.watcher.in_state("address restored").len() <= 3
        );
    }
}

/// A zone's name server boots in half the time that its node takes, with what it knew when the power went.
#[test]
fn a_name_server_that_was_away_when_an_address_was_withdrawn_is_told_and_that_is_no_news() {
    for (seed, publishers_forget) in [(30, false), (31, false), (32, false), (33, true)] {
        let mut parameters = Parameters::default();
        parameters.controller.vantage = Vantage::Outside(8);
        // Often enough that somebody asks the server before it is told.
        parameters.controller.interval = seconds(1);
        let mut world = world(seed, parameters);
        let away = vec![world.names.servers_from("a")[0]];
        let notes = watch_dns(&mut world, away);
        power_off_zone(&world.engine, "a", Time::from_secs(100), Some(Time::from_secs(400)));
        for checker in (0..8).filter(|_| publishers_forget) {
            let process = named(&world.engine, &format!("api-controller-checker-{checker}"));
            world.engine.control().at(Time::from_secs(300), move |control| control.crash(process, Some(seconds(1))));
        }
        run(&mut world.engine, 600);
        let withdrawn = world.watcher.in_state("address withdrawn");
        // Three probes of 4 s each, and a comparison.
        let is_of_the_loss = |state: &ComponentState| (110..120).contains(&state.at.since(Time::ZERO).as_secs());
        assert!(!withdrawn.is_empty() && withdrawn.iter().all(is_of_the_loss), "{withdrawn:?}");
        let left = world.nodes[1..].to_vec();
        let told = notes.between(445, 455);
        assert!(!told.is_empty() && told.iter().all(|named| *named == left), "{told:?}");
        assert_eq!(notes.between(590, 600).last(), Some(&world.nodes), "and of its return");
    }
}

/// Its own zone's controller is the only one that asks it first.
#[test]
fn a_name_server_that_is_ahead_of_the_others_is_put_right_though_they_answer_sooner() {
    let mut world = world(40, Parameters::default());
    let ahead = world.names.servers_from("a")[0];
    let notes = watch_dns(&mut world, vec![ahead]);
    let slow: Vec<HostId> = (world.engine.control().hosts().into_iter())
        .filter(|(_, host)| host.name == "api-controller-a")
        .map(|(id, _)| id)
        .collect();
    world.engine.control().begin_link_fault(&slow, &[ahead.host], LinkFault::Delay { added: 100 * MS });
    let left = world.nodes[1..].to_vec();
    let elsewhere = host(&mut world.engine, "elsewhere", "c");
    let published = noting(&mut world.engine, "elsewhere", elsewhere, move |notes| {
        let left = left.clone();
        async move {
            runtime::sleep(seconds(50)).await;
            let publisher = Publisher::new(vec![ahead], PublisherParameters::default());
            notes.add(publisher.publish("api", left, seconds(60), runtime::now().nanos()).await);
            runtime::task::forever().await;
        }
    });
    run(&mut world.engine, 100);
    assert_eq!(published.values(), [Propagation { accepted: 1, superseded: 0, pending: 0 }]);
    let late = notes.between(65, 100);
    assert!(!late.is_empty() && late.iter().all(|named| *named == world.nodes), "{late:?}");
    assert_eq!(world.watcher.in_state("address restored").len(), 1, "{:?}", world.watcher.states());
}

/// One checker withdraws the address while a name server is away, and crashes for good; when that server is back, the others are dark.
#[test]
fn a_withdrawal_is_told_once_though_the_only_name_server_left_does_not_know_of_it() {
    let mut parameters = Parameters::default();
    parameters.controller.vantage = Vantage::Outside(8);
    let mut world = world(41, parameters);
    let servers: Vec<HostId> = world.names.servers().into_iter().map(|server| server.host).collect();
    let (stale, told) = (world.names.servers()[0], servers[1..].to_vec());
    let notes = watch_dns(&mut world, vec![stale]);
    let others: Vec<HostId> = (world.engine.control().hosts().into_iter())
        .filter(|(_, host)| host.name.contains("-checker-") && !host.name.ends_with("-checker-0"))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(others.len(), 7);
    let later = others.clone();
    let withdraws = named(&world.engine, "api-controller-checker-0");
    let (node, control) = (world.nodes[0].host, world.engine.control());
    control.at(Time::from_secs(50), move |control| {
        control.power_off(stale.host);
        control.power_off(node);
        let cut = control.begin_link_fault(&others, &servers, LinkFault::Cut);
        control.at(Time::from_secs(150), move |control| control.end_link_fault(cut));
    });
    control.at(Time::from_secs(200), move |control| control.crash(withdraws, None));
    control.at(Time::from_secs(220), move |control| {
        told.into_iter().for_each(|server| control.power_off(server));
        control.power_on(stale.host);
        // Long enough for it to be seen as it came back.
        let cut = control.begin_link_fault(&later, &[stale.host], LinkFault::Cut);
        control.at(Time::from_secs(280), move |control| control.end_link_fault(cut));
    });
    run(&mut world.engine, 350);
    let withdrawn = world.watcher.in_state("address withdrawn");
    let at: Vec<u64> = withdrawn.iter().map(|state| state.at.since(Time::ZERO).as_secs()).collect();
    assert!(matches!(at[..], [60..=150]), "{at:?}");
    assert!(notes.between(250, 280).contains(&world.nodes), "it had not heard");
    let late = notes.between(310, 350);
    assert!(!late.is_empty() && late.iter().all(|named| *named == world.nodes[1..]), "{late:?}");
}

#[test]
fn a_zone_that_is_cut_off_does_not_take_the_others_out_of_dns() {
    let mut world = world(20, Parameters::default());
    let servers = world.names.servers_from("c");
    let notes = watch_dns(&mut world, servers);
    cut_off_zone(&world.engine, "a", Time::from_secs(100), Time::from_secs(400));
    run(&mut world.engine, 600);
    let (all, left) = (world.nodes.clone(), world.nodes[1..].to_vec());
    assert!(notes.between(150, 400).iter().all(|named| *named == left));
    assert!(notes.between(400, 600).iter().all(|named| *named == left || *named == all));
    assert_eq!(notes.between(540, 600).last(), Some(&all));
    let withdrawn = world.watcher.in_state("address withdrawn");
    assert!(withdrawn.iter().all(|state| &*state.zone == "a"), "{withdrawn:?}");
}

/// What a reader of the run is told of a zone's death.
#[test]
fn a_dead_zone_is_told_as_a_story() {
    let mut world = world(10, Parameters::default());
    power_off_zone(&world.engine, "a", Time::from_secs(100), None);
    run(&mut world.engine, 200);
    let line = |state: ComponentState| {
        let mark = state.mark.map(|mark| format!(" [{mark:?}]")).unwrap_or_default();
        format!(
            "{:.0} s: {} {}, {}: {}{mark}\n",
            state.at.as_secs_f64(),
            state.component,
            state.zone,
            state.state,
            state.detail
        )
    };
    let story: String = world.watcher.states().into_iter().map(line).collect();
    insta::assert_snapshot!(story, @r"
    127 s: api a, node unreachable: 3 probes from c in a row failed [Detected]
    129 s: api a, node unreachable: 3 probes from b in a row failed [Detected]
    140 s: api a, target unhealthy: target-a failed 2 health checks of the node in c; 2 are healthy [Detected]
    141 s: api a, address withdrawn: the controllers agree that its node is unreachable; clients learn of it within the TTL of 60 s [Propagated]
    142 s: api a, target unhealthy: target-a failed 2 health checks of the node in b; 2 are healthy [Detected]
    ");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let hash = |seed| {
        let mut world = world(seed, Parameters::default());
        world.client(world.nodes[0], 5, 1);
        let dead = world.targets[1];
        world.engine.control().at(Time::from_secs(30), move |control| control.power_off(dead));
        run(&mut world.engine, 120);
        world.engine.control().trace_hash()
    };
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
}
