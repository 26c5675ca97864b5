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

/// How hosts' TCP holds out against loss and silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// A lost packet is resent after this, and again after twice as long each time. Linux: `TCP_RTO_MIN`, 200 ms.
    pub retransmission_timeout: Duration,
    /// How often a dialler repeats itself, after 1, 2, 4, ... s. Linux: `tcp_syn_retries` = 6, which gives up 127 s in.
    pub syn_retries: u8,
    /// How often a sender resends what is not acknowledged. Linux: `tcp_retries2` = 15, which gives up 924.6 s in.
    pub retries: u8,
}

/// Resends are never further apart (source: Linux `TCP_RTO_MAX`, 120 s).
const RESEND_INTERVAL_MAX: Duration = Duration::from_secs(120);

impl Transport {
    /// From one dial to its repetition, `attempt` counted from 0.
    pub(crate) fn redial_interval(&self, attempt: u8) -> Duration {
        Duration::from_secs(1 << attempt.min(20)).min(RESEND_INTERVAL_MAX)
    }

    /// From one sending of a packet to the next, `attempt` counted from 0.
    pub(crate) fn resend_interval(&self, attempt: u8) -> Duration {
        self.retransmission_timeout.saturating_mul(1 << attempt.min(20)).min(RESEND_INTERVAL_MAX)
    }
}

impl Default for Transport {
    fn default() -> Self {
        Transport { retransmission_timeout: Duration::from_millis(200), syn_retries: 6, retries: 15 }
    }
}

pub(crate) struct Network {
    latencies: [Latency; 5],
    /// A packet over each distance is lost if its draw is below this.
    losses: [u64; 5],
    pub(crate) transport: Transport,
    faults: Vec<Active>,
    next_id: u64,
}

impl Network {
    pub(crate) fn new(distances: Distances) -> Self {
        let Distances { same_host, same_zone, cross_zone, cross_region } = distances;
        let latencies = [same_host, same_zone, cross_zone, cross_region, cross_region].map(Latency::new);
        Network { latencies, losses: [0; 5], transport: Transport::default(), faults: Vec::new(), next_id: 0 }
    }

    pub(crate) fn set_internet(&mut self, latency: LatencySpec, loss: f64) {
        self.latencies[Distance::Internet as usize] = Latency::new(latency);
        self.losses[Distance::Internet as usize] = threshold(loss);
    }

    /// The share of packets lost between different hosts of the cloud while nothing is broken.
    pub(crate) fn set_loss(&mut self, loss: f64) {
        for distance in [Distance::SameZone, Distance::CrossZone, Distance::CrossRegion] {
            self.losses[distance as usize] = threshold(loss);
        }
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
        let loss = self.losses[distance as usize];
        if loss > 0 {
            delay += self.resends(loss, mix(draw, distance as u64));
        }
        if self.faults.is_empty() { delay } else { self.degraded(from, to, delay, draw) }
    }

    fn degraded(&self, from: HostId, to: HostId, latency: u64, draw: u64) -> u64 {
        let mut delay = latency;
        for fault in self.covering(from, to) {
            match fault {
                LinkFault::Cut => {}
                LinkFault::Delay { added } => delay += nanos(added),
                LinkFault::Loss { probability } => delay += self.resends(threshold(probability), mix(draw, 0x10_55)),
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

    /// What losses cost a frame: a retransmission time-out for each, doubling, as often as a sender resends.
    fn resends(&self, threshold: u64, mut draw: u64) -> u64 {
        let mut delay = 0;
        for attempt in 0..self.transport.retries {
            if draw >= threshold {
                break;
            }
            let resend_after = nanos(self.transport.resend_interval(attempt));
            delay += resend_after;
            draw = mix(draw, resend_after);
        }
        delay
    }
}

fn threshold(probability: f64) -> u64 {
    (probability * u64::MAX as f64) as u64
}
