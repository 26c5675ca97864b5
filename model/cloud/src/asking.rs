//! Questions that are answered within a limit, or not at all.

use std::future::Future;
use std::time::Duration;

use runtime::call::{CallContext, Caller};
use runtime::net::{Address, Frame};

/// One request on a connection of its own, for what is asked rarely.
pub(crate) async fn ask_once<Q: Frame, A: Frame>(to: Address, request: Q, limit: Duration) -> Option<A> {
    within(limit, async {
        let caller = Caller::connect(to).await.ok()?;
        caller.call(request, CallContext::within(limit, 0)).await.ok()
    })
    .await
}

/// Drives a future that may find nothing for at most `limit`.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = Option<T>>) -> Option<T> {
    runtime::timeout(limit, future).await.ok().flatten()
}
