//! Waiting on several futures at once. The order of looking is the order written, so that it is part of the program and
//! never drawn.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Which of several futures was ready first.
#[doc(hidden)]
pub enum First<A, B, C, D> {
    A(A),
    B(B),
    C(C),
    D(D),
}

/// Drives four futures until one is ready; the others are dropped, the last written first.
#[doc(hidden)]
pub fn first<A, B, C, D>(a: A, b: B, c: C, d: D) -> Race<A, B, C, D> {
    Race { d, c, b, a }
}

pin_project! {
    #[doc(hidden)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Race<A, B, C, D> {
        #[pin]
        d: D,
        #[pin]
        c: C,
        #[pin]
        b: B,
        #[pin]
        a: A,
    }
}

impl<A: Future, B: Future, C: Future, D: Future> Future for Race<A, B, C, D> {
    type Output = First<A::Output, B::Output, C::Output, D::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let racers = self.project();
        if let Poll::Ready(value) = racers.a.poll(context) {
            return Poll::Ready(First::A(value));
        }
        if let Poll::Ready(value) = racers.b.poll(context) {
            return Poll::Ready(First::B(value));
        }
        if let Poll::Ready(value) = racers.c.poll(context) {
            return Poll::Ready(First::C(value));
        }
        racers.d.poll(context).map(First::D)
    }
}

/// A future that loses every race: it stands where a race has fewer runners.
#[doc(hidden)]
pub fn never() -> std::future::Pending<std::convert::Infallible> {
    std::future::pending()
}

/// Waits on two to four futures and takes the first that is ready, in the order written:
/// `select! { pattern = future => expression, ... }`. The others are dropped before the expression runs.
#[macro_export]
macro_rules! select {
    (@read [$($read:tt)*] $pattern:pat = $future:expr => $body:block, $($rest:tt)*) => {
        $crate::select!(@read [$($read)* (($pattern) ($future) ($body))] $($rest)*)
    };
    (@read [$($read:tt)*] $pattern:pat = $future:expr => $body:block $($rest:tt)*) => {
        $crate::select!(@read [$($read)* (($pattern) ($future) ($body))] $($rest)*)
    };
    (@read [$($read:tt)*] $pattern:pat = $future:expr => $body:expr, $($rest:tt)*) => {
        $crate::select!(@read [$($read)* (($pattern) ($future) ($body))] $($rest)*)
    };
    (@read [$($read:tt)*] $pattern:pat = $future:expr => $body:expr) => {
        $crate::select!(@read [$($read)* (($pattern) ($future) ($body))])
    };
    (@read [(($p1:pat) ($f1:expr) ($b1:expr)) (($p2:pat) ($f2:expr) ($b2:expr))]) => {{
        let first = $crate::race::first($f1, $f2, $crate::race::never(), $crate::race::never()).await;
        match first {
            $crate::race::First::A($p1) => $b1,
            $crate::race::First::B($p2) => $b2,
            $crate::race::First::C(never) | $crate::race::First::D(never) => match never {},
        }
    }};
    (@read [(($p1:pat) ($f1:expr) ($b1:expr)) (($p2:pat) ($f2:expr) ($b2:expr)) (($p3:pat) ($f3:expr) ($b3:expr))]) => {{
        let first = $crate::race::first($f1, $f2, $f3, $crate::race::never()).await;
        match first {
            $crate::race::First::A($p1) => $b1,
            $crate::race::First::B($p2) => $b2,
            $crate::race::First::C($p3) => $b3,
            $crate::race::First::D(never) => match never {},
        }
    }};
    (@read [(($p1:pat) ($f1:expr) ($b1:expr)) (($p2:pat) ($f2:expr) ($b2:expr)) (($p3:pat) ($f3:expr) ($b3:expr)) (($p4:pat) ($f4:expr) ($b4:expr))]) => {{
        let first = $crate::race::first($f1, $f2, $f3, $f4).await;
        match first {
            $crate::race::First::A($p1) => $b1,
            $crate::race::First::B($p2) => $b2,
            $crate::race::First::C($p3) => $b3,
            $crate::race::First::D($p4) => $b4,
        }
    }};
    ($pattern:pat = $($rest:tt)*) => { $crate::select!(@read [] $pattern = $($rest)*) };
}
