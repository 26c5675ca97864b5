//! The table of connections: two ends each, what is under way between them, and what each end still knows.

use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::backend::{ConnectionId, Endpoint, Side};
use runtime::net::{Address, HostId};
use runtime::world::ProcessId;

use crate::network::Distance;

/// How a process leaves its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Reset,
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndState {
    /// Dialled, not yet answered; or, on the server's side, not yet reached.
    Opening,
    Open,
    /// Closed by its owner or told that it is closed.
    Closed,
    /// Its host lost power: nobody knows of it, and the peer is not told.
    Gone,
}

/// Frames that do not get through: the sender's kernel resends them, in order, ever more rarely.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    pub(crate) attempt: u8,
    /// Digests of the frames that wait, oldest first.
    pub(crate) frames: VecDeque<u64>,
}

#[derive(Debug)]
pub(crate) struct Keepalive {
    pub(crate) idle: Duration,
    pub(crate) give_up: Duration,
}

/// A frame touches one line of the cache for each end.
#[repr(align(64))]
pub(crate) struct End {
    pub(crate) process: ProcessId,
    pub(crate) host: HostId,
    pub(crate) state: EndState,
    pub(crate) endpoint: Option<Rc<dyn Endpoint>>,
    /// When the last frame that this end sent arrives: the next one arrives later.
    pub(crate) last_arrival: Time,
    pub(crate) frames_sent: u64,
    pub(crate) stall: Option<Box<Stall>>,
    pub(crate) keepalive: Option<Box<Keepalive>>,
    pub(crate) probing: bool,
}

const _: () = assert!(size_of::<End>() == 64);

pub(crate) struct Connection {
    generation: u32,
    live: bool,
    pub(crate) ends: [End; 2],
    pub(crate) to: Address,
    /// Keys the latency draws of this connection's frames.
    pub(crate) key: u64,
    pub(crate) distance: Distance,
    pub(crate) offer: Option<Rc<dyn Any>>,
}

impl Connection {
    /// Both ends are done with it.
    fn is_over(&self) -> bool {
        self.ends.iter().all(|end| matches!(end.state, EndState::Closed | EndState::Gone))
    }
}

#[derive(Default)]
pub(crate) struct Connections {
    entries: Vec<Connection>,
    free: Vec<u32>,
}

impl Connections {
    pub(crate) fn insert(
        &mut self,
        ends: [End; 2],
        to: Address,
        key: u64,
        distance: Distance,
        offer: Rc<dyn Any>,
    ) -> ConnectionId {
        let offer = Some(offer);
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.entries[slot as usize];
            let generation = entry.generation;
            *entry = Connection { generation, live: true, ends, to, key, distance, offer };
            return ConnectionId { slot, generation };
        }
        let slot = u32::try_from(self.entries.len()).expect("connections are few");
        self.entries.push(Connection { generation: 0, live: true, ends, to, key, distance, offer });
        ConnectionId { slot, generation: 0 }
    }

    #[inline]
    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.entries.get_mut(id.slot as usize).filter(|entry| entry.live && entry.generation == id.generation)
    }

    /// Ends one end; its endpoint is the caller's to drop outside every borrow. Frees the entry once both are over.
    pub(crate) fn end(&mut self, id: ConnectionId, side: Side, state: EndState) -> Option<Rc<dyn Endpoint>> {
        let entry = self.get(id)?;
        let end = &mut entry.ends[side as usize];
        if end.state != EndState::Gone {
            end.state = state;
        }
        let endpoint = end.endpoint.take();
        if entry.is_over() {
            entry.live = false;
            entry.offer = None;
            entry.generation = entry.generation.wrapping_add(1);
            self.free.push(id.slot);
        }
        endpoint
    }

    /// The ends that a process holds, in order of slots.
    pub(crate) fn of(&self, process: ProcessId) -> Vec<(ConnectionId, Side)> {
        self.live(|end| end.process == process && matches!(end.state, EndState::Open | EndState::Opening))
    }

    /// The ends that probe a silent peer and do not do so yet.
    pub(crate) fn with_keepalive(&self) -> Vec<(ConnectionId, Side)> {
        self.live(|end| end.keepalive.is_some() && !end.probing && end.state == EndState::Open)
    }

    fn live(&self, wanted: impl Fn(&End) -> bool) -> Vec<(ConnectionId, Side)> {
        let mut found = Vec::new();
        for (slot, entry) in (0u32..).zip(&self.entries) {
            let id = ConnectionId { slot, generation: entry.generation };
            for side in [Side::Client, Side::Server] {
                if entry.live && wanted(&entry.ends[side as usize]) {
                    found.push((id, side));
                }
            }
        }
        found
    }

    /// Closes everything when the engine goes; what it returns is to be dropped outside every borrow.
    pub(crate) fn close_all(&mut self) -> Vec<Connection> {
        self.free.clear();
        let mut entries = std::mem::take(&mut self.entries);
        for entry in &mut entries {
            entry.live = false;
        }
        entries
    }
}
