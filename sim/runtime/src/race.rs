//! Waiting on several futures at once. The order of looking is the order written, so that it is part of the program and
//! never drawn.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Which of several futures was ready first.
#[doc(hidden)]
pub enum First<A, B, C, D> {
    A(A),
    B(B),
    C(C),
    D(D),
}

/// Drives four futures until one is ready; the others are dropped.
#[doc(hidden)]
pub async fn first<A, B, C, D>(a: A, b: B, c: C, d: D) -> First<A::Output, B::Output, C::Output, D::Output>
where
    A: Future,
    B: Future,
    C: Future,
    D: Future,
{
    let (mut a, mut b, mut c, mut d) = (pin!(a), pin!(b), pin!(c), pin!(d));
    poll_fn(|context| {
        if let Poll::Ready(value) = a.as_mut().poll(context) {
            return Poll::Ready(First::A(value));
        }
        if let Poll::Ready(value) = b.as_mut().poll(context) {
            return Poll::Ready(First::B(value));
        }
        if let Poll::Ready(value) = c.as_mut().poll(context) {
            return Poll::Ready(First::C(value));
        }
        d.as_mut().poll(context).map(First::D)
    })
    .await
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
