//! The processor as a queue: work waits for a core of the host and for the process's quota.

use std::time::Duration;

use crate::backend;
use crate::time::sleep_until;

/// Does `work` (time on one core at full speed) and returns when it is done.
pub async fn work(work: Duration) {
    let done = backend::with(|backend| backend.work(work));
    sleep_until(done).await;
}
