//! A blueprint's numbers as the models take them.

use city::WeekMinute;
use city::phones::{Demand, Patience, PhonesConfig, riders_needed};
use cloud::load_balancer::{self, ProxyError, Vantage};
use cloud::{carrier, dns, kafka, kubernetes, processor, rds, redis};
use platform::api::{ApiError, Reply, gateway};
use platform::domain::place::Coordinate;
use platform::domain::retention::Retention;
use platform::services::{Config, notifications, relay};
use runtime::random::derive;
use runtime::world::{INTERNET, VolumeSpec};
use scenarios::blueprint::{self, Blueprint, Eviction, Kafka, Kubernetes, Redis, Role, Service};
use scenarios::{Fault, FaultKind};

use crate::prepare::Prepared;

/// The database's endpoint in DNS.
const ENDPOINT: &str = "rds.us-east-1.rds.amazonaws.com";

/// The cache's endpoint in DNS.
const CACHE_ENDPOINT: &str = "redis.us-east-1.cache.amazonaws.com";

pub fn store(blueprint: &Blueprint, region: &str) -> rds::StoreSpec {
    let parameters = &blueprint.rds;
    let server = |name: &str, zone: &str| rds::ServerSpec { name: name.to_owned(), zone: zone.to_owned() };
    let standby = parameters.standby_zone.as_deref().filter(|_| parameters.multi_az);
    rds::StoreSpec {
        store: blueprint::DATABASE.to_owned(),
        endpoint: ENDPOINT.to_owned(),
        region: region.to_owned(),
        primary: server(blueprint::DATABASE_PRIMARY, &parameters.primary_zone),
        standby: standby.map(|zone| server(blueprint::DATABASE_STANDBY, zone)),
        read_replicas: parameters.read_replicas.iter().map(|replica| server(&replica.name, &replica.zone)).collect(),
        monitor_zones: blueprint.zones().map(str::to_owned).collect(),
        tables: platform::domain::schema::TABLES,
        server: database_server(blueprint),
        failover: failover(blueprint),
        publisher: dns::PublisherParameters::default(),
    }
}

fn database_server(blueprint: &Blueprint) -> rds::ServerParameters {
    let parameters = &blueprint.rds;
    rds::ServerParameters {
        cores: u16::try_from(parameters.cores).unwrap_or(u16::MAX),
        volume: VolumeSpec {
            iops: parameters.effective_iops(),
            throughput_bytes_per_s: parameters.effective_throughput(),
            flush: parameters.sync_latency,
        },
        boot: parameters.boot,
        max_connections: parameters.connection_limit(),
        connection_cpu: parameters.connection_cpu,
        statement_cpu: parameters.statement_cpu,
        durability: match (parameters.fsync, parameters.synchronous_commit) {
            (false, _) => rds::Durability::NoSync,
            (true, false) => rds::Durability::AsynchronousCommit,
            (true, true) => rds::Durability::Synchronous,
        },
        checkpoint_interval: parameters.checkpoint_interval,
        deadlock_timeout: parameters.deadlock_timeout,
        lock_timeout: parameters.lock_timeout,
        statement_timeout: parameters.statement_timeout,
        keepalive_idle: parameters.tcp_keepalive_idle,
        keepalive_give_up: parameters.tcp_keepalive_interval * parameters.tcp_keepalive_count,
        process_restart: parameters.process_restart,
        replay_bytes_per_s: parameters.replay_rate,
        ..rds::ServerParameters::default()
    }
}

fn failover(blueprint: &Blueprint) -> rds::FailoverParameters {
    let parameters = &blueprint.rds;
    rds::FailoverParameters {
        heartbeat_interval: parameters.heartbeat_interval,
        missed_heartbeats: parameters.missed_heartbeats,
        fence: parameters.fence,
        promote: parameters.promote,
        replica_promote: parameters.replica_promote,
        replica_apply_delay: parameters.replica_lag,
        dns_ttl: parameters.dns_ttl,
        ..rds::FailoverParameters::default()
    }
}

