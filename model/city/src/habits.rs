//! What phones send and what people do, in the mean: the usual, which a city file may replace.

use std::time::Duration;

/// What a phone sends, and how long people take between the steps of a trip. Durations are above 0; a city file may replace them.
#[derive(Clone, Debug, PartialEq)]
pub struct PhoneHabits {
    /// Between two position pings of a moving driver. Every 4 s, as Uber's driver app is reported to do.
    pub ping_every: Duration,
    /// Between two heartbeats of a driver who stands. Assumption: 20 s.
    pub heartbeat_every: Duration,
    /// Between two looks of an idle driver for an offer. Assumption: 4 s, as the push channel's heartbeat.
    pub offer_poll_every: Duration,
    /// Between two looks of a waiting rider at their trip. Assumption: 5 s.
    pub waiting_poll_every: Duration,
    /// Between two looks of a riding rider at their trip. Assumption: 15 s.
    pub riding_poll_every: Duration,
    /// Mean pause of a rider after seeing a price. Assumption: 8 s.
    pub deciding: Duration,
    /// From seeing an offer to answering it, in the mean. Assumption: 4 s, a third of an offer of 12 s.
    pub reaction: Duration,
    /// From the driver's arrival to the start of the trip, in the mean. Assumption: 60 s.
    pub boarding: Duration,
    /// How long a driver waits at the pickup for a rider who does not come. 5 min, as ride-hailing platforms publish.
    pub no_show: Duration,
    /// A rider who changes their mind does it within this from the request, evenly. Assumption: 2 min.
    pub cancel_within: Duration,
    /// Drivers open the app within this from the start of a run, evenly. Assumption: 30 s, so that they do not come as one wave.
    pub shift_spread: Duration,
    /// Quotes that a rider who opens the app asks for, at least 1. Assumption: 1.5.
    pub quotes_per_rider: f64,
    /// Share of the riders who open the app that request a trip, in (0, 1]. Assumption: 0.6.
    pub request_share: f64,
    /// Share of the requested trips that their rider cancels if the trip has not begun by then, in [0, 1). Assumption: 0.03.
    pub cancel_share: f64,
    /// Share of the riders with a trip, of those who do not cancel, that do not come to the pickup, in [0, 1). Assumption: 0.01.
    pub no_show_share: f64,
    /// Share of the rides that their rider ends on the way, in [0, 1]. Assumption: 0.01.
    pub leave_early_share: f64,
    /// Share of the accepted trips that their driver gives back on the way to the pickup, in [0, 1). Assumption: 0.02.
    pub give_back_share: f64,
    /// Share of the offers that drivers accept, in (0, 1]. Assumption: 0.9.
    pub accept_share: f64,
    /// Share of the riders who look at the receipt when their trip is over, in [0, 1]. Assumption: 0.3; the rest trust the notification.
    pub receipt_share: f64,
    /// Share of the riders who ask the platform to forget them when their trip is over, in [0, 1]. Assumption: 0.005; far more than anywhere,
    /// so that every rehearsal has some.
    pub erasure_share: f64,
    /// Share of the drivers that is not idle, in (0, 1): who plans the supply aims at it. Assumption: 0.6.
    pub utilisation: f64,
}

impl Default for PhoneHabits {
    fn default() -> PhoneHabits {
        PhoneHabits {
            ping_every: Duration::from_secs(4),
            heartbeat_every: Duration::from_secs(20),
            offer_poll_every: Duration::from_secs(4),
            waiting_poll_every: Duration::from_secs(5),
            riding_poll_every: Duration::from_secs(15),
            deciding: Duration::from_secs(8),
            reaction: Duration::from_secs(4),
            boarding: Duration::from_secs(60),
            no_show: Duration::from_secs(5 * 60),
            cancel_within: Duration::from_secs(2 * 60),
            shift_spread: Duration::from_secs(30),
            quotes_per_rider: 1.5,
            request_share: 0.6,
            cancel_share: 0.03,
            no_show_share: 0.01,
            leave_early_share: 0.01,
            give_back_share: 0.02,
            accept_share: 0.9,
            receipt_share: 0.3,
            erasure_share: 0.005,
            utilisation: 0.6,
        }
    }
}

/// Who leaves early does it after so much of the way, evenly within (assumption: nobody gets in to get out again).
pub(crate) const LEFT_AT: std::ops::Range<f64> = 0.3..0.9;

const LEFT_AT_MEAN: f64 = (LEFT_AT.start + LEFT_AT.end) / 2.0;

impl PhoneHabits {
    /// Every duration under the key that a city file gives it.
    pub(crate) fn durations(&mut self) -> [(&'static str, &mut Duration); 11] {
        [
            ("ping-every-s", &mut self.ping_every),
            ("heartbeat-every-s", &mut self.heartbeat_every),
            ("offer-poll-every-s", &mut self.offer_poll_every),
            ("waiting-poll-every-s", &mut self.waiting_poll_every),
            ("riding-poll-every-s", &mut self.riding_poll_every),
            ("deciding-s", &mut self.deciding),
            ("reaction-s", &mut self.reaction),
            ("boarding-s", &mut self.boarding),
            ("no-show-s", &mut self.no_show),
            ("cancel-within-s", &mut self.cancel_within),
            ("shift-spread-s", &mut self.shift_spread),
        ]
    }

    /// From the request to the driver's acceptance, in the mean: each offer waits for the driver's next look, then for the driver.
    pub(crate) fn matching_s(&self) -> f64 {
        (self.offer_poll_every.as_secs_f64() / 2.0 + self.reaction.as_secs_f64()) / self.accept_share
    }

    /// Share of the requested trips that are driven.
    pub(crate) fn driven(&self) -> f64 {
        (1.0 - self.cancel_share) * (1.0 - self.no_show_share)
    }

    /// Share of the requested trips whose rider is waited for in vain.
    pub(crate) fn absent(&self) -> f64 {
        (1.0 - self.cancel_share) * self.no_show_share
    }

    /// How many more drivers than one a trip has: each gives it back half-way to the pickup.
    pub(crate) fn again(&self) -> f64 {
        self.give_back_share / (1.0 - self.give_back_share)
    }

    /// The part of its way that a ride goes, in the mean.
    pub(crate) fn ridden(&self) -> f64 {
        1.0 - self.leave_early_share * (1.0 - LEFT_AT_MEAN)
    }
}
