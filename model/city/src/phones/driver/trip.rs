//! A trip as its driver lives it: the road goes on whether or not the platform answers, and what happened is told in order until it is heard.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use platform::api::error::ApiError;
use platform::api::gateway::Action;
use platform::api::trips::{Progress, TripView};
use platform::domain::ids::TripId;
use platform::domain::place::Coordinate;
use platform::domain::trip::{Assignment, Drive};
use runtime::{Time, now, sleep_until};
use tokio::sync::Notify;

use super::super::crowd::Doing;
use super::super::motion::{Motion, point};
use super::super::patience::about;
use super::Driver;
use crate::point::Place;

/// What the platform has yet to hear of a trip.
struct Reports {
    trip: TripId,
    assignment: Assignment,
    waiting: RefCell<VecDeque<(Progress, Time)>>,
    added: Notify,
}

impl Reports {
    fn add(&self, progress: Progress) {
        self.waiting.borrow_mut().push_back((progress, now()));
        self.added.notify_one();
    }

    async fn next(&self) -> (Progress, Time) {
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
        reports.add(Progress::Departed);
        self.go_to(view.pickup).await;
        reports.add(Progress::Arrived);
        let arrived_at = now();
        let boarding = about(world.habits.boarding, &mut self.choices.borrow_mut());
        sleep_until(arrived_at + boarding).await;
        if !world.crowd.board(view.id) {
            sleep_until(arrived_at + boarding.max(world.habits.no_show)).await;
            if !world.crowd.board(view.id) {
                reports.add(Progress::RiderDidNotShow);
                return;
            }
        }
        has_passenger.set(true);
        reports.add(Progress::PickedUp);
        world.crowd.begin(self.phone.owner, Doing::Driving, Some(view.id));
        let picked_up_at = now();
        let from = self.motion.get().place(picked_up_at);
        let to = self.go_to(view.dropoff).await;
        let drive = Drive {
            distance_m: world.city.distance_m(from, to).ceil() as u32,
            duration_s: whole_seconds(now().since(picked_up_at)),
        };
        has_passenger.set(false);
        reports.add(Progress::DroppedOff(drive));
    }

    async fn go_to(&self, there: Coordinate) -> Place {
        let city = &self.phone.world.city;
        let to = point(there);
        let to = Place { point: to, zone: city.zone_at(to) };
        let from = self.motion.get().place(now());
        let minute = self.phone.world.minute(now());
        let takes = city.draw_duration(from, to, minute, &mut *self.choices.borrow_mut());
        self.motion.set(Motion::leg(from.point, to, now(), now() + takes));
        sleep_until(now() + takes).await;
        to
    }

    /// Tells what happened, in order, each until it is acknowledged. An error is the platform's refusal.
    async fn report(&self, reports: &Reports) -> Result<(), ApiError> {
        loop {
            let (progress, happened_at) = reports.next().await;
            let Reports { trip, assignment, .. } = *reports;
            let action = Action::Advance { trip, assignment, progress, key: self.phone.new_key() };
            self.phone.insist("progress", &action, happened_at).await?;
            if matches!(progress, Progress::DroppedOff(_) | Progress::RiderDidNotShow) {
                return Ok(());
            }
        }
    }
}

/// Rounded up, so that a drive never looks shorter than it was.
fn whole_seconds(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}
