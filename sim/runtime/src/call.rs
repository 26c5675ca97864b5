//! Calls: a request and its response under a deadline, many at once on one connection.
//!
//! A response completes the caller's slot when it is delivered, and a request starts its handler when it is delivered:
//! no task stands in between. The time left and the retry budget travel with each call.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};
use slab::Slab;

use crate::backend::Endpoint;
use crate::net::{self, Acceptor, Address, Closed, Frame, Link, Offer, OpenPort, Wire};
use crate::task::spawn_detached;
use crate::time::{Time, nanos, now, sleep_until};

/// What travels with a call besides its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallContext {
    /// After this moment nobody waits for the response. On this host's clock: on the wire it is time left.
    pub deadline: Time,
    /// How many more times anyone below may try again on behalf of this call.
    pub retry_budget: u8,
}

impl CallContext {
    /// A context for a new journey: `limit` from now.
    #[must_use]
    pub fn within(limit: Duration, retry_budget: u8) -> Self {
        CallContext { deadline: now() + limit, retry_budget }
    }

    /// Time left before the deadline; zero once it is past.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.deadline.since(now())
    }

    /// The same budget, with a nearer deadline if `limit` from now comes first.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        CallContext { deadline: self.deadline.min(now() + limit), ..self }
    }
}

/// Why a call has no response. In every case the request may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum CallError {
    #[error("no response before the deadline")]
    DeadlineExceeded,
    #[error("{0}")]
    Connection(#[from] Closed),
}

/// A request on the wire.
#[derive(Serialize, Deserialize)]
struct Request<Q> {
    call: u64,
    time_left_ns: u64,
    retry_budget: u8,
    body: Q,
}

/// A response on the wire.
#[derive(Serialize, Deserialize)]
struct Response<A> {
    call: u64,
    body: A,
}

enum Slot<A> {
    Waiting(Waker),
    Done(A),
}

struct Calls<A> {
    slots: Slab<(u32, Slot<A>)>,
    /// Raised with each call, so that a late response never completes a newer call in the same slot.
    generation: u32,
}

impl<A> Calls<A> {
    /// A call's number on the wire, and its slot.
    #[inline]
    fn begin(&mut self, waker: &Waker) -> (u64, usize) {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.slots.insert((self.generation, Slot::Waiting(waker.clone())));
        (u64::from(self.generation) << 32 | slot as u64, slot)
    }
}

struct ClientEnd<A> {
    incoming: Rc<Wire<Response<A>>>,
    calls: RefCell<Calls<A>>,
    open: Cell<bool>,
    closed: Cell<Option<Closed>>,
    opening: RefCell<Option<Waker>>,
}

impl<A: Frame> Endpoint for ClientEnd<A> {
    fn opened(&self) {
        self.open.set(true);
        if let Some(waker) = self.opening.borrow_mut().take() {
            waker.wake();
        }
    }

    #[inline]
    fn deliver(&self) {
        let response = self.incoming.take().expect("a frame was in flight");
        let (slot, generation) = (response.call as u32 as usize, (response.call >> 32) as u32);
        let mut calls = self.calls.borrow_mut();
        // Nobody waits for a response that comes after its deadline.
        if let Some((current, slot)) = calls.slots.get_mut(slot)
            && *current == generation
            && let Slot::Waiting(waker) = std::mem::replace(slot, Slot::Done(response.body))
        {
            waker.wake();
        }
    }

    fn closed(&self, reason: Closed) {
        self.closed.set(Some(reason));
        if let Some(waker) = self.opening.borrow_mut().take() {
            waker.wake();
        }
        for (_, (_, slot)) in self.calls.borrow().slots.iter() {
            if let Slot::Waiting(waker) = slot {
                waker.wake_by_ref();
            }
        }
    }
}

struct Client<Q, A> {
    link: Link,
    outgoing: Rc<Wire<Request<Q>>>,
    end: Rc<ClientEnd<A>>,
}

/// The calling side of a connection. Clones share it; it closes with the last one.
pub struct Caller<Q, A>(Rc<Client<Q, A>>);

impl<Q, A> Clone for Caller<Q, A> {
    fn clone(&self) -> Self {
        Caller(self.0.clone())
    }
}

/// Gives the slot back however the call ends.
struct Pending<'a, A> {
    calls: &'a RefCell<Calls<A>>,
    slot: usize,
}

impl<A> Pending<'_, A> {
    /// The response, if it has come; else `waker` hears when it does.
    #[inline]
    fn response(&self, waker: &Waker) -> Option<A> {
        let slot = &mut self.calls.borrow_mut().slots[self.slot].1;
        match std::mem::replace(slot, Slot::Waiting(waker.clone())) {
            Slot::Done(response) => Some(response),
            Slot::Waiting(_) => None,
        }
    }
}

impl<A> Drop for Pending<'_, A> {
    #[inline]
    fn drop(&mut self) {
        self.calls.borrow_mut().slots.remove(self.slot);
    }
}

