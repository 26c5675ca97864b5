//! What a rehearsal leaves out. Every report lists it: what is not modelled cannot be rehearsed.

/// One sentence each.
pub const NOT_MODELLED: &[&str] = &[
    "Redis and Kafka in the running platform: their models are not wired to it yet, so driver locations and surge live in the memory of their services, and nothing reads the outbox. Kubernetes: replicas are fixed processes.",
    "Notifications, receipts and analytics: the standard tier has no journeys, so nothing is said about it.",
    "The phones' push channel: riders and drivers poll.",
    "Processor sharing: processor time is first come, first served within a host's cores and a process's quota.",
    "Clocks: hosts agree on the time unless a fault says otherwise, and the services alone read a wall clock; stores and the load balancer do not.",
    "TCP beyond order, loss, silence and resets: no congestion or flow control, and acknowledgements are never lost alone.",
    "PostgreSQL beyond its isolation levels, row locks and its log: no vacuum, no planner, no buffer cache misses.",
    "People: a runbook's steps are read and checked, and nobody carries them out.",
];
