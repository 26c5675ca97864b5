//! What an engine cannot do is refused by name.

use backends::capability::{Capability, Engine};

#[test]
fn refusals_name_engine_capability_and_reason() {
    let refusals: Vec<String> = [Engine::Turmoil, Engine::Live]
        .into_iter()
        .flat_map(Engine::missing)
        .map(|refusal| refusal.to_string())
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the turmoil engine cannot give fault points: no site is ever armed
    the turmoil engine cannot give a power loss: a crashed turmoil host closes its connections instead of falling silent
    the turmoil engine cannot give a pause of a process: tokio polls every task that is ready
    the turmoil engine cannot give a partition: turmoil's TCP never resends, so a healed link stays broken for connections that used it
    the turmoil engine cannot give packet loss: turmoil's TCP never resends
    the turmoil engine cannot give added link delay: every link has the one latency of its configuration, in whole milliseconds
    the turmoil engine cannot give latency by distance: every link has the one latency of its configuration, in whole milliseconds
    the turmoil engine cannot give egress bandwidth: frames are not charged for their size
    the turmoil engine cannot give waiting for cores and CPU quota: work takes its own time and never waits
    the turmoil engine cannot give waiting for a volume: a flush takes the volume's flush time and never waits
    the turmoil engine cannot give keepalive: no peer falls silent here
    the turmoil engine cannot give a trace hash: events inside turmoil and tokio are not observable
    the turmoil engine cannot give a drawn order of events: tokio orders what is runnable
    the turmoil engine cannot give clock skew: all hosts share one clock
    the turmoil engine cannot give a schedule of faults: a scenario's faults act through the native engine's control surface
    the turmoil engine cannot give processes that start others: its processes are all there from the start
    the live engine cannot give fault points: no site is ever armed
    the live engine cannot give a power loss: every host is this machine
    the live engine cannot give a pause of a process: tokio polls every task that is ready
    the live engine cannot give a partition: every link is this machine's loopback
    the live engine cannot give packet loss: every link is this machine's loopback
    the live engine cannot give added link delay: every link is this machine's loopback
    the live engine cannot give latency by distance: every link is this machine's loopback
    the live engine cannot give egress bandwidth: frames are not charged for their size
    the live engine cannot give waiting for cores and CPU quota: work takes its own time and never waits
    the live engine cannot give waiting for a volume: a flush takes the volume's flush time and never waits
    the live engine cannot give keepalive: no peer falls silent here
    the live engine cannot give a trace hash: no two runs on the wall clock are the same
    the live engine cannot give a drawn order of events: tokio orders what is runnable
    the live engine cannot give clock skew: all hosts share one clock
    the live engine cannot give a schedule of faults: a scenario's faults act through the native engine's control surface
    the live engine cannot give processes that start others: its processes are all there from the start
    ");
}

#[test]
fn what_is_not_missing_is_supported() {
    for engine in [Engine::Turmoil, Engine::Live] {
        assert!(engine.supports(Capability::ProcessCrash) && engine.supports(Capability::ProcessRestart));
        assert!(!engine.supports(Capability::HostPowerLoss));
    }
}
