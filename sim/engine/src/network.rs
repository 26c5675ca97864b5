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
    Internet = 4,
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
    latencies: [Latency; 5],
    /// A packet on the internet is lost if its draw is below this.
    internet_loss: u64,
    faults: Vec<Active>,
    next_id: u64,
}

impl Network {
    pub(crate) fn new(distances: Distances) -> Self {
        let Distances { same_host, same_zone, cross_zone, cross_region } = distances;
        let latencies = [same_host, same_zone, cross_zone, cross_region, cross_region].map(Latency::new);
        Network { latencies, internet_loss: 0, faults: Vec::new(), next_id: 0 }
    }

    pub(crate) fn set_internet(&mut self, latency: LatencySpec, loss: f64) {
        self.latencies[Distance::Internet as usize] = Latency::new(latency);
        self.internet_loss = threshold(loss);
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

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Can a packet pass from one host to the other?
    #[inline]
    pub(crate) fn passes(&self, from: HostId, to: HostId) -> bool {
        self.faults.is_empty() || !self.covering(from, to).any(|fault| fault == LinkFault::Cut)
    }

    /// Latency of one frame, loss included: a lost packet costs its retransmission time-outs.
    #[inline]
    pub(crate) fn delay(&self, from: HostId, to: HostId, distance: Distance, draw: u64) -> u64 {
        let mut delay = self.latencies[distance as usize].at(draw);
        if distance == Distance::Internet && self.internet_loss > 0 {
            delay += resends(self.internet_loss, mix(draw, Distance::Internet as u64));
        }
        if self.faults.is_empty() { delay } else { self.degraded(from, to, delay, draw) }
    }

    fn degraded(&self, from: HostId, to: HostId, latency: u64, draw: u64) -> u64 {
        let mut delay = latency;
        for fault in self.covering(from, to) {
            match fault {
                LinkFault::Cut => {}
                LinkFault::Delay { added } => delay += nanos(added),
                LinkFault::Loss { probability } => delay += resends(threshold(probability), mix(draw, 0x10_55)),
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

fn threshold(probability: f64) -> u64 {
    (probability * u64::MAX as f64) as u64
}

/// What losses cost a frame: a retransmission time-out for each, doubling. Fifteen resends is where Linux gives a
/// connection up (source: tcp_retries2).
fn resends(threshold: u64, mut draw: u64) -> u64 {
    let (mut delay, mut resend_after) = (0, RETRANSMIT_NS);
    for _ in 0..15 {
        if draw >= threshold {
            break;
        }
        delay += resend_after;
        resend_after *= 2;
        draw = mix(draw, resend_after);
    }
    delay
}
