//! The network: round trips by class of link, bandwidth, and how the transport behaves when a peer falls silent.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{Maybe, PositiveLength, Ratio, Repetitions, Speed};

section! {
    /// A distribution of latencies: lognormal through the median and the 99th percentile, cut off at the maximum.
    pub struct Latency {
        /// Half of all samples are below this.
        median: Duration as PositiveLength,
        /// 99 % of all samples are below this; not less than the median.
        p99: Duration as PositiveLength,
        /// No sample is above this. Left out: four times the 99th percentile (assumption).
        max: Option<Duration> as Maybe<PositiveLength>,
    }
}

impl Latency {
    /// A distribution through two quantiles with an explicit cut-off, in microseconds.
    const fn micros(median: u64, p99: u64, max: u64) -> Latency {
        Latency {
            median: Duration::from_micros(median),
            p99: Duration::from_micros(p99),
            max: Some(Duration::from_micros(max)),
        }
    }

    /// A distribution through two quantiles with an explicit cut-off, in milliseconds.
    pub(super) const fn millis(median: u64, p99: u64, max: u64) -> Latency {
        Latency::micros(median * 1_000, p99 * 1_000, max * 1_000)
    }

    /// The largest sample: the cut-off, or four times the 99th percentile.
    pub fn maximum(&self) -> Duration {
        self.max.unwrap_or(self.p99 * 4)
    }
}

section! {
    /// Links and transport. Every latency is a *round trip*; a frame one way takes half of a sample.
    pub struct Network {
        /// Round trip between processes of one host, over loopback. Assumption: tens of microseconds.
        same_host: Latency as Nested = Latency::micros(30, 100, 400),
        /// Round trip within a zone. Common knowledge for EC2, not verified: 0.1-0.3 ms.
        same_zone: Latency as Nested = Latency::micros(160, 300, 2_000),
        /// Round trip between zones of a region. Published EC2 measurement: mean 0.82 ms, spikes to 12.3 ms; 0.78 ms and
        /// 1.6 ms are the quantiles of a lognormal with that mean and sigma 0.3.
        cross_zone: Latency as Nested = Latency::micros(780, 1_600, 12_300),
        /// Round trip between regions. Common knowledge for us-east-1 to us-west-2, not verified: 60-75 ms.
        cross_region: Latency as Nested = Latency::millis(65, 75, 200),
        /// Round trip between a phone and the region over a mobile network. Assumption.
        internet: Latency as Nested = Latency::millis(60, 300, 2_000),
        /// Share of packets lost between hosts while nothing is broken; each costs a retransmission. Assumption: none inside a region.
        loss: f64 as Ratio = 0.0,
        /// Share of frames lost between phones and the region. Assumption: a good mobile network.
        internet_loss: f64 as Ratio = 0.001,
        /// What one host can send. AWS EC2 documentation: c5.2xlarge has a baseline of 2.5 Gbit/s.
        host_bandwidth: u64 as Speed = 312_500_000,
        /// The first retransmission of a lost packet; later ones double. Linux: TCP_RTO_MIN, 200 ms.
        retransmission_timeout: Duration as PositiveLength = Duration::from_millis(200),
        /// How often a dialler repeats itself to a silent host. Linux: 6, which gives up after 127 s.
        tcp_syn_retries: u8 as Repetitions = 6,
        /// How often a sender resends to a silent host what is not acknowledged. Linux: 15, which gives up after 924.6 s; 8 after 102 s.
        tcp_retries2: u8 as Repetitions = 15,
    }
}
