//! The cluster's control surface: what people do to it with `kubectl`, and faults in their place.

use std::rc::Rc;

use super::objects::Defect;
use crate::operation::Orders;

/// What the control plane is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Drain { node: String },
    Uncordon { node: String },
    Kill { service: String, pods: usize },
    Deploy { service: String, defect: Option<Defect> },
    RollBack { service: String },
}

/// Acts on a cluster as its operators do. Clones act on the same one. Names that stand for nothing change nothing.
#[derive(Clone, Default)]
pub struct Operator(Rc<Orders<Order>>);

impl Operator {
    /// Has a node take no new pods and evicts those that it has, as disruption budgets permit: `kubectl drain`.
    pub fn drain(&self, node: &str) {
        self.0.put(Order::Drain { node: node.to_owned() });
    }

    /// Has a node take pods again: `kubectl uncordon`.
    pub fn uncordon(&self, node: &str) {
        self.0.put(Order::Uncordon { node: node.to_owned() });
    }

    /// Deletes a service's oldest pods, so many, without a grace period: `kubectl delete pod --grace-period=0 --force`.
    pub fn kill(&self, service: &str, pods: usize) {
        self.0.put(Order::Kill { service: service.to_owned(), pods });
    }

    /// Deploys another release of a service: `kubectl set image`.
    pub fn deploy(&self, service: &str, defect: Option<Defect>) {
        self.0.put(Order::Deploy { service: service.to_owned(), defect });
    }

    /// Puts the last release of a service that had no defect back: `kubectl rollout undo`.
    pub fn roll_back(&self, service: &str) {
        self.0.put(Order::RollBack { service: service.to_owned() });
    }

    pub(super) async fn next(&self) -> Order {
        self.0.next().await
    }
}
