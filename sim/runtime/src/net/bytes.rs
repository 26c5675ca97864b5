//! Frames over a byte engine's TCP: length-prefixed postcard, one driver task a connection. The driver hands frames to
//! the same endpoints that a typed engine calls.

use std::any::type_name;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::wire::{Frame, Offer, Wire};
use crate::backend::{ByteStream, Closed, Endpoint, LocalFuture};
use crate::task::spawn_detached;

/// A frame longer than this is a broken stream, not a frame.
const FRAME_BYTES_MAX: usize = 16 << 20;

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    written: usize,
    finished: bool,
    driver: Option<Waker>,
}

/// Bytes that wait to be written by the driver.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Rc<RefCell<Pending>>);

impl Outbox {
    pub(super) fn send<T: Serialize>(&self, frame: &T) {
        let mut pending = self.0.borrow_mut();
        let start = pending.bytes.len();
        pending.bytes.extend_from_slice(&[0; 4]);
        let bytes = std::mem::take(&mut pending.bytes);
        pending.bytes = postcard::to_extend(frame, bytes).expect("frame types serialise");
        let length = u32::try_from(pending.bytes.len() - start - 4).expect("frames are bounded");
        pending.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        wake(&mut pending);
    }

    pub(super) fn close(&self) {
        let mut pending = self.0.borrow_mut();
        pending.finished = true;
        wake(&mut pending);
    }

    /// Writes what it can. Ready when everything is written and nothing will follow, or the stream broke.
    fn poll_flush(&self, stream: &mut dyn ByteStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pending = self.0.borrow_mut();
        while pending.written < pending.bytes.len() {
            match stream.poll_write(context, &pending.bytes[pending.written..]) {
                Poll::Ready(Ok(written)) => pending.written += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        pending.bytes.clear();
        pending.written = 0;
        if pending.finished {
            return Poll::Ready(Ok(()));
        }
        pending.driver = Some(context.waker().clone());
        Poll::Pending
    }
}

fn wake(pending: &mut Pending) {
    if let Some(driver) = pending.driver.take() {
        driver.wake();
    }
}

/// Reads frames from a stream, however they are cut.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    fn frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(prefix) = self.bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        if self.bytes.len() < 4 + length {
            return Ok(None);
        }
        let frame = self.bytes[4..4 + length].to_vec();
        self.bytes.drain(..4 + length);
        Ok(Some(frame))
    }

    fn poll_fill(&mut self, stream: &mut dyn ByteStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = [0u8; 4096];
        match stream.poll_read(context, &mut buffer) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Ok(read)) => {
                self.bytes.extend_from_slice(&buffer[..read]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Both sides send it first: it names the frame types, so that a mismatch is refused before any frame.
fn fingerprint<C, S>() -> u64 {
    xxh3_64(format!("{} / {}", type_name::<C>(), type_name::<S>()).as_bytes())
}

async fn read_fingerprint(stream: &mut dyn ByteStream, inbox: &mut Inbox) -> io::Result<u64> {
    poll_fn(|context| {
        loop {
            if let Some(frame) = inbox.frame()? {
                return Poll::Ready(postcard::from_bytes(&frame).map_err(io::Error::other));
            }
            std::task::ready!(inbox.poll_fill(stream, context))?;
        }
    })
    .await
}

fn reason(error: &io::Error) -> Closed {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Closed::Finished,
        io::ErrorKind::TimedOut => Closed::TimedOut,
        io::ErrorKind::ConnectionRefused => Closed::Refused,
        _ => Closed::Reset,
    }
}

/// Moves bytes both ways until either end is done.
async fn drive<T: Frame>(
    mut stream: Box<dyn ByteStream>,
    mut inbox: Inbox,
    outbox: Outbox,
    incoming: Rc<Wire<T>>,
    endpoint: Rc<dyn Endpoint>,
) {
    let result = poll_fn(|context| {
        loop {
            if let Poll::Ready(result) = outbox.poll_flush(&mut *stream, context) {
                return Poll::Ready(result);
            }
            while let Some(frame) = inbox.frame()? {
                incoming.put(postcard::from_bytes(&frame).map_err(io::Error::other)?);
                endpoint.deliver();
            }
            std::task::ready!(inbox.poll_fill(&mut *stream, context))?;
        }
    })
    .await;
    endpoint.closed(result.map_or_else(|error| reason(&error), |()| Closed::Finished));
}

pub(super) fn dial<C: Frame, S: Frame>(
    connect: LocalFuture<io::Result<Box<dyn ByteStream>>>,
    incoming: Rc<Wire<S>>,
    endpoint: Rc<dyn Endpoint>,
) -> Outbox {
    let outbox = Outbox::default();
    outbox.send(&fingerprint::<C, S>());
    let (out, mut inbox) = (outbox.clone(), Inbox::default());
    spawn_detached(Box::pin(async move {
        let mut stream = match connect.await {
            Ok(stream) => stream,
            Err(error) => return endpoint.closed(reason(&error)),
        };
        // The fingerprint must leave before the peer's can come.
        let greeted = poll_fn(|context| {
            let _ = out.poll_flush(&mut *stream, context)?;
            if out.0.borrow().bytes.is_empty() { Poll::Ready(io::Result::Ok(())) } else { Poll::Pending }
        })
        .await;
        let answer = match greeted {
            Ok(()) => read_fingerprint(&mut *stream, &mut inbox).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(theirs) if theirs == fingerprint::<C, S>() => {}
            Ok(_) => return endpoint.closed(Closed::WrongProtocol),
            Err(error) => return endpoint.closed(reason(&error)),
        }
        endpoint.opened();
        drive(stream, inbox, out, incoming, endpoint).await;
    }));
    outbox
}

pub(super) fn accept<C: Frame, S: Frame>(
    mut stream: Box<dyn ByteStream>,
    build: impl Fn(Outbox, Offer<C, S>) -> Rc<dyn Endpoint> + 'static,
) {
    spawn_detached(Box::pin(async move {
        let mut inbox = Inbox::default();
        let Ok(theirs) = read_fingerprint(&mut *stream, &mut inbox).await else {
            return;
        };
        let outbox = Outbox::default();
        outbox.send(&fingerprint::<C, S>());
        if theirs != fingerprint::<C, S>() {
            outbox.close();
            // The refusal may fail to leave: the dialler then sees a reset instead.
            let _ = poll_fn(|context| outbox.poll_flush(&mut *stream, context)).await;
            return;
        }
        let offer = Offer::new();
        let incoming = offer.to_server.clone();
        let endpoint = build(outbox.clone(), offer);
        drive(stream, inbox, outbox, incoming, endpoint).await;
    }));
}
