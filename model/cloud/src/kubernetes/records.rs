//! The control plane's records: what survives its process.

use std::cell::RefCell;

use super::cluster::Cluster;
use super::protocol::{NodeOrders, ServiceEndpoints};

/// The cluster's state, as etcd has it, and what nodes were told of it last.
pub(super) struct Records {
    pub cluster: RefCell<Cluster>,
    /// By node.
    pub orders: RefCell<Vec<NodeOrders>>,
    pub endpoints: RefCell<ServiceEndpoints>,
}

impl Records {
    pub fn new(cluster: Cluster, nodes: usize) -> Self {
        Records {
            cluster: RefCell::new(cluster),
            orders: RefCell::new(vec![(0, Vec::new()); nodes]),
            endpoints: RefCell::default(),
        }
    }
}
