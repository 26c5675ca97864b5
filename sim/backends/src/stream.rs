//! What the shared core asks of an engine's network, and tokio's streams as the seam's byte streams.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use runtime::backend::{Accept, ByteStream, LocalFuture};
use runtime::net::Address;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) type Connecting = LocalFuture<io::Result<Box<dyn ByteStream>>>;

/// An engine's TCP. Called inside the engine, on the host that listens or dials.
pub(crate) trait Network {
    /// Opens a port now; the future hands on each connection until it is dropped, which closes the port.
    ///
    /// # Errors
    /// The operating system's, or the engine's.
    fn listen(&self, at: Address, acceptor: Rc<dyn Accept>) -> io::Result<LocalFuture>;
    fn connect(&self, to: Address) -> Connecting;
}

pub(crate) fn poll_read(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(stream.poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

pub(crate) fn poll_write(
    stream: Pin<&mut impl AsyncWrite>,
    context: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    stream.poll_write(context, bytes)
}
