//! A server to call, and all that small worlds are made of.

use std::time::Duration;

pub use engine::testing::*;
use runtime::net::{Address, HostId};

pub const PORT: u16 = 80;

/// Serves calls that are answered with the request plus one, after `work` on the processor.
pub async fn add_one(work: Duration) {
    let port = runtime::call::serve(PORT, move |request: u64, _| async move {
        runtime::cpu::work(work).await;
        request + 1
    });
    let _port = port.expect("the port is free");
    runtime::task::forever().await;
}

pub fn at(host: HostId) -> Address {
    Address { host, port: PORT }
}
