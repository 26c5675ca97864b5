//! The native engine, as a scenario and its blueprint want it set.

use std::collections::BTreeMap;

use engine::{Distances, Engine, EngineConfig, LatencySpec, Transport};
use scenarios::blueprint::Latency;

use super::options::Options;
use crate::prepare::Prepared;

/// The native engine's settings for a scenario.
pub fn config(prepared: &Prepared, options: &Options<'_>) -> EngineConfig {
    let network = &prepared.loaded.blueprint.network;
    EngineConfig {
        seed: options.seed,
        distances: Distances {
            same_host: one_way(&network.same_host),
            same_zone: one_way(&network.same_zone),
            cross_zone: one_way(&network.cross_zone),
            cross_region: one_way(&network.cross_region),
        },
        wire_check: options.wire_check,
        draw_order: prepared.loaded.scenario.draw_order,
        trace_window: options.window.clone(),
        fault_points: BTreeMap::new(),
    }
}

/// How far phones and the payment processor are from the cloud, and how TCP holds out everywhere.
pub fn set_network(engine: &mut Engine, prepared: &Prepared) {
    let network = &prepared.loaded.blueprint.network;
    engine.set_internet(one_way(&network.internet), network.internet_loss);
    let transport = Transport {
        retransmission_timeout: network.retransmission_timeout,
        syn_retries: network.tcp_syn_retries,
        retries: network.tcp_retries2,
    };
    engine.set_transport(transport, network.loss);
}

/// Blueprints state round trips, as people measure them; a frame makes half of one.
fn one_way(round_trip: &Latency) -> LatencySpec {
    LatencySpec { median: round_trip.median / 2, p99: round_trip.p99 / 2, max: round_trip.maximum() / 2 }
}
