//! Notifications: who is told what of a trip, over which channel, for how long it is worth telling, and what happens when it cannot be told.
//!
//! A channel that fails is tried again later, from a retry topic, so that nobody waits behind it; when its tries are over the next channel has
//! its turn, and after the last the message is dead: a person looks at it.

use serde::{Deserialize, Serialize};

use super::ids::TripId;
use super::outbox::DomainEvent;
use super::session::Caller;
use super::trip::{EventKind, State};

pub use super::schema::delivery::{Channel, Telling};

impl Channel {
    fn next(self) -> Option<Self> {
        match self {
            Self::Push => Some(Self::Sms),
            Self::Sms => Some(Self::Email),
            Self::Email => None,
        }
    }
}

/// One thing to be told to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notification {
    pub trip: TripId,
    /// The trip's version that it tells of.
    pub sequence: i64,
    pub event: EventKind,
    /// The state in which the event left the trip.
    pub state: State,
    pub recipient: Caller,
    pub channel: Channel,
    /// Tries on this channel so far.
    pub tries: u8,
    /// On the retry topics: not to be tried before.
    pub due_at_ns: i64,
    /// Not worth telling after.
    pub expires_at_ns: i64,
}

/// Retry topics, by how long a message waits in each. One topic has one wait, so its first message is always the first to be due.
/// Assumption: a hiccup, an outage of a minute, an outage of some.
pub const RETRY_WAITS_NS: [i64; 3] = [5_000_000_000, 30_000_000_000, 120_000_000_000];

/// What is to become of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The next channel has its turn, at once.
    Escalate(Notification),
    /// It goes to the retry topic of this number.
    Retry(usize, Notification),
    /// Nobody can tell it: to the dead letters.
    Dead(Notification),
}

/// Why a notification is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Its time is over.
    Expired,
    /// The trip has gone on, and what it says is no longer so.
    Superseded,
}

/// What the event means to tell, and to whom. Nothing is told of what a person did, to the same person.
pub fn of(event: &DomainEvent) -> Vec<Notification> {
    const MINUTE_NS: i64 = 60_000_000_000;
    let rider = Some(Caller::Rider(event.rider));
    let driver = event.driver.map(Caller::Driver);
    // For how long: what says that somebody is about to come is of no use soon after; what says what was paid is for a day.
    let (recipient, lifetime_ns) = match event.event {
        EventKind::OfferMade => (driver, MINUTE_NS / 4),
        EventKind::OfferAccepted | EventKind::DriverArrived => (rider, 5 * MINUTE_NS),
        EventKind::Reassigned | EventKind::SearchEnded | EventKind::SystemCancelled => (rider, 10 * MINUTE_NS),
        EventKind::RiderDidNotShow | EventKind::PaymentCaptured | EventKind::WrittenToArrears => {
            (rider, 24 * 60 * MINUTE_NS)
        }
        _ => return Vec::new(),
    };
    let tell = |recipient| Notification {
        trip: event.trip,
        sequence: event.sequence,
        event: event.event,
        state: event.state,
        recipient,
        channel: Channel::Push,
        tries: 0,
        due_at_ns: event.at_ns,
        expires_at_ns: event.at_ns + lifetime_ns,
    };
    recipient.map(tell).into_iter().collect()
}

impl Notification {
    /// Whether it is still worth telling, given the trip's newest known version and state.
    pub fn check(&self, (sequence, state): (i64, State), now_ns: i64) -> Result<(), Dropped> {
        if now_ns >= self.expires_at_ns {
            return Err(Dropped::Expired);
        }
        let still_so = sequence <= self.sequence || self.holds_in(state);
        if still_so { Ok(()) } else { Err(Dropped::Superseded) }
    }

    /// Whether what it says is still so of a trip that has come to this state.
    fn holds_in(&self, state: State) -> bool {
        match self.event {
            EventKind::OfferAccepted => matches!(state, State::Accepted | State::EnRoutePickup),
            EventKind::Reassigned => matches!(state, State::Matching | State::Offered),
            // An end stays true, and so does what was paid.
            EventKind::PaymentCaptured | EventKind::WrittenToArrears | EventKind::RiderDidNotShow => true,
            _ => state == self.state,
        }
    }

