//! Links between hosts: latency by where the two ends are, loss, bandwidth, and the faults that cut or degrade them.
//! It knows nothing of connections.

use std::time::Duration;

use runtime::net::HostId;
use runtime::random::mix;
use runtime::time::nanos;

use crate::latency::{Latency, LatencySpec};

/// One-way latencies by the distance of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    pub same_host: LatencySpec,
    pub same_zone: LatencySpec,
    pub cross_zone: LatencySpec,
    pub cross_region: LatencySpec,
}

/// Which distance a link has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    SameHost = 0,
    SameZone = 1,
    CrossZone = 2,
    CrossRegion = 3,
}

/// A fault on links, to be lifted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkFaultId(u64);

/// What a fault does to the links it covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinkFault {
    /// Nothing passes.
    Cut,
    /// Each packet is lost with this probability; TCP resends it.
    Loss { probability: f64 },
    /// This much is added to each frame's latency.
    Delay { added: Duration },
}

struct Active {
    id: LinkFaultId,
    from: Vec<bool>,
    to: Vec<bool>,
    fault: LinkFault,
}

/// Linux's initial retransmission time-out on links faster than it (source: `TCP_RTO_MIN`, 200 ms).
pub(crate) const RETRANSMIT_NS: u64 = 200_000_000;

pub(crate) struct Network {
    latencies: [Latency; 4],
    faults: Vec<Active>,
    next_id: u64,
}

impl Network {
    pub(crate) fn new(distances: Distances) -> Self {
        let Distances { same_host, same_zone, cross_zone, cross_region } = distances;
        let latencies = [same_host, same_zone, cross_zone, cross_region].map(Latency::new);
        Network { latencies, faults: Vec::new(), next_id: 0 }
    }

    /// Starts a fault on every link from one set of hosts to another, one way.
    pub(crate) fn begin(&mut self, from: Vec<bool>, to: Vec<bool>, fault: LinkFault) -> LinkFaultId {
        let id = LinkFaultId(self.next_id);
        self.next_id += 1;
        self.faults.push(Active { id, from, to, fault });
        id
    }

    pub(crate) fn end(&mut self, id: LinkFaultId) {
        self.faults.retain(|active| active.id != id);
    }

    /// Can a packet pass from one host to the other?
    #[inline]
    pub(crate) fn passes(&self, from: HostId, to: HostId) -> bool {
        self.faults.is_empty() || !self.covering(from, to).any(|fault| fault == LinkFault::Cut)
    }

    /// Latency of one frame, loss included: a lost packet costs its retransmission time-outs.
    #[inline]
    pub(crate) fn delay(&self, from: HostId, to: HostId, distance: Distance, draw: u64) -> u64 {
        let latency = self.latencies[distance as usize].at(draw);
        if self.faults.is_empty() { latency } else { self.degraded(from, to, latency, draw) }
    }

    fn degraded(&self, from: HostId, to: HostId, latency: u64, draw: u64) -> u64 {
        let mut delay = latency;
        for fault in self.covering(from, to) {
            match fault {
                LinkFault::Cut => {}
                LinkFault::Delay { added } => delay += nanos(added),
                LinkFault::Loss { probability } => {
                    let threshold = (probability * u64::MAX as f64) as u64;
                    let mut draw = mix(draw, 0x10_55);
                    let mut resend_after = RETRANSMIT_NS;
                    // Fifteen resends is where Linux gives a connection up (source: tcp_retries2).
                    for _ in 0..15 {
                        if draw >= threshold {
                            break;
                        }
                        delay += resend_after;
                        resend_after *= 2;
                        draw = mix(draw, resend_after);
                    }
                }
            }
        }
        delay
    }

    fn covering(&self, from: HostId, to: HostId) -> impl Iterator<Item = LinkFault> {
        let covers = |set: &[bool], host: HostId| set.get(host.0 as usize).copied().unwrap_or(false);
        self.faults
            .iter()
            .filter(move |active| covers(&active.from, from) && covers(&active.to, to))
            .map(|active| active.fault)
    }
}
