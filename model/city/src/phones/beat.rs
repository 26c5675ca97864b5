//! Requests at a steady beat, open loop: a request that is stuck does not hold back the next.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::time::{Sleep, sleep_until};
use runtime::{Time, now};

/// Requests of one beat in flight at once. More are not sent, and count as failed at their deadline: a phone that had so many
/// stuck requests would only make things worse.
const IN_FLIGHT_MAX: usize = 4;

/// A beat and its requests in flight. Slots are kept, so that a request costs no allocation of its own.
pub(super) struct Beat<F> {
    every: Duration,
    /// The time-out of a request.
    limit: Duration,
    last: Time,
    next: Time,
    timer: Sleep,
    in_flight: Vec<Pin<Box<Option<F>>>>,
    /// No beat until what is in flight is answered; the timer is not set.
    silent: bool,
    /// Beats at which no slot was free and whose deadline is to come.
    missed: VecDeque<Time>,
}

impl<F: Future> Beat<F> {
    /// First at `first`, then every `every`.
    pub(super) fn new(first: Time, every: Duration, limit: Duration) -> Beat<F> {
        Beat {
            every,
            limit,
            last: first,
            next: first,
            timer: sleep_until(first),
            in_flight: Vec::new(),
            silent: false,
            missed: VecDeque::new(),
        }
    }

    /// Goes on at `first`.
    pub(super) fn restart(&mut self, first: Time) {
        self.last = first;
        self.arm(first);
    }

    /// The next beat is now.
    pub(super) fn hurry(&mut self) {
        self.arm(now());
    }

    /// The next answer. Starts a request at each beat; `missed` hears of those that could not be sent, at their deadline or soon after.
    ///
    /// A beat that becomes quicker takes effect at once, counted from the last beat. A request that goes `alone` is the only one until it
    /// is answered: the beats that pass meanwhile are left out, and the last of them comes with the answer.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        (every, alone): (Duration, bool),
        mut start: impl FnMut(Time) -> F,
        mut missed: impl FnMut(Time),
    ) -> Poll<F::Output> {
        if every != self.every {
            self.every = every;
            let next = (self.last + every).max(now());
            if self.silent {
                self.next = next;
            } else {
                self.arm(next);
            }
        }
        self.tell_missed(&mut missed);
        loop {
            if let Some(answer) = self.poll_in_flight(context) {
                if self.silent && self.is_empty() {
                    self.arm(self.next.max(now()));
                }
                return Poll::Ready(answer);
            }
            if self.silent || Pin::new(&mut self.timer).poll(context).is_pending() {
                return Poll::Pending;
            }
            let beat = self.next;
            self.last = beat;
            if alone {
                (self.silent, self.next) = (true, beat + every);
            } else {
                self.arm(beat + every);
            }
            match self.free_slot() {
                Some(slot) => slot.set(Some(start(beat))),
                None => self.missed.push_back(beat),
            }
        }
    }

    /// Waits for what is in flight, and starts nothing.
    pub(super) fn poll_rest(&mut self, context: &mut Context<'_>, mut missed: impl FnMut(Time)) -> Poll<()> {
        while self.poll_in_flight(context).is_some() {}
        loop {
            self.tell_missed(&mut missed);
            let Some(beat) = self.missed.front() else { break };
            self.arm(*beat + self.limit);
            if Pin::new(&mut self.timer).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_empty(&self) -> bool {
        self.in_flight.iter().all(|slot| slot.is_none())
    }

    fn arm(&mut self, at: Time) {
        self.silent = false;
        self.next = at;
        self.timer = sleep_until(at);
    }

    fn tell_missed(&mut self, missed: &mut impl FnMut(Time)) {
        while self.missed.front().is_some_and(|beat| *beat + self.limit <= now()) {
            missed(self.missed.pop_front().expect("looked at"));
        }
    }

    fn poll_in_flight(&mut self, context: &mut Context<'_>) -> Option<F::Output> {
        for slot in &mut self.in_flight {
            if let Some(request) = slot.as_mut().as_pin_mut()
                && let Poll::Ready(answer) = request.poll(context)
            {
                slot.set(None);
                return Some(answer);
            }
        }
        None
    }

    fn free_slot(&mut self) -> Option<&mut Pin<Box<Option<F>>>> {
        if let Some(free) = self.in_flight.iter().position(|slot| slot.is_none()) {
            return Some(&mut self.in_flight[free]);
        }
        if self.in_flight.len() == IN_FLIGHT_MAX {
            return None;
        }
        self.in_flight.push(Box::pin(None));
        self.in_flight.last_mut()
    }
}
