//! The load balancer controller: tells each node of the load balancer which pods serve, until it has heard of it.

use std::rc::Rc;
use std::time::Duration;

use runtime::net::Address;

use super::control_plane::ControlPlane;
use crate::load_balancer::{Registration, register};

/// Between two attempts to tell a node (assumption).
const RETRY: Duration = Duration::from_secs(5);

/// Which service is balanced, and who has to know.
#[derive(Clone, Debug)]
pub struct Balanced {
    pub service: String,
    /// Where the load balancer's nodes are told of their targets.
    pub registers: Rc<[Address]>,
}

/// Keeps one node of the load balancer informed, for as long as the control plane lives.
pub(super) async fn keep(plane: &ControlPlane, node: Address, delay: Duration) {
    // Nothing is told before the first pod serves: a node that boots has what it was told last.
    let mut told: Option<Vec<(String, String, Address)>> = None;
    let mut looked = 0;
    loop {
        plane.changes.wait_until(|changes| *changes != looked).await;
        looked = *plane.changes.borrow();
        if told.as_ref().map_or(plane.targets().is_empty(), |told| *told == plane.targets()) {
            continue;
        }
        runtime::sleep(delay).await;
        loop {
            let targets = plane.targets();
            let registration = Registration { version: runtime::now().nanos(), targets: targets.clone() };
            if register(node, registration).await {
                told = Some(targets);
                break;
            }
            runtime::sleep(RETRY).await;
        }
    }
}