/// The cache: its servers are the blueprint's hosts.
pub fn cache(blueprint: &Blueprint, stated: &Redis, region: &str) -> redis::StoreSpec {
    let mut shards: Vec<Vec<redis::ServerSpec>> = vec![Vec::new(); stated.shards.len()];
    for host in blueprint.hosts() {
        if let Role::Cache { shard, .. } = host.role {
            shards[shard].push(redis::ServerSpec { name: host.name, zone: host.zone });
        }
    }
    let mode = if stated.cluster_mode {
        let defaults = redis::ClusterParameters::default();
        redis::Mode::Cluster(redis::ClusterParameters { node_timeout: stated.node_timeout, ..defaults })
    } else {
        redis::Mode::Controlled(redis::ControlParameters {
            automatic_failover: stated.automatic_failover,
            check_interval: stated.check_interval,
            missed_checks: stated.missed_checks,
            promote: stated.promote,
            dns_ttl: stated.dns_ttl,
        })
    };
    redis::StoreSpec {
        store: blueprint::CACHE.to_owned(),
        endpoint: CACHE_ENDPOINT.to_owned(),
        region: region.to_owned(),
        shards,
        mode,
        monitor_zones: blueprint.zones().map(str::to_owned).collect(),
        server: redis::ServerParameters {
            cores: u16::try_from(stated.cores).unwrap_or(u16::MAX),
            egress_bytes_per_s: stated.bandwidth,
            boot: stated.boot,
            max_memory_bytes: stated.data_bytes(),
            eviction: match stated.eviction {
                Eviction::Nothing => redis::EvictionPolicy::NoEviction,
                Eviction::LeastRecentlyUsed => redis::EvictionPolicy::AllKeysLru,
                Eviction::SoonestToExpire => redis::EvictionPolicy::VolatileTtl,
            },
            snapshot_interval: stated.snapshot_interval,
            ..redis::ServerParameters::default()
        },
        publisher: dns::PublisherParameters::default(),
    }
}

/// A service's connections to the cache.
pub fn cache_client(stated: &Redis) -> redis::ClientParameters {
    redis::ClientParameters {
        connections_per_server: stated.client_connections as usize,
        ..redis::ClientParameters::default()
    }
}

/// The event log, with the topics that services write: its brokers are the blueprint's hosts.
pub fn event_log(blueprint: &Blueprint, stated: &Kafka, region: &str) -> kafka::ClusterSpec {
    let brokers = blueprint.hosts().into_iter().filter(|host| host.role == Role::Broker);
    let defaults = kafka::BrokerParameters::default();
    let topic = |topic, partitions: u32| kafka::TopicSpec {
        replicas: stated.replicas as usize,
        min_in_step: stated.min_in_sync as usize,
        retention: Some(stated.retention),
        ..kafka::TopicSpec::new(topic, u16::try_from(partitions).unwrap_or(u16::MAX))
    };
    // What waits for another try is little, and in its order.
    let waiting = notifications::RETRIES.into_iter().chain([notifications::DEAD_LETTERS]);
    kafka::ClusterSpec {
        store: blueprint::EVENT_LOG.to_owned(),
        region: region.to_owned(),
        brokers: brokers.map(|host| kafka::ServerSpec { name: host.name, zone: host.zone }).collect(),
        ensemble_zones: blueprint.spread(&stated.zones).into_iter().map(str::to_owned).collect(),
        topics: std::iter::once(topic(relay::TRIP_EVENTS, stated.partitions))
            .chain(waiting.map(|waiting| topic(waiting, 1)))
            .collect(),
        broker: kafka::BrokerParameters {
            cores: u16::try_from(stated.cores).unwrap_or(u16::MAX),
            volume: VolumeSpec {
                iops: stated.iops,
                throughput_bytes_per_s: stated.throughput,
                flush: defaults.volume.flush,
            },
            egress_bytes_per_s: stated.bandwidth,
            boot: stated.boot,
            session_timeout: stated.session_timeout,
            lag_max: stated.lag_max,
            unclean_election: stated.unclean_election,
            ..defaults
        },
        ensemble: kafka::EnsembleParameters::default(),
        groups: kafka::GroupParameters::default(),
    }
}

