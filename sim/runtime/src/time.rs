//! Virtual time: integer nanoseconds since the run's start, sleeping and time-outs.

use std::fmt;
use std::future::Future;
use std::ops::{Add, AddAssign, Sub};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};

use crate::backend::{self, TimerId};

/// A moment: nanoseconds since the start of the run (584 years fit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    pub const ZERO: Time = Time(0);
    pub const MAX: Time = Time(u64::MAX);

    #[must_use]
    pub const fn from_secs(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A span as nanoseconds; spans beyond 584 years saturate.
#[must_use]
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(nanos(span)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(nanos(span)))
    }
}

impl fmt::Display for Time {
    /// Seconds with microseconds, as reports and traces print moments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

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
