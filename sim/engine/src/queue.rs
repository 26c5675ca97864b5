//! The event queue: a hierarchical timing wheel over nanoseconds, in the exact order (time, tie-break, sequence).
//!
//! Eight levels of 256 slots cover every `u64`. An entry sits at the level of the highest digit (base 256) in which its
//! time differs from the wheel's position, so that insertion and removal are constant-time and a far timer that is
//! taken back (a deadline that was met) never moves. Within a slot entries keep the order of insertion: of two entries
//! for one instant the earlier inserted is never at a lower level, and a cascade keeps a slot's order.

use runtime::Time;
use runtime::backend::TimerId;

const LEVELS: usize = 8;
const SLOTS: usize = 256;
/// Places of all levels, in words of bits.
const WORDS: usize = LEVELS * SLOTS / 64;
const NONE: u32 = u32::MAX;

/// Aligned to a cache line: entries of neighbouring times are anywhere, and each is touched on its own. One line holds an event of 24 bytes.
#[repr(align(64))]
struct Entry<E> {
    time: u64,
    event: Option<E>,
    next: u32,
    previous: u32,
    generation: u32,
    tie_break: u32,
    /// Level and slot as one index; meaningless while free.
    place: u16,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// Events by time. `E` is moved in once and out once.
pub struct Queue<E> {
    entries: Vec<Entry<E>>,
    free: Vec<u32>,
    lists: [List; LEVELS * SLOTS],
    /// A bit for each place that holds entries: the lowest is the earliest.
    occupied: [u64; WORDS],
    /// A bit for each word of `occupied` that is not zero.
    occupied_words: u32,
    position: u64,
    len: usize,
    /// Whether any tie-break was ever other than zero; while none is, the first inserted is the first.
    breaks_ties: bool,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue {
            entries: Vec::new(),
            free: Vec::new(),
            lists: [List { head: NONE, tail: NONE }; LEVELS * SLOTS],
            occupied: [0; WORDS],
            occupied_words: 0,
            position: 0,
            len: 0,
            breaks_ties: false,
        }
    }
}

impl<E> Queue<E> {
    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an event; a time before the last event popped is taken as that time.
    #[inline]
    pub fn insert(&mut self, at: Time, tie_break: u32, event: E) -> TimerId {
        let time = at.nanos().max(self.position);
        self.breaks_ties |= tie_break != 0;
        let slot = match self.free.pop() {
            Some(slot) => {
                let entry = &mut self.entries[slot as usize];
                (entry.time, entry.event, entry.tie_break) = (time, Some(event), tie_break);
                slot
            }
            None => {
                let slot = u32::try_from(self.entries.len()).expect("fewer than 2^32 events wait");
                let event = Some(event);
                self.entries.push(Entry {
                    time,
                    event,
                    next: NONE,
                    previous: NONE,
                    generation: 0,
                    tie_break,
                    place: 0,
                });
                slot
            }
        };
        self.len += 1;
        self.link(slot);
        TimerId { slot, generation: self.entries[slot as usize].generation }
    }

    /// Takes an event back; `None` if it was popped or taken before.
    #[inline]
    pub fn remove(&mut self, id: TimerId) -> Option<E> {
        let entry = self.entries.get(id.slot as usize)?;
        if entry.generation != id.generation || entry.event.is_none() {
            return None;
        }
        self.unlink(id.slot);
        Some(self.release(id.slot))
    }

    /// The next event, if it is not after `limit`.
    #[inline]
    pub fn pop(&mut self, limit: Time) -> Option<(Time, E)> {
        loop {
            if self.occupied_words == 0 {
                return None;
            }
            let word = self.occupied_words.trailing_zeros() as usize;
            let place = word * 64 + self.occupied[word].trailing_zeros() as usize;
            let List { head, tail } = self.lists[place];
            if place < SLOTS || head == tail {
                let first = if head == tail { head } else { self.first_by_tie_break(head) };
                let time = self.entries[first as usize].time;
                if time > limit.nanos() {
                    return None;
                }
                self.position = time;
                self.unlink(first);
                return Some((Time(time), self.release(first)));
            }
            if !self.cascade(place, head, limit) {
                return None;
            }
        }
    }

