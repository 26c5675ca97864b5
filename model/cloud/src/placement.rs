//! Where the parts of a replicated store run: its servers, and a monitor in each zone that is to have one.

use std::time::Duration;

use ports::observe::Name;
use runtime::net::Address;
use runtime::world::{HostSpec, VolumeSpec, World};

/// A monitor's volume: small, and as quick to flush as any gp3. Assumption.
const MONITOR_VOLUME: VolumeSpec =
    VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) };
/// From power to a monitor. Assumption.
const MONITOR_BOOT: Duration = Duration::from_secs(60);

/// A server to be deployed; its host and its process bear its name.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    pub name: String,
    pub zone: String,
}

/// The name of a monitor's host and of its process.
pub(crate) fn monitor_name(store: &str, zone: &str) -> String {
    format!("{store}-control-{zone}")
}

/// Adds the host of a monitor in each of these zones, and says where it is to answer.
pub(crate) fn add_monitor_hosts(
    world: &mut dyn World,
    store: &str,
    region: &str,
    zones: &[String],
    port: u16,
) -> Vec<(Address, Name)> {
    let mut monitor = |zone: &String| {
        let host = world.add_host(HostSpec {
            name: monitor_name(store, zone),
            zone: zone.clone(),
            region: region.to_owned(),
            cores: 2,
            egress_bytes_per_s: None,
            boot: MONITOR_BOOT,
            volume: MONITOR_VOLUME,
        });
        (Address { host, port }, zone.as_str().into())
    };
    zones.iter().map(&mut monitor).collect()
}
