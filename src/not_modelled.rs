//! What a rehearsal leaves out. Every report lists it: what is not modelled cannot be rehearsed.

use crate::prepare::Prepared;

/// One sentence each, as reports take them; the last says which recorded trips are not replayed, if there are any.
#[must_use]
pub fn not_modelled(prepared: &Prepared) -> Vec<String> {
    let left_out = prepared.replay.as_ref().and_then(|replay| replay.left_out());
    NOT_MODELLED.iter().map(|&sentence| sentence.to_owned()).chain(left_out).collect()
}

const NOT_MODELLED: &[&str] = &[
    "Kubernetes where the blueprint has no [kubernetes]: replicas are then fixed processes on hosts of their own, and nobody starts what ended.",
    "Of Kubernetes: etcd and the control plane's own outages in a zone, pulling images, preemption, affinities, StatefulSets, a pod's own network, outages of what counts its requests.",
    "Route 53 beyond checks of the load balancer's nodes and resolvers that overstay: with one region there is nothing to fail over to.",
    "Redis and Kafka where the blueprint has no [redis] and no [kafka]: driver locations then live in the memory of their service, and nothing reads the outbox.",
    "Sessions in Redis: where drivers wait, what surge is quoted and how a rider pays are shared there; a session is a signed token that nobody stores.",
    "Analytics, and when a notification reaches its phone: of the standard tier, a rider's look at the receipt alone is a journey.",
    "The phones' push channel where the blueprint has no [redis]: phones then look for news at every beat. Where it has, the channel is a request that the gateway keeps, and not a WebSocket.",
    "Processor sharing: processor time is first come, first served within a host's cores and a process's quota.",
    "Clocks: hosts agree on the time unless a fault says otherwise, and the services alone read a wall clock; stores and the load balancer do not.",
    "TCP beyond order, loss, silence and resets: no congestion or flow control, and acknowledgements are never lost alone.",
    "PostgreSQL beyond its isolation levels, row locks and its log: no vacuum, no planner, no buffer cache misses.",
    "People: a runbook's steps are read and checked, and nobody carries them out.",
];
