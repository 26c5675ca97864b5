//! The load balancer controller: tells each node of the load balancer which pods serve, until it has heard of it.

use std::rc::Rc;
use std::time::Duration;

use runtime::net::Address;
use runtime::watched::Watched;

use crate::load_balancer::{Registration, register};

/// Between two attempts to tell a node (assumption).
const RETRY: Duration = Duration::from_secs(5);

/// Name, zone and address of a pod that serves.
type Target = (String, String, Address);

/// Which service is balanced, and who has to know.
#[derive(Clone, Debug)]
pub struct Balanced {
    pub service: String,
    /// Where the load balancer's nodes are told of their targets.
    pub registers: Rc<[Address]>,
}

/// Keeps one node of the load balancer informed of `targets`, for as long as the control plane lives. They may be others whenever `changes` is
/// raised; the node is told after `delay`.
pub(super) async fn keep(targets: impl Fn() -> Vec<Target>, changes: &Watched<u64>, node: Address, delay: Duration) {
    // Nothing is told before the first pod serves: a node that boots has what it was told last.
    let mut told: Option<Vec<Target>> = None;
    let mut looked = 0;
    loop {
        changes.wait_until(|changes| *changes != looked).await;
        looked = *changes.borrow();
        if told.as_ref().map_or(targets().is_empty(), |told| *told == targets()) {
            continue;
        }
        runtime::sleep(delay).await;
        loop {
            let serving = targets();
            let registration = Registration { version: runtime::now().nanos(), targets: serving.clone() };
            if register(node, registration).await {
                told = Some(serving);
                break;
            }
            runtime::sleep(RETRY).await;
        }
    }
}
