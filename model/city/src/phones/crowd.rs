//! Who is out there: what the people of the city know of each other without the platform, and what a run asks of them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::{Rc, Weak};

use platform::domain::ids::{DriverId, TripId};
use platform::domain::session::Caller;
use runtime::Time;
use runtime::random::mix;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use super::asked::Asked;
use super::line::Line;

/// Shared by all phones of a run and by whoever drives the run.
#[derive(Default)]
pub struct Crowd {
    stopped: Cell<bool>,
    /// How many others open the app beside each who does, in the mean.
    others: Cell<f64>,
    /// The share of drivers who look for no offers.
    away: Cell<f64>,
    came_back: Notify,
    turned_away: Cell<u64>,
    /// Everybody's latest phone.
    phones: RefCell<BTreeMap<Caller, Known>>,
    /// Everybody who is in the middle of something.
    busy: RefCell<BTreeMap<Caller, Busy>>,
    /// Riders who know which trip they wait for or sit in. Never iterated.
    kerb: RefCell<FxHashMap<TripId, Kerb>>,
}

/// What the crowd can reach of a phone.
struct Known {
    line: Weak<Line>,
    asked: Weak<RefCell<Asked>>,
}

/// What somebody is in the middle of, without what their phone knows.
struct Busy {
    doing: Doing,
    trip: Option<TripId>,
    since: Time,
}

#[derive(Clone, Copy, Debug)]
struct Kerb {
    is_on_board: bool,
    ride: Ride,
}

/// What a rider tells the driver in the car.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ride {
    /// Let me out after this part of the way, please.
    pub(super) leaves_at: Option<f64>,
}

/// What somebody is in the middle of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub who: Caller,
    pub doing: Doing,
    pub trip: Option<TripId>,
    pub since: Time,
    /// What their phone asked for and heard last; none if the phone is gone.
    pub asked: Option<Asked>,
}

/// Steps of a journey, as far as a phone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Rider: the app is open, nothing is requested.
    Looking,
    /// Rider: a trip is being requested.
    Requesting,
    /// Rider: a trip is requested, and the platform does not say yet that it has begun.
    Waiting,
    /// Rider: the platform says that the trip is under way.
    Riding,
    /// Driver: an offer is being answered.
    Answering,
    /// Driver: on the way to the rider, or waiting for them.
    PickingUp,
    /// Driver: the rider is on board.
    Driving,
    /// Driver: what happened is told to the platform.
    Reporting,
}

/// How many people and trips are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Riders between opening the app and the end of their trip.
    pub riders_active: u64,
    /// Trips that a rider or a driver takes for unfinished.
    pub trips_open: u64,
    /// Arrivals for whom no rider was left: the number of riders known to the platform was too small.
    pub riders_missing: u64,
}

impl Crowd {
    pub fn new() -> Crowd {
        Crowd::default()
    }

    /// Nobody opens the app any more; journeys under way go on until they end.
    pub fn stop_demand(&self) {
        self.stopped.set(true);
    }

    /// From now on `factor` times as many people open the app as would have; 1 is as usual.
    pub fn surge(&self, factor: f64) {
        assert!(factor >= 1.0 && factor.is_finite(), "a surge to {factor} times as many");
        self.others.set(factor - 1.0);
    }

    /// From now on this share of the drivers, from 0 to 1, look for no offers once they are free. Always the same ones are the
    /// first to go.
    pub fn send_drivers_away(&self, share: f64) {
        self.away.set(share);
        self.came_back.notify_waiters();
    }

    /// The connections of this share of the phones, from 0 to 1, are closed now. Always the same ones are the first.
    pub fn hang_up(&self, share: f64) {
        for (owner, known) in &*self.phones.borrow() {
            if rank(*owner) < share
                && let Some(line) = known.line.upgrade()
            {
                line.hang_up();
            }
        }
    }

    pub(super) fn has_phone(&self, owner: Caller, line: &Rc<Line>, asked: &Rc<RefCell<Asked>>) {
        let known = Known { line: Rc::downgrade(line), asked: Rc::downgrade(asked) };
        self.phones.borrow_mut().insert(owner, known);
    }

    pub(super) fn others(&self) -> f64 {
        self.others.get()
    }

    pub(super) fn is_away(&self, driver: DriverId) -> bool {
        share_of(driver.0, 0xA_3A1) < self.away.get()
    }

    /// Returns when the driver looks for offers again.
    pub(super) async fn comes_back(&self, driver: DriverId) {
        loop {
            let came_back = self.came_back.notified();
            if !self.is_away(driver) {
                return;
            }
            came_back.await;
        }
    }

