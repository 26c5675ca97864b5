//! Daily snapshots: all that a primary held at one moment, kept where no server's loss reaches it.

use std::rc::Rc;
use std::time::Duration;

use super::data::Snapshot;
use super::node::{Node, Role};

impl Node {
    /// Takes a snapshot every interval, while this server is primary. Writing it out takes its time and blocks nobody; what forking and
    /// copying cost is not modelled.
    pub(super) async fn take_snapshots(&self, interval: Duration) {
        loop {
            runtime::sleep(interval).await;
            if !matches!(self.role(), Role::Primary { .. }) {
                continue;
            }
            let snapshot = {
                let data = self.data.borrow();
                let (history, offset) = (data.history.clone(), data.offset);
                Snapshot { history, offset, contents: data.store.contents(), bytes: data.store.used_bytes() }
            };
            runtime::sleep(transfer(snapshot.bytes, self.plan.server.resync_bytes_per_s)).await;
            self.plan.snapshots.borrow_mut().insert(self.shard, Rc::new(snapshot));
            let detail = format!("{} wrote out its snapshot", self.name());
            self.plan.report(self.id, "snapshot taken", detail, None);
        }
    }

    /// Puts the newest snapshot in the place of what this primary holds, and begins a reign with it.
    pub(super) async fn restore(&self) {
        let Role::Primary { epoch } = self.role() else { return };
        let Some(snapshot) = self.plan.snapshots.borrow().get(&self.shard).cloned() else {
            let detail = format!("there is no snapshot for {} to load", self.name());
            return self.plan.report(self.id, "restore refused", detail, None);
        };
        self.loading.set(true);
        runtime::sleep(transfer(snapshot.bytes, self.plan.server.resync_bytes_per_s)).await;
        self.data.borrow_mut().load(snapshot.history.clone(), snapshot.offset, snapshot.contents.clone());
        self.reign(epoch, "restored from its newest snapshot").await;
        self.loading.set(false);
    }
}

/// How long so many bytes take at a rate.
pub(super) fn transfer(bytes: u64, bytes_per_s: u64) -> Duration {
    Duration::from_nanos((u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1))) as u64)
}
