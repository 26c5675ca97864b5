//! The metrics pipeline: Prometheus, which reads every so often what pods have counted. What its adapter makes of that for the autoscaler is in
//! [`request_rate`](super::request_rate).

use std::rc::Rc;

use runtime::net::Address;

use super::parameters::ScalingParameters;
use super::protocol::{METRICS_PORT, PodCount, Scrape};
use super::records::Records;
use crate::asking::ask_once;

/// Reads for as long as the current process lives: for a cluster in which replicas follow requests. `nodes` says where the nodes' agents are.
pub(super) async fn collect(records: Rc<Records>, nodes: Rc<[Address]>, parameters: ScalingParameters) {
    let mut next = runtime::now();
    loop {
        let counted = records.cluster.borrow().counted_nodes();
        for node in counted {
            let (records, limit) = (records.clone(), parameters.scrape_timeout);
            let page = Address { port: METRICS_PORT, ..nodes[node] };
            runtime::spawn(async move {
                // What cannot be read leaves a gap, as at Prometheus.
                if let Some(counts) = ask_once::<_, Vec<PodCount>>(page, Scrape, limit).await {
                    records.cluster.borrow_mut().counted(node, &counts, runtime::now());
                }
            });
        }
        next += parameters.scrape_interval;
        runtime::sleep_until(next).await;
    }
}
