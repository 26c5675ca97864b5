//! Links between hosts.

use std::time::Duration;

use notation::section;
use notation::value::{PositiveLength, Ratio, Speed, Text, Word, Words};

use crate::fault::kind::{lasts, once, seconds};

section! {
    /// Parameters of `zone-network-blackhole`.
    pub struct ZoneNetworkBlackhole {
        /// The availability zone.
        zone: String as Text,
        /// When the network comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ZoneNetworkBlackhole { zone: Zone },
    acts "Cuts every link between the zone's hosts and all others, both ways; what is sent is lost, and nothing is reset.",
    heals "The links carry again after `for`; what was sent meanwhile is resent as TCP would.",
    example ZoneNetworkBlackhole { zone: "us-east-1b".to_owned(), duration: seconds(120) }
}

section! {
    /// Parameters of `host-network-blackhole`.
    pub struct HostNetworkBlackhole {
        /// The host, such as `rds-primary` or `trips-0`.
        host: String as Text,
        /// When the network comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    HostNetworkBlackhole { host: Host },
    acts "Cuts every link between the host and all others, both ways; what is sent is lost, and nothing is reset.",
    heals "The links carry again after `for`; what was sent meanwhile is resent as TCP would.",
    example HostNetworkBlackhole { host: "rds-standby".to_owned(), duration: seconds(60) }
}

/// Which of two places stop hearing the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing passes either way.
    Both,
    /// What `from` sends does not reach `to`; the way back works.
    OneWay,
}

impl Words for Direction {
    const WORDS: &'static [(&'static str, Self)] = &[("both", Direction::Both), ("one-way", Direction::OneWay)];
}

section! {
    /// Parameters of `network-partition`.
    pub struct NetworkPartition {
        /// One side: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other side.
        to: String as Text,
        /// Whether both ways are cut, or only the way from `from` to `to`.
        direction: Direction as Word = Direction::Both,
        /// When the link heals, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    NetworkPartition { from: Place, to: Place },
    acts "Cuts the links from every host of `from` to every host of `to`, and back unless it is one-way; nothing is reset.",
    heals "The links carry again after `for`; what was sent meanwhile is resent as TCP would.",
    example NetworkPartition {
        from: "trips".to_owned(),
        to: "rds".to_owned(),
        direction: Direction::OneWay,
        duration: seconds(60),
    }
}

section! {
    /// Parameters of `packet-loss`.
    pub struct PacketLoss {
        /// One end: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other end.
        to: String as Text,
        /// The share of frames that is lost, both ways.
        percent: f64 as Ratio,
        /// When the loss ends, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    PacketLoss { from: Place, to: Place },
    acts "Loses each frame on the links between the two places with this probability; each loss costs a retransmission time-out.",
    heals "The loss ends after `for`.",
    example PacketLoss { from: "gateway".to_owned(), to: "trips".to_owned(), percent: 0.05, duration: seconds(120) }
}

section! {
    /// Parameters of `network-delay`.
    pub struct NetworkDelay {
        /// One end: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other end.
        to: String as Text,
        /// How much longer each frame takes, both ways.
        added: Duration as PositiveLength,
        /// When the delay ends, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    NetworkDelay { from: Place, to: Place },
    acts "Adds the same latency to each frame on the links between the two places.",
    heals "The delay ends after `for`; frames under way arrive when they would have.",
    example NetworkDelay {
        from: "us-east-1a".to_owned(),
        to: "us-east-1b".to_owned(),
        added: Duration::from_millis(80),
        duration: seconds(120),
    }
}

section! {
    /// Parameters of `network-bandwidth`.
    pub struct NetworkBandwidth {
        /// Whose way out is tight, each host for itself: a zone, service, store or host.
        place: String as Text,
        /// What each host may send.
        limit: u64 as Speed,
        /// When the limit is lifted, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    NetworkBandwidth { place: Place },
    acts "Lets each of the hosts send at most so much; frames wait for their turn, and nothing is lost.",
    heals "The limit is lifted after `for`; what waits goes out as it was queued.",
    example NetworkBandwidth { place: "rds-primary".to_owned(), limit: 250_000, duration: seconds(60) }
}

section! {
    /// Parameters of `network-flap`.
    pub struct NetworkFlap {
        /// One end: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other end.
        to: String as Text,
        /// From one cut to the next; the links are cut for the first half of it.
        every: Duration as PositiveLength,
        /// When the links stay up again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    NetworkFlap { from: Place, to: Place },
    acts "Cuts the links between the two places both ways and lets them carry again, over and over.",
    heals "The links stay up after `for`.",
    example NetworkFlap {
        from: "trips".to_owned(),
        to: "rds".to_owned(),
        every: seconds(10),
        duration: seconds(60),
    }
}

section! {
    /// Parameters of `connection-storm`.
    pub struct ConnectionStorm {
        /// The share of phones whose connections are closed.
        share: f64 as Ratio,
    }
}

once! {
    ConnectionStorm {},
    acts "Closes the connections of a share of the phones in one moment, as a mobile carrier's gateway does that \
           restarts: whoever listens hears that nobody will tell, and what is asked next needs a new connection.",
    heals "Phones connect again by themselves: those who listened within a beat, the others with their next request.",
    example ConnectionStorm { share: 1.0 }
}