/// The cluster that services run in.
pub fn cluster(stated: &Kubernetes) -> kubernetes::Parameters {
    let defaults = kubernetes::Parameters::default();
    let probe = |asked: bool, failures: u32| {
        asked.then_some(kubernetes::Probe {
            period: stated.probe.period,
            timeout: stated.probe.timeout,
            failures,
            successes: stated.probe.successes,
        })
    };
    kubernetes::Parameters {
        node: kubernetes::NodeParameters {
            cores: u16::try_from(stated.cores).unwrap_or(u16::MAX),
            allocatable_millicores: millicores(stated.allocatable),
            egress_bytes_per_s: Some(stated.bandwidth),
            boot: stated.boot,
            ..defaults.node
        },
        lifecycle: kubernetes::LifecycleParameters {
            grace: stated.node_grace,
            toleration: stated.toleration,
            ..defaults.lifecycle
        },
        pod: kubernetes::PodParameters {
            startup: probe(stated.startup_probe, stated.probe.startup_failures),
            readiness: probe(stated.readiness_probe, stated.probe.failures),
            liveness: probe(stated.liveness_probe, stated.probe.failures),
            pre_stop: stated.pre_stop,
            ..defaults.pod
        },
        rollout: kubernetes::RolloutParameters {
            surge_percent: (stated.surge * 100.0).round() as u32,
            unavailable_percent: (stated.unavailable * 100.0).round() as u32,
            ..defaults.rollout
        },
        growth: kubernetes::GrowthParameters { launch: stated.launch, ..defaults.growth },
        budget: stated.disruption_budget,
        endpoint_propagation: stated.endpoint_propagation,
        registration: stated.registration,
        ..defaults
    }
}

/// Cores in thousandths.
pub fn millicores(cores: f64) -> u32 {
    (cores * 1_000.0).round() as u32
}

/// A service's pool of database connections.
pub fn pool(service: &Service) -> rds::PoolParameters {
    rds::PoolParameters {
        size: service.pool_size as usize,
        acquire_timeout: service.pool_acquire_timeout,
        ..rds::PoolParameters::default()
    }
}

/// How a service finds the database.
pub fn resolver(blueprint: &Blueprint) -> dns::ClientParameters {
    dns::ClientParameters { client_cache: blueprint.rds.client_dns_cache, ..dns::ClientParameters::default() }
}

pub fn load_balancer(blueprint: &Blueprint) -> load_balancer::Parameters {
    let parameters = &blueprint.load_balancer;
    let defaults = load_balancer::Parameters::default();
    let route53 = blueprint.route53.as_ref();
    let threshold = route53.map_or(defaults.controller.threshold, |stated| stated.threshold);
    load_balancer::Parameters {
        node: load_balancer::NodeParameters { idle_timeout: parameters.request_timeout, ..defaults.node },
        health_check: load_balancer::HealthCheckParameters {
            interval: parameters.interval,
            timeout: parameters.timeout,
            unhealthy_threshold: parameters.unhealthy_threshold,
            healthy_threshold: parameters.healthy_threshold,
            ..defaults.health_check
        },
        controller: load_balancer::ControllerParameters {
            interval: parameters.node_withdrawal / threshold,
            ttl: parameters.dns_ttl,
            threshold,
            vantage: match route53 {
                Some(stated) => Vantage::Outside(u16::try_from(stated.checkers).unwrap_or(u16::MAX)),
                None => Vantage::InZones,
            },
            alive_above_percent: route53.map_or(defaults.controller.alive_above_percent, |stated| {
                (stated.healthy_above * 100.0).round() as u32
            }),
            ..defaults.controller
        },
    }
}

/// What a phone is told when the load balancer itself answers.
pub fn proxy_error(error: ProxyError) -> Reply<gateway::Response> {
    Err(match error {
        ProxyError::BadGateway => ApiError::OutcomeUnknown,
        ProxyError::NoTargets => ApiError::Unavailable,
        ProxyError::Overloaded => ApiError::Overloaded,
        ProxyError::TimedOut => ApiError::DeadlineExceeded,
    })
}

/// The platform's settings for this city and blueprint, before any service's own.
pub fn platform_config(prepared: &Prepared) -> Config {
    let defaults = Config::default();
    let blueprint = &prepared.loaded.blueprint;
    let Blueprint { calls, payment_processor, carrier, redis, retention, .. } = blueprint;
    let policy = platform::services::config::CallPolicy {
        attempt_timeout: calls.timeout,
        backoff_base: calls.backoff_base,
        backoff_cap: calls.backoff_cap,
        background_retries: calls.retry_budget,
        ..defaults.calls
    };
    // Where events are published, none may go before it was.
    let published = blueprint.service(blueprint::RELAY).is_some();
    let unpublished_events = defaults.retention.unpublished_events.filter(|_| !published);
    Config {
        city: centre(prepared),
        no_show_wait: prepared.city.habits().no_show,
        calls: policy,
        processor_timeout: payment_processor.timeout,
        carrier_timeout: carrier.timeout,
        shared_locations: redis.is_some(),
        cache_timeout: redis.as_ref().map_or(defaults.cache_timeout, |redis| redis.command_timeout),
        retention: Retention {
            keys: retention.idempotency_keys,
            trips: retention.trips,
            unpublished_events,
            ..defaults.retention
        },
        ..defaults
    }
}

