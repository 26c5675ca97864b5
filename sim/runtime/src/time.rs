//! Virtual time: the clocks, sleeping and time-outs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::backend::{self, TimerId};

pub use crate::moment::{Time, nanos};

/// The current moment as timers count it: the same on every host, and never set back.
#[inline]
#[must_use]
pub fn now() -> Time {
    backend::with(|backend| backend.now())
}

/// What this host's wall clock shows. It may be ahead of other hosts' clocks or behind them, gain or lose, and be set back:
/// whatever is written down for others to compare comes from here, and what is waited for from [`now`].
#[inline]
#[must_use]
pub fn wall_now() -> Time {
    backend::with(|backend| backend.wall_now())
}

/// Waits for a span of virtual time.
pub fn sleep(span: Duration) -> Sleep {
    sleep_until(now() + span)
}

/// Waits until a moment; ready at once if it is past.
pub fn sleep_until(at: Time) -> Sleep {
    Sleep { at, armed: None }
}

/// A wait. Its timer is armed at the first poll and taken back when the wait is dropped.
#[derive(Debug)]
pub struct Sleep {
    at: Time,
    armed: Option<(TimerId, Waker)>,
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        backend::with(|backend| {
            if backend.now() >= self.at {
                if let Some((timer, _)) = self.armed.take() {
                    backend.disarm(timer);
                }
                return Poll::Ready(());
            }
            if let Some((timer, waker)) = &self.armed {
                if waker.will_wake(context.waker()) {
                    return Poll::Pending;
                }
                backend.disarm(*timer);
            }
            let waker = context.waker().clone();
            self.armed = Some((backend.arm(self.at, waker.clone()), waker));
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Some((timer, _)) = self.armed.take() {
            backend::try_with(|backend| backend.disarm(timer));
        }
    }
}

/// The time-out passed before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

/// Drives `future` for at most `span`, counted from this call.
///
/// # Errors
/// [`Elapsed`] when the span passes first; the future is dropped with its time-out.
pub fn timeout<F: Future>(span: Duration, future: F) -> Timeout<F> {
    Timeout { future, limit: sleep(span) }
}

pin_project! {
    /// A future with a time-out; see [`timeout`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        limit: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(context) {
            return Poll::Ready(Ok(value));
        }
        Pin::new(this.limit).poll(context).map(|()| Err(Elapsed))
    }
}