    /// What is to be done after a try that failed. `permanent` says that this channel will not do: no such phone.
    pub fn failed(self, permanent: bool, now_ns: i64) -> Fate {
        let retry = usize::from(self.tries);
        if !permanent && let Some(wait_ns) = RETRY_WAITS_NS.get(retry) {
            return Fate::Retry(retry, Self { tries: self.tries + 1, due_at_ns: now_ns + wait_ns, ..self });
        }
        match self.channel.next() {
            Some(channel) => Fate::Escalate(Self { channel, tries: 0, due_at_ns: now_ns, ..self }),
            None => Fate::Dead(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{DriverId, RiderId};

    fn event(event: EventKind, state: State) -> DomainEvent {
        DomainEvent {
            trip: TripId(1),
            sequence: 4,
            rider: RiderId(2),
            event,
            state,
            attempt: 1,
            epoch: 1,
            driver: Some(DriverId(3)),
            charge_minor: None,
            at_ns: 1_000,
        }
    }

    fn arrived() -> Notification {
        of(&event(EventKind::DriverArrived, State::Arrived))[0]
    }

    #[test]
    fn an_offer_is_told_to_its_driver_and_an_arrival_to_the_rider() {
        let offer = of(&event(EventKind::OfferMade, State::Offered));
        assert_eq!(offer.iter().map(|n| n.recipient).collect::<Vec<_>>(), [Caller::Driver(DriverId(3))]);
        assert_eq!((arrived().recipient, arrived().channel), (Caller::Rider(RiderId(2)), Channel::Push));
        assert_eq!(of(&event(EventKind::PickedUp, State::InProgress)), []);
    }

    #[test]
    fn what_is_no_longer_so_is_not_told() {
        let arrived = arrived();
        assert_eq!(arrived.check((4, State::Arrived), 2_000), Ok(()));
        assert_eq!(arrived.check((5, State::CancelledByRider), 2_000), Err(Dropped::Superseded));
        assert_eq!(arrived.check((4, State::Arrived), arrived.expires_at_ns), Err(Dropped::Expired));
        let paid = of(&event(EventKind::PaymentCaptured, State::Settled))[0];
        assert_eq!(paid.check((9, State::Settled), 2_000), Ok(()));
        let found = of(&event(EventKind::OfferAccepted, State::Accepted))[0];
        assert_eq!(found.check((5, State::EnRoutePickup), 2_000), Ok(()));
        assert_eq!(found.check((5, State::Matching), 2_000), Err(Dropped::Superseded));
    }

    #[test]
    fn a_message_goes_through_every_retry_and_every_channel_and_then_to_the_dead() {
        let (mut notification, mut steps) = (arrived(), Vec::new());
        let dead = loop {
            match notification.failed(false, 5_000) {
                Fate::Retry(topic, next) => {
                    assert_eq!(next.due_at_ns, 5_000 + RETRY_WAITS_NS[topic]);
                    steps.push((next.channel, Some(topic)));
                    notification = next;
                }
                Fate::Escalate(next) => {
                    steps.push((next.channel, None));
                    notification = next;
                }
                Fate::Dead(dead) => break dead,
            }
        };
        use Channel::{Email, Push, Sms};
        let expected: Vec<(Channel, Option<usize>)> = [(Push, Some(Sms)), (Sms, Some(Email)), (Email, None)]
            .into_iter()
            .flat_map(|(channel, next)| {
                (0..3).map(move |topic| (channel, Some(topic))).chain(next.map(|next| (next, None)))
            })
            .collect();
        assert_eq!(steps, expected);
        assert_eq!(dead.channel, Email);
        assert!(matches!(arrived().failed(true, 0), Fate::Escalate(next) if next.channel == Sms));
    }
}
