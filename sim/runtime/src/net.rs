//! Connections that carry typed frames, and the ports that accept them.
//!
//! Both ends share one queue for each direction. On a typed engine a frame moves in it as a value and the engine only
//! schedules its arrival; on a byte engine [`bytes`] moves it through the engine's TCP.

mod bytes;
mod wire;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::backend::{self, Accept, ByteStream, ConnectionId, Dial, Endpoint, Side};
use crate::digest;

pub use crate::backend::Closed;
pub use crate::world::{Address, HostId};
pub use wire::Frame;
pub(crate) use wire::{Offer, Wire};

/// How the frames of one end leave it.
pub(crate) enum Link {
    Typed { connection: ConnectionId, side: Side, check: bool },
    Bytes(bytes::Outbox),
}

impl Link {
    pub(crate) fn typed(connection: ConnectionId, side: Side) -> Link {
        Link::Typed { connection, side, check: backend::with(|backend| backend.wire_check()) }
    }

    #[inline]
    pub(crate) fn send<T: Frame>(&self, wire: &Wire<T>, frame: T) {
        match self {
            Link::Typed { connection, side, check } => {
                let (digest, size) = digest::of(&frame);
                wire.put(if *check { through_serde(&frame) } else { frame });
                backend::with(|backend| backend.sent(*connection, *side, digest, size));
            }
            Link::Bytes(outbox) => outbox.send(&frame),
        }
    }

    pub(crate) fn keepalive(&self, idle: Duration, give_up: Duration) {
        if let Link::Typed { connection, side, .. } = self {
            backend::with(|backend| backend.keepalive(*connection, *side, idle, give_up));
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        match self {
            // A panic crashes the process, and a crash resets its connections.
            Link::Typed { .. } if std::thread::panicking() => {}
            Link::Typed { connection, side, .. } => {
                backend::try_with(|backend| backend.close(*connection, *side));
            }
            Link::Bytes(outbox) => outbox.close(),
        }
    }
}

fn through_serde<T: Frame>(frame: &T) -> T {
    let bytes = postcard::to_stdvec(frame).expect("frame types serialise");
    postcard::from_bytes(&bytes).expect("a frame reads back what it wrote")
}

/// Dials and starts the byte driver where the engine needs one. `wire` is the direction towards this end.
pub(crate) fn dial<C: Frame, S: Frame>(to: Address, offer: &Offer<C, S>, endpoint: Rc<dyn Endpoint>) -> Link {
    let dial = backend::with(|backend| backend.dial(to, Rc::new(offer.clone()), endpoint.clone()));
    match dial {
        Dial::Typed(connection) => Link::typed(connection, Side::Client),
        Dial::Bytes(connect) => Link::Bytes(bytes::dial::<C, S>(connect, offer.to_client.clone(), endpoint)),
    }
}

/// Builds one kind of server end from a fresh connection.
pub(crate) struct Acceptor<C, S, B> {
    build: B,
    types: std::marker::PhantomData<fn(C) -> S>,
}

impl<C: Frame, S: Frame, B> Acceptor<C, S, B>
where
    B: Fn(Link, Offer<C, S>) -> Rc<dyn Endpoint> + Clone + 'static,
{
    pub(crate) fn listen(port: u16, build: B) -> io::Result<OpenPort> {
        let acceptor = Rc::new(Acceptor { build, types: std::marker::PhantomData });
        backend::with(|backend| backend.listen(port, acceptor))?;
        Ok(OpenPort(port))
    }
}

impl<C: Frame, S: Frame, B> Accept for Acceptor<C, S, B>
where
    B: Fn(Link, Offer<C, S>) -> Rc<dyn Endpoint> + Clone + 'static,
{
    fn accept_typed(&self, connection: ConnectionId, offer: Rc<dyn Any>) -> Result<Rc<dyn Endpoint>, Closed> {
        let offer = offer.downcast::<Offer<C, S>>().map_err(|_| Closed::WrongProtocol)?;
        Ok((self.build)(Link::typed(connection, Side::Server), Offer::clone(&offer)))
    }

    fn accept_bytes(&self, stream: Box<dyn ByteStream>) {
        let build = self.build.clone();
        bytes::accept(stream, move |outbox, offer| build(Link::Bytes(outbox), offer));
    }
}

/// An open port; dropping it closes the port.
#[derive(Debug)]
pub struct OpenPort(u16);

impl Drop for OpenPort {
    fn drop(&mut self) {
        backend::try_with(|backend| backend.close_port(self.0));
    }
}

/// The state of one raw end: whether it is open, and who waits.
struct Raw<R> {
    incoming: Rc<Wire<R>>,
    open: Cell<bool>,
    closed: Cell<Option<Closed>>,
    waiter: RefCell<Option<Waker>>,
}

impl<R> Raw<R> {
    fn wake(&self) {
        if let Some(waiter) = self.waiter.borrow_mut().take() {
            waiter.wake();
        }
    }
}

impl<R> Endpoint for Raw<R> {
    fn opened(&self) {
        self.open.set(true);
        self.wake();
    }

