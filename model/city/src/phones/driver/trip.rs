//! A trip as its driver lives it: the road goes on whether or not the platform answers, and what happened is told in order until it is heard.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use platform::api::error::{ApiError, Rejection};
use platform::api::gateway::Action;
use platform::api::trips::{Progress, TripView};
use platform::domain::ids::TripId;
use platform::domain::place::Coordinate;
use platform::domain::trip::{Assignment, Drive};
use runtime::{Time, now, sleep, sleep_until};
use tokio::sync::Notify;

use super::super::chance::coin;
use super::super::crowd::{Doing, Ride};
use super::super::motion::{Motion, point};
use super::super::patience::about;
use super::{Driver, Kept};
use crate::zones::Place;

/// What the platform has yet to hear of a trip.
struct Reports {
    trip: TripId,
    assignment: Assignment,
    waiting: RefCell<VecDeque<(Report, Time)>>,
    added: Notify,
}

#[derive(Clone, Copy)]
enum Report {
    Progress(Progress),
    /// The driver does not want the trip any more.
    GivenBack,
}

impl Reports {
    fn add(&self, report: Report) {
        self.waiting.borrow_mut().push_back((report, now()));
        self.added.notify_one();
    }

    async fn next(&self) -> (Report, Time) {
        loop {
            if let Some(report) = self.waiting.borrow_mut().pop_front() {
                return report;
            }
            self.added.notified().await;
        }
    }
}

impl Driver {
    /// Drives the trip to its end, or until the platform says that it is no longer this driver's.
    pub(super) async fn serve(&self, view: TripView) {
        let Some(assignment) = view.assignment else { return };
        let (crowd, owner) = (&self.phone.world.crowd, self.phone.owner);
        crowd.begin(owner, Doing::PickingUp, Some(view.id));
        self.kept.replace(Some(Kept { trip: view.id, assignment, told: Vec::new() }));
        let reports = Reports { trip: view.id, assignment, waiting: RefCell::default(), added: Notify::new() };
        let has_passenger = Cell::new(false);
        {
            let mut driving = pin!(self.drive(&view, &reports, &has_passenger));
            let mut reporting = pin!(self.report(&reports));
            let refused = runtime::select! {
                () = &mut driving => {
                    crowd.begin(owner, Doing::Reporting, Some(view.id));
                    reporting.await.is_err()
                }
                heard = &mut reporting => {
                    // Whatever the platform thinks, a passenger is brought to the end.
                    if has_passenger.get() {
                        driving.await;
                    }
                    heard.is_err()
                }
            };
            // The platform gave the trip to somebody else or ended it: it may think this driver gone.
            self.must_report.set(refused || self.must_report.get());
        }
        self.halt();
        crowd.end(owner);
    }

    /// The physical trip.
    async fn drive(&self, view: &TripView, reports: &Reports, has_passenger: &Cell<bool>) {
        let world = &self.phone.world;
        reports.add(Report::Progress(Progress::Departed));
        let gives_back = coin(world.habits.give_back_share, &mut self.choices.borrow_mut());
        let leg = self.set_off(view.pickup);
        if gives_back {
            sleep_until(leg.after(0.5)).await;
            reports.add(Report::GivenBack);
            return;
        }
        sleep_until(leg.arrives).await;
        reports.add(Report::Progress(Progress::Arrived));
        let Some(ride) = self.wait_for_rider(view.id).await else {
            reports.add(Report::Progress(Progress::RiderDidNotShow));
            return;
        };
        has_passenger.set(true);
        reports.add(Report::Progress(Progress::PickedUp));
        world.crowd.begin(self.phone.owner, Doing::Driving, Some(view.id));
        let last = self.bring(view.dropoff, ride).await;
        has_passenger.set(false);
        reports.add(Report::Progress(last));
    }

