//! A process that breaks determinism on purpose, so that `verify` can be seen to catch it. Compiled for tests only.

use std::rc::Rc;
use std::time::Duration;

use runtime::world::{HostSpec, ProcessSpec, VolumeSpec, World};

/// Adds the canary if the environment asks for it.
#[expect(clippy::disallowed_types, reason = "this is what the ban is about: the hasher's keys differ in each process")]
pub fn plant(world: &mut dyn World) {
    if std::env::var_os("REHEARSAL_CANARY").is_none() {
        return;
    }
    let host = world.add_host(HostSpec {
        name: "canary".into(),
        zone: "canary".into(),
        region: "canary".into(),
        cores: 1,
        egress_bytes_per_s: None,
        boot: Duration::ZERO,
        volume: VolumeSpec { iops: 1, throughput_bytes_per_s: 1, flush: Duration::ZERO },
    });
    world.add_process(ProcessSpec {
        name: "canary".into(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(|| {
            Box::pin(async {
                runtime::sleep(Duration::from_secs(20)).await;
                let keys: std::collections::HashSet<u64> = (0..100).collect();
                for key in keys {
                    runtime::sleep(Duration::from_micros(key)).await;
                }
            })
        }),
    });
}