    #[inline]
    fn deliver(&self) {
        self.incoming.arrived.set(self.incoming.arrived.get() + 1);
        self.wake();
    }

    fn closed(&self, reason: Closed) {
        self.closed.set(Some(reason));
        self.wake();
    }
}

/// A connection that sends frames of type `S` and receives frames of type `R`.
pub struct Connection<S, R> {
    link: Link,
    outgoing: Rc<Wire<S>>,
    end: Rc<Raw<R>>,
}

impl<S: Frame, R: Frame> Connection<S, R> {
    /// Puts a frame in flight; it never waits. Sending into a connection that is lost is not an error: the peer, or
    /// [`recv`](Self::recv), tells.
    #[inline]
    pub fn send(&self, frame: S) {
        if self.end.closed.get().is_none() {
            self.link.send(&self.outgoing, frame);
        }
    }

    /// The next frame. What arrived before the connection ended is received first. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn recv(&self) -> Result<R, Closed> {
        poll_fn(|context| {
            let incoming = &self.end.incoming;
            if incoming.arrived.get() > 0 {
                incoming.arrived.set(incoming.arrived.get() - 1);
                return Poll::Ready(Ok(incoming.take().expect("what arrived is in the queue")));
            }
            if let Some(reason) = self.end.closed.get() {
                return Poll::Ready(Err(reason));
            }
            *self.end.waiter.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Probe a silent peer after `idle`; give up as timed out after `give_up` more. Off unless set, as in Linux.
    pub fn keepalive(&self, idle: Duration, give_up: Duration) {
        self.link.keepalive(idle, give_up);
    }
}

/// Dials a server.
///
/// # Errors
/// Refused (nobody listens), timed out (no answer), or the two sides' frame types differ.
pub async fn connect<S: Frame, R: Frame>(to: Address) -> Result<Connection<S, R>, Closed> {
    let offer = Offer::<S, R>::new();
    let end = raw_end(offer.to_client.clone(), false);
    let link = dial(to, &offer, end.clone());
    opened(&end.open, &end.closed, &end.waiter).await?;
    Ok(Connection { link, outgoing: offer.to_server, end })
}

/// Waits until a connection that was dialled is open, or known not to open.
pub(crate) async fn opened(
    open: &Cell<bool>,
    closed: &Cell<Option<Closed>>,
    waiter: &RefCell<Option<Waker>>,
) -> Result<(), Closed> {
    poll_fn(|context| {
        // Open first: a server may have answered and closed before this task came to look.
        if open.get() {
            return Poll::Ready(Ok(()));
        }
        if let Some(reason) = closed.get() {
            return Poll::Ready(Err(reason));
        }
        *waiter.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    })
    .await
}

fn raw_end<R>(incoming: Rc<Wire<R>>, open: bool) -> Rc<Raw<R>> {
    Rc::new(Raw { incoming, open: Cell::new(open), closed: Cell::new(None), waiter: RefCell::new(None) })
}

struct Backlog<S, R> {
    connections: RefCell<VecDeque<Connection<S, R>>>,
    waiter: RefCell<Option<Waker>>,
}

/// A port that hands out connections.
pub struct Listener<S, R> {
    backlog: Rc<Backlog<S, R>>,
    _port: OpenPort,
}

impl<S: Frame, R: Frame> Listener<S, R> {
    /// Opens a port of this host; its connections send `S` and receive `R`.
    ///
    /// # Errors
    /// The port is in use.
    pub fn bind(port: u16) -> io::Result<Self> {
        let backlog = Rc::new(Backlog { connections: RefCell::default(), waiter: RefCell::default() });
        let accepted = backlog.clone();
        let port = Acceptor::<R, S, _>::listen(port, move |link, offer: Offer<R, S>| {
            let end = raw_end(offer.to_server, true);
            let connection = Connection { link, outgoing: offer.to_client, end: end.clone() };
            accepted.connections.borrow_mut().push_back(connection);
            if let Some(waiter) = accepted.waiter.borrow_mut().take() {
                waiter.wake();
            }
            end
        })?;
        Ok(Listener { backlog, _port: port })
    }

    /// The next connection. It cannot fail: a connection that breaks says so itself.
    pub async fn accept(&self) -> Connection<S, R> {
        poll_fn(|context| match self.backlog.connections.borrow_mut().pop_front() {
            Some(connection) => Poll::Ready(connection),
            None => {
                *self.backlog.waiter.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