    /// Waits at the pickup; none if the rider does not come for too long.
    async fn wait_for_rider(&self, trip: TripId) -> Option<Ride> {
        let world = &self.phone.world;
        let arrived_at = now();
        let boarding = about(world.habits.boarding, &mut self.choices.borrow_mut());
        sleep_until(arrived_at + boarding).await;
        if let Some(ride) = world.crowd.board(trip) {
            return Some(ride);
        }
        sleep_until(arrived_at + boarding.max(world.habits.no_show)).await;
        world.crowd.board(trip)
    }

    /// Drives the passenger to the destination, or for as far as they want.
    async fn bring(&self, there: Coordinate, ride: Ride) -> Progress {
        let leg = self.set_off(there);
        let part = ride.leaves_at.unwrap_or(1.0);
        sleep_until(leg.after(part)).await;
        // Distance is told as the road measures it: evenly along the way.
        let distance_m = self.phone.world.city.distance_m(leg.from, leg.to) * part;
        let drive = Drive { distance_m: distance_m.ceil() as u32, duration_s: whole_seconds(now().since(leg.departs)) };
        if ride.leaves_at.is_some() { Progress::LeftEarly(drive) } else { Progress::DroppedOff(drive) }
    }

    /// Leaves for a place; the way there.
    fn set_off(&self, there: Coordinate) -> Leg {
        let city = &self.phone.world.city;
        let to = point(there);
        let to = Place { point: to, zone: city.zone_at(to) };
        let from = self.motion.get().place(now());
        let minute = self.phone.world.minute(now());
        let takes = city.draw_duration(from, to, minute, &mut *self.choices.borrow_mut());
        let leg = Leg { from, to, departs: now(), arrives: now() + takes };
        self.motion.set(Motion::leg(from.point, to, leg.departs, leg.arrives));
        leg
    }

    /// Tells what happened, in order, each until it is acknowledged. An error is the platform's refusal.
    async fn report(&self, reports: &Reports) -> Result<(), ApiError> {
        loop {
            let (report, happened_at) = reports.next().await;
            let Reports { trip, assignment, .. } = *reports;
            let key = self.phone.new_key();
            match report {
                Report::GivenBack => {
                    let action = Action::CancelTrip { trip, key };
                    return self.phone.insist("cancel", &action, happened_at).await.map(|_| ());
                }
                Report::Progress(Progress::RiderDidNotShow) => return self.report_no_show(reports, happened_at).await,
                Report::Progress(progress) => {
                    if let Some(kept) = &mut *self.kept.borrow_mut() {
                        kept.told.push(progress);
                    }
                    let action = Action::Advance { trip, assignment, progress, key };
                    self.phone.insist("progress", &action, happened_at).await?;
                    if matches!(progress, Progress::DroppedOff(_) | Progress::LeftEarly(_)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Tells that the rider did not come, until the platform agrees that the wait was long enough: it heard of the arrival later.
    async fn report_no_show(&self, reports: &Reports, happened_at: Time) -> Result<(), ApiError> {
        const TOO_EARLY: ApiError = ApiError::Rejected { reason: Rejection::IllegalTransition };
        let Reports { trip, assignment, .. } = *reports;
        let mut intended_at = happened_at;
        loop {
            let (progress, key) = (Progress::RiderDidNotShow, self.phone.new_key());
            let action = Action::Advance { trip, assignment, progress, key };
            match self.phone.insist("progress", &action, intended_at).await {
                Err(TOO_EARLY) => sleep(NO_SHOW_PAUSE).await,
                answer => return answer.map(|_| ()),
            }
            intended_at = now();
        }
    }
}

/// Before a driver tells again that the rider did not come. Assumption.
const NO_SHOW_PAUSE: Duration = Duration::from_secs(10);

/// A way from one place to another.
struct Leg {
    from: Place,
    to: Place,
    departs: Time,
    arrives: Time,
}

impl Leg {
    /// When a part of the way is done.
    fn after(&self, part: f64) -> Time {
        if part >= 1.0 { self.arrives } else { self.departs + self.arrives.since(self.departs).mul_f64(part) }
    }
}

/// Rounded up, so that a drive never looks shorter than it was.
fn whole_seconds(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}