impl<Q: Frame, A: Frame> Caller<Q, A> {
    /// Dials a server of calls.
    ///
    /// # Errors
    /// Why there is no connection: refused, timed out, or another protocol.
    pub async fn connect(to: Address) -> Result<Self, Closed> {
        let offer = Offer::<Request<Q>, Response<A>>::new();
        let end = Rc::new(ClientEnd {
            incoming: offer.to_client.clone(),
            calls: RefCell::new(Calls { slots: Slab::new(), generation: 0 }),
            open: Cell::new(false),
            closed: Cell::new(None),
            opening: RefCell::new(None),
        });
        let link = net::dial(to, &offer, end.clone());
        net::opened(&end.open, &end.closed, &end.opening).await?;
        Ok(Caller(Rc::new(Client { link, outgoing: offer.to_server, end })))
    }

    /// Why the connection ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.end.closed.get()
    }

    /// Probe a silent peer after `idle`; give up as timed out after `give_up` more. Off unless set, as in Linux.
    pub fn keepalive(&self, idle: Duration, give_up: Duration) {
        self.0.link.keepalive(idle, give_up);
    }

    /// Sends a request and waits for its response until the context's deadline.
    ///
    /// # Errors
    /// The deadline passed or the connection ended; either way the request may have been carried out.
    pub fn call(&self, request: Q, context: CallContext) -> impl Future<Output = Result<A, CallError>> {
        let client = &*self.0;
        let end = &*client.end;
        let mut body = Some(request);
        let mut pending: Option<Pending<'_, A>> = None;
        let mut deadline = sleep_until(context.deadline);
        // Not `async`: such a future would hold the request twice, and everybody who calls holds it once more.
        poll_fn(move |task| {
            if let Some(response) = pending.as_ref().and_then(|pending| pending.response(task.waker())) {
                return Poll::Ready(Ok(response));
            }
            if let Some(reason) = end.closed.get() {
                return Poll::Ready(Err(CallError::Connection(reason)));
            }
            if let Some(body) = body.take() {
                let (call, slot) = end.calls.borrow_mut().begin(task.waker());
                pending = Some(Pending { calls: &end.calls, slot });
                let (time_left_ns, retry_budget) = (nanos(context.remaining()), context.retry_budget);
                client.link.send(&client.outgoing, Request { call, time_left_ns, retry_budget, body });
            }
            Pin::new(&mut deadline).poll(task).map(|()| Err(CallError::DeadlineExceeded))
        })
    }
}

struct ServerEnd<Q, A, H> {
    link: Link,
    incoming: Rc<Wire<Request<Q>>>,
    outgoing: Rc<Wire<Response<A>>>,
    handler: Rc<H>,
    closed: Cell<bool>,
    /// Itself: a handler under way keeps the end it will answer through.
    this: Weak<ServerEnd<Q, A, H>>,
}

impl<Q, A, H, F> Endpoint for ServerEnd<Q, A, H>
where
    Q: Frame,
    A: Frame,
    H: Fn(Q, CallContext) -> F + 'static,
    F: Future<Output = A> + 'static,
{
    fn opened(&self) {}

    #[inline]
    fn deliver(&self) {
        let request = self.incoming.take().expect("a frame was in flight");
        let context = CallContext {
            deadline: now() + Duration::from_nanos(request.time_left_ns),
            retry_budget: request.retry_budget,
        };
        let handling = (self.handler)(request.body, context);
        spawn_detached(Box::pin(Handling { handling, call: request.call, end: self.this.clone() }));
    }

    fn closed(&self, _: Closed) {
        self.closed.set(true);
    }
}

pin_project! {
    /// A request under way. Not an `async` block: that would hold the handler's future twice, as what it captured and as what it awaits.
    struct Handling<Q, A, H, F> {
        #[pin]
        handling: F,
        call: u64,
        end: Weak<ServerEnd<Q, A, H>>,
    }
}

impl<Q, A: Frame, H, F: Future<Output = A>> Future for Handling<Q, A, H, F> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let body = ready!(this.handling.poll(context));
        // A caller that went away gets no answer; its request was carried out all the same.
        if let Some(end) = this.end.upgrade()
            && !end.closed.get()
        {
            end.link.send(&end.outgoing, Response { call: *this.call, body });
        }
        Poll::Ready(())
    }
}

/// Serves calls on a port of this host until the returned value is dropped: `handler` runs as a task of its own for
/// each request.
///
/// # Errors
/// The port is in use.
pub fn serve<Q, A, H, F>(port: u16, handler: H) -> io::Result<OpenPort>
where
    Q: Frame,
    A: Frame,
    H: Fn(Q, CallContext) -> F + 'static,
    F: Future<Output = A> + 'static,
{
    let handler = Rc::new(handler);
    Acceptor::listen(port, move |link, offer: Offer<Request<Q>, Response<A>>| {
        Rc::new_cyclic(|this| ServerEnd {
            link,
            incoming: offer.to_server,
            outgoing: offer.to_client,
            handler: handler.clone(),
            closed: Cell::new(false),
            this: this.clone(),
        })
    })
}