    /// Moves the earliest slot's entries down, straight to the levels seen from the earliest of them.
    fn cascade(&mut self, place: usize, head: u32, limit: Time) -> bool {
        let mut earliest = u64::MAX;
        let mut at = head;
        while at != NONE {
            let entry = &self.entries[at as usize];
            earliest = earliest.min(entry.time);
            at = entry.next;
        }
        if earliest > limit.nanos() {
            return false;
        }
        self.position = earliest;
        self.lists[place] = List { head: NONE, tail: NONE };
        self.vacate(place);
        let mut at = head;
        while at != NONE {
            let next = self.entries[at as usize].next;
            self.link(at);
            at = next;
        }
        true
    }

    /// A slot of level 0 is one instant: the lowest tie-break goes first, and among equals the first inserted.
    fn first_by_tie_break(&self, head: u32) -> u32 {
        let mut first = head;
        if !self.breaks_ties {
            return first;
        }
        let mut at = self.entries[head as usize].next;
        while at != NONE {
            let entry = &self.entries[at as usize];
            if entry.tie_break < self.entries[first as usize].tie_break {
                first = at;
            }
            at = entry.next;
        }
        first
    }

    #[inline]
    fn link(&mut self, slot: u32) {
        let time = self.entries[slot as usize].time;
        let differs = time ^ self.position;
        let level = (63 - (differs | 1).leading_zeros() as usize) / 8;
        let digit = (time >> (8 * level)) as usize % SLOTS;
        let place = level * SLOTS + digit;
        let tail = std::mem::replace(&mut self.lists[place].tail, slot);
        let entry = &mut self.entries[slot as usize];
        (entry.next, entry.previous, entry.place) = (NONE, tail, place as u16);
        if tail == NONE {
            self.lists[place].head = slot;
            self.occupied[place / 64] |= 1 << (place % 64);
            self.occupied_words |= 1 << (place / 64);
        } else {
            self.entries[tail as usize].next = slot;
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32) {
        let Entry { next, previous, place, .. } = self.entries[slot as usize];
        let place = place as usize;
        match previous {
            NONE => self.lists[place].head = next,
            previous => self.entries[previous as usize].next = next,
        }
        match next {
            NONE => self.lists[place].tail = previous,
            next => self.entries[next as usize].previous = previous,
        }
        if self.lists[place].head == NONE {
            self.vacate(place);
        }
    }

    #[inline]
    fn vacate(&mut self, place: usize) {
        let word = &mut self.occupied[place / 64];
        *word &= !(1 << (place % 64));
        if *word == 0 {
            self.occupied_words &= !(1 << (place / 64));
        }
    }

    #[inline]
    fn release(&mut self, slot: u32) -> E {
        let entry = &mut self.entries[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot);
        self.len -= 1;
        entry.event.take().expect("an entry in the wheel holds its event")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Any interleaving of insertions, removals and pops gives what an ordered map gives.
        #[test]
        fn order_is_time_then_tie_break_then_sequence(
            steps in prop::collection::vec((0u8..10, any::<u64>(), 0u32..8, 0u32..3), 1..400)
        ) {
            let mut queue = Queue::default();
            let mut model: BTreeMap<(u64, u32, usize), TimerId> = BTreeMap::new();
            let mut now = 0u64;
            for (sequence, (action, delay, magnitude, tie_break)) in steps.into_iter().enumerate() {
                match action {
                    0..5 => {
                        let time = now.saturating_add(delay >> (magnitude * 8));
                        let id = queue.insert(Time(time), tie_break, sequence);
                        model.insert((time, tie_break, sequence), id);
                    }
                    5 => {
                        let Some((&key, &id)) = model.iter().nth(delay as usize % model.len().max(1)) else { continue };
                        prop_assert_eq!(queue.remove(id), Some(key.2));
                        prop_assert_eq!(queue.remove(id), None);
                        model.remove(&key);
                    }
                    6 => {
                        let limit = now.saturating_add(delay >> (magnitude * 8));
                        let expected = model.first_key_value().map(|(key, _)| *key).filter(|key| key.0 <= limit);
                        prop_assert_eq!(queue.pop(Time(limit)), expected.map(|key| (Time(key.0), key.2)));
                        if let Some(key) = expected { now = key.0; model.remove(&key); }
                    }
                    _ => {
                        let expected = model.pop_first().map(|(key, _)| (Time(key.0), key.2));
                        prop_assert_eq!(queue.pop(Time::MAX), expected);
                        if let Some((time, _)) = expected { now = time.nanos(); }
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
