//! The trace: a rolling 128-bit hash over every event, with checkpoints by which two runs are bisected, and a window
//! that keeps the events themselves where they are to be read.

use std::ops::Range;

use runtime::Time;
use runtime::world::ProcessId;
use xxhash_rust::xxh3::Xxh3;

/// What happened. The numbers enter the hash: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    Timer = 1,
    Deliver = 2,
    Dial = 3,
    Accept = 4,
    Open = 5,
    Close = 6,
    Retransmit = 7,
    Start = 8,
    Crash = 9,
    Pause = 10,
    Resume = 11,
    PowerOff = 12,
    PowerOn = 13,
    Network = 14,
    Disk = 15,
    Schedule = 16,
    Boot = 17,
    Degrade = 18,
}

/// One event as the trace sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// Position in the run, from 0.
    pub index: u64,
    pub time: Time,
    pub process: ProcessId,
    pub kind: Kind,
    pub digest: u64,
}

/// The hash after the first `events` events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub events: u64,
    pub hash: u128,
}

/// Events between checkpoints.
pub const CHECKPOINT_EVERY: u64 = 1 << 16;

const BUFFERED: usize = 64;

pub struct Trace {
    hasher: Box<Xxh3>,
    buffer: [[u8; 24]; BUFFERED],
    events: u64,
    checkpoints: Vec<Checkpoint>,
    window: Range<u64>,
    kept: Vec<TraceEvent>,
}

impl Trace {
    /// `window`: positions of the events to keep whole; usually empty.
    pub fn new(window: Range<u64>) -> Self {
        Trace {
            hasher: Box::new(Xxh3::new()),
            buffer: [[0; 24]; BUFFERED],
            events: 0,
            checkpoints: Vec::new(),
            window,
            kept: Vec::new(),
        }
    }

    #[inline]
    pub fn record(&mut self, time: Time, process: ProcessId, kind: Kind, digest: u64) {
        let slot = &mut self.buffer[self.events as usize % BUFFERED];
        slot[..8].copy_from_slice(&time.nanos().to_le_bytes());
        slot[8..12].copy_from_slice(&process.0.to_le_bytes());
        slot[12..16].copy_from_slice(&(kind as u32).to_le_bytes());
        slot[16..].copy_from_slice(&digest.to_le_bytes());
        if self.window.contains(&self.events) {
            self.kept.push(TraceEvent { index: self.events, time, process, kind, digest });
        }
        self.events += 1;
        if self.events.is_multiple_of(BUFFERED as u64) {
            self.hasher.update(self.buffer.as_flattened());
            if self.events.is_multiple_of(CHECKPOINT_EVERY) {
                self.checkpoints.push(Checkpoint { events: self.events, hash: self.hasher.digest128() });
            }
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash over every event so far.
    pub fn hash(&self) -> u128 {
        let mut hasher = self.hasher.clone();
        hasher.update(self.buffer[..self.events as usize % BUFFERED].as_flattened());
        hasher.digest128()
    }

    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The events that fell into the window.
    pub fn kept(&self) -> &[TraceEvent] {
        &self.kept
    }
}