/// The settings of one service's replicas.
pub fn service_config(prepared: &Prepared, service: &Service) -> Config {
    Config { cpu_per_request: service.cpu_per_request, ..platform_config(prepared) }
}

/// The middle of the city's zones: distances are flattened around it.
fn centre(prepared: &Prepared) -> Coordinate {
    let zones = prepared.city.zones();
    let mean = |value: fn(&city::Zone) -> f64| zones.iter().map(value).sum::<f64>() / zones.len() as f64;
    Coordinate {
        latitude_microdegrees: (mean(|zone| zone.centroid.latitude) * 1e6) as i32,
        longitude_microdegrees: (mean(|zone| zone.centroid.longitude) * 1e6) as i32,
    }
}

/// The payment processor, in a place of its own.
pub fn processor(blueprint: &Blueprint) -> processor::Plan<'static> {
    let stated = &blueprint.payment_processor;
    processor::Plan {
        name: blueprint::PAYMENT_PROCESSOR,
        zone: blueprint::PAYMENT_PROCESSOR,
        region: INTERNET,
        parameters: processor::Parameters {
            latency_median: stated.latency.median,
            latency_p99: stated.latency.p99,
            latency_max: stated.latency.maximum(),
            decline_probability: stated.decline_rate,
            lost_probability: stated.timeout_rate,
            duplicate_probability: stated.duplicate_rate,
            ..processor::Parameters::default()
        },
    }
}

/// Whoever brings messages to people, in a place of its own.
pub fn carrier(blueprint: &Blueprint) -> carrier::Plan<'static> {
    let stated = &blueprint.carrier;
    carrier::Plan {
        name: blueprint::CARRIER,
        zone: blueprint::CARRIER,
        region: INTERNET,
        parameters: carrier::Parameters {
            latency_median: stated.latency.median,
            latency_p99: stated.latency.p99,
            latency_max: stated.latency.maximum(),
            failure_probability: stated.failure_rate,
            unreachable_probability: stated.unreachable_rate,
            ..carrier::Parameters::default()
        },
    }
}

/// How the payments service waits for the payment processor.
pub fn processor_client(blueprint: &Blueprint) -> processor::ClientParameters {
    processor::ClientParameters {
        request_timeout: blueprint.payment_processor.timeout,
        ..processor::ClientParameters::default()
    }
}

/// How many times as many people as usual the faults bring at most; 1 without any surge.
fn largest_surge(faults: &[Fault]) -> f64 {
    let factors = faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::DemandSurge(surge) => Some(surge.factor),
        _ => None,
    });
    // Surges at the same time bring the people of all of them.
    factors.product::<f64>().max(1.0)
}

/// Who has a phone and what they want. Where drivers stand at first depends on the scenario alone, so that all seeds of
/// a drill begin in the same city.
pub fn phones(prepared: &Prepared) -> PhonesConfig {
    let Prepared { loaded, city, traffic, replay, .. } = prepared;
    let scenario = &loaded.scenario;
    let horizon_start = WeekMinute::new(u64::from(scenario.start.minute_of_week()));
    let warmup_minutes = scenario.warmup.as_secs() / 60;
    let start = WeekMinute::new(u64::from(scenario.start.minute_of_week()) + 7 * 24 * 60 - warmup_minutes);
    let demand = match replay {
        Some(trips) => Demand::Recorded { trips: trips.clone(), from: scenario.warmup },
        None => {
            let of_the_week = traffic.riders_per_hour / city.mean_demand(horizon_start, scenario.duration);
            Demand::Drawn { riders_per_hour: of_the_week }
        }
    };
    let drivers = traffic.drivers.round().max(1.0) as u32;
    let mut stream = derive(0, "city", "drivers");
    PhonesConfig {
        city: city.clone(),
        habits: city.habits().clone(),
        patience: Patience {
            timeout: scenario.clients.timeout,
            attempts: scenario.clients.attempts,
            backoff_base: scenario.clients.backoff_base,
            backoff_cap: scenario.clients.backoff_cap,
            retry_budget: loaded.blueprint.calls.retry_budget,
            ..Patience::default()
        },
        start,
        demand,
        riders: (f64::from(riders_needed(traffic)) * largest_surge(&scenario.faults)).ceil() as u32,
        drivers: city::drivers::place(city, start, drivers, traffic.busy_share(), &mut stream),
        push: loaded.blueprint.redis.is_some(),
    }
}
