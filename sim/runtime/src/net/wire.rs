//! What both ends of a connection share: one queue of frames for each direction.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What may travel in a connection: a value that is all there is of itself.
pub trait Frame: Serialize + DeserializeOwned + 'static {}
impl<T: Serialize + DeserializeOwned + 'static> Frame for T {}

/// One direction of a connection: frames in flight, then frames that arrived.
#[derive(Debug)]
pub(crate) struct Wire<T> {
    frames: RefCell<Frames<T>>,
    /// How many of them have arrived and are not taken yet.
    pub(super) arrived: Cell<usize>,
}

/// Frames in order. Most connections have one at a time, which lies in the wire itself: a queue would cycle through its whole buffer and push
/// other connections out of the processor's cache.
#[derive(Debug)]
struct Frames<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Wire<T> {
    fn new() -> Rc<Self> {
        let frames = Frames { first: None, rest: VecDeque::new() };
        Rc::new(Wire { frames: RefCell::new(frames), arrived: Cell::new(0) })
    }

    #[inline]
    pub(crate) fn put(&self, frame: T) {
        let mut frames = self.frames.borrow_mut();
        match frames.first {
            None => frames.first = Some(frame),
            Some(_) => frames.rest.push_back(frame),
        }
    }

    /// The oldest frame has arrived and is taken at once.
    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        let mut frames = self.frames.borrow_mut();
        let oldest = frames.first.take();
        frames.first = frames.rest.pop_front();
        oldest
    }
}

/// What the dialling side brings: both directions, to be shared if the acceptor has the same types.
pub(crate) struct Offer<C, S> {
    pub(crate) to_server: Rc<Wire<C>>,
    pub(crate) to_client: Rc<Wire<S>>,
}

impl<C, S> Offer<C, S> {
    pub(crate) fn new() -> Self {
        Offer { to_server: Wire::new(), to_client: Wire::new() }
    }
}

impl<C, S> Clone for Offer<C, S> {
    fn clone(&self) -> Self {
        Offer { to_server: self.to_server.clone(), to_client: self.to_client.clone() }
    }
}
