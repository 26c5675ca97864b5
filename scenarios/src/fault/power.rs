//! Electricity.

use std::time::Duration;

use notation::section;
use notation::value::{PositiveLength, Text};

use crate::fault::kind::{lasts, seconds};

section! {
    /// Parameters of `zone-power-loss`.
    pub struct ZonePowerLoss {
        /// The availability zone.
        zone: String as Text,
        /// When power comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ZonePowerLoss { zone: Zone },
    acts "Switches the zone's hosts off: processes vanish without a word to their peers, and disks keep what was flushed.",
    heals "Power comes back after `for`; each host boots, and its processes start afresh from their disks.",
    example ZonePowerLoss { zone: "us-east-1a".to_owned(), duration: seconds(300) }
}

section! {
    /// Parameters of `host-power-loss`.
    pub struct HostPowerLoss {
        /// The host, such as `rds-primary` or `trips-0`.
        host: String as Text,
        /// When power comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    HostPowerLoss { host: Host },
    acts "Switches the host off: its processes vanish without a word to their peers, and its disk keeps what was flushed.",
    heals "Power comes back after `for`; the host boots, and its processes start afresh from its disk.",
    example HostPowerLoss { host: "rds-primary".to_owned(), duration: seconds(120) }
}