    pub fn counts(&self) -> Counts {
        let busy = self.busy.borrow();
        let trips: BTreeSet<TripId> = busy.values().filter_map(|busy| busy.trip).collect();
        Counts {
            riders_active: busy.keys().filter(|who| matches!(who, Caller::Rider(_))).count() as u64,
            trips_open: trips.len() as u64,
            riders_missing: self.turned_away.get(),
        }
    }

    /// What is still open and why, riders first.
    pub fn pending(&self) -> Vec<Pending> {
        let phones = self.phones.borrow();
        let asked_by = |who: &Caller| phones.get(who)?.asked.upgrade().map(|asked| asked.borrow().clone());
        let pending = |(who, busy): (&Caller, &Busy)| {
            let Busy { doing, trip, since } = *busy;
            Pending { who: *who, doing, trip, since, asked: asked_by(who) }
        };
        self.busy.borrow().iter().map(pending).collect()
    }

    /// Whether a driver who is idle may yet be wanted: somebody may still open the app, or has no driver.
    pub(super) fn needs_drivers(&self) -> bool {
        let unserved = |busy: &Busy| matches!(busy.doing, Doing::Looking | Doing::Requesting | Doing::Waiting);
        !self.stopped.get() || self.busy.borrow().values().any(unserved)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(super) fn turn_away(&self) {
        self.turned_away.set(self.turned_away.get() + 1);
    }

    pub(super) fn begin(&self, who: Caller, doing: Doing, trip: Option<TripId>) {
        self.busy.borrow_mut().insert(who, Busy { doing, trip, since: runtime::now() });
    }

    pub(super) fn end(&self, who: Caller) {
        self.busy.borrow_mut().remove(&who);
    }

    /// The rider waits for this trip at the pickup.
    pub(super) fn wait_at_kerb(&self, trip: TripId, ride: Ride) {
        self.kerb.borrow_mut().entry(trip).or_insert(Kerb { is_on_board: false, ride });
    }

    /// The rider waits no more.
    pub(super) fn leave_kerb(&self, trip: TripId) {
        self.kerb.borrow_mut().remove(&trip);
    }

    /// The rider gets in, if they are there.
    pub(super) fn board(&self, trip: TripId) -> Option<Ride> {
        let mut kerb = self.kerb.borrow_mut();
        let rider = kerb.get_mut(&trip)?;
        rider.is_on_board = true;
        Some(rider.ride)
    }

    pub(super) fn is_on_board(&self, trip: TripId) -> bool {
        self.kerb.borrow().get(&trip).is_some_and(|kerb| kerb.is_on_board)
    }
}

/// Where a number stands among all, from 0 to 1; `what` is what it is ranked for.
fn share_of(number: i64, what: u64) -> f64 {
    mix(number.cast_unsigned(), what) as f64 / u64::MAX as f64
}

fn rank(owner: Caller) -> f64 {
    match owner {
        Caller::Rider(rider) => share_of(rider.0, 0xCA_11),
        Caller::Driver(driver) => share_of(driver.0, 0xCA_12),
        Caller::Operator(operator) => share_of(operator.0, 0xCA_13),
    }
}

impl Pending {
    /// Why they are not done, as far as their phone knows.
    pub fn why(&self) -> String {
        match &self.asked {
            Some(asked) => asked.to_string(),
            None => "its phone is gone, and with it what it asked for".to_owned(),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Caller::Rider(rider) => write!(out, "rider {rider}")?,
            Caller::Driver(driver) => write!(out, "driver {driver}")?,
            Caller::Operator(operator) => write!(out, "operator {operator}")?,
        }
        let doing = match self.doing {
            Doing::Looking => "looks at prices",
            Doing::Requesting => "requests a trip",
            Doing::Waiting => "waits",
            Doing::Riding => "rides",
            Doing::Answering => "answers an offer",
            Doing::PickingUp => "is to pick up",
            Doing::Driving => "drives",
            Doing::Reporting => "reports a trip that is over",
        };
        write!(out, " {doing}")?;
        if let Some(trip) = self.trip {
            write!(out, " (trip {trip})")?;
        }
        write!(out, " since {}", self.since)
    }
}

#[cfg(test)]
mod tests {
    use platform::domain::ids::RiderId;

    use super::*;

    #[test]
    fn nobody_knows_what_a_phone_asked_for_that_is_gone() {
        let crowd = Crowd::new();
        let busy = Busy { doing: Doing::Waiting, trip: None, since: Time::ZERO };
        crowd.busy.borrow_mut().insert(Caller::Rider(RiderId(1)), busy);
        let pending = crowd.pending();
        assert_eq!((pending.len(), pending[0].asked.as_ref()), (1, None));
        assert_eq!(pending[0].why(), "its phone is gone, and with it what it asked for");
    }
}
