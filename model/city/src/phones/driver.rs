//! A driver's shift: sign in, go on duty, wait for offers, answer them, and ping all the while.

mod resume;
mod trip;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use platform::api::error::{ApiError, Rejection};
use platform::api::gateway::{Action, Look, Response};
use platform::api::matching::OfferView;
use platform::api::trips::{OfferAnswer, Progress, TripView};
use platform::domain::ids::{DriverId, TripId};
use platform::domain::session::Caller;
use platform::domain::trip::Assignment;
use ports::observe::{DriverPosition, Observation};
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, sleep, sleep_until};

use super::answer::{Answer, Unfulfilled};
use super::beat::Beat;
use super::chance::coin;
use super::crowd::Doing;
use super::motion::{Motion, coordinate};
use super::patience::about;
use super::phone::Phone;
use super::vehicle;
use super::world::World;
use crate::drivers::DriverSeed;

/// Heartbeats that may go unanswered before a driver's phone takes it that the platform thinks it gone, and reports for duty again.
/// Assumption: one may be lost, two are an interruption (a platform takes a driver for lost after some 30 s).
const HEARTBEATS_MISSED: u32 = 2;

struct Driver {
    id: DriverId,
    phone: Rc<Phone>,
    motion: Cell<Motion>,
    /// When a ping was acknowledged last.
    heard_at: Cell<Time>,
    /// Waiting for a trip.
    available: Cell<bool>,
    /// What the platform was told of that last.
    told_available: Cell<bool>,
    /// The platform may think that this driver is off duty.
    must_report: Cell<bool>,
    /// The platform thinks that this driver has a trip.
    must_resume: Cell<bool>,
    /// What the phone keeps of the last trip.
    kept: RefCell<Option<Kept>>,
    choices: RefCell<Stream>,
}

/// What a phone keeps of its trip until it has another.
struct Kept {
    trip: TripId,
    assignment: Assignment,
    /// What it told of it, in order.
    told: Vec<Progress>,
}

/// Runs a driver until the process ends.
pub(super) async fn shift(world: Rc<World>, id: DriverId, seed: DriverSeed) {
    let owner = Caller::Driver(id);
    let mut choices = runtime::random::stream(&format!("choices of driver {id}"));
    let opens_app_at = now() + world.habits.shift_spread.mul_f64(choices.random());
    let (motion, free_at) = match seed {
        DriverSeed::Idle { at } => (Motion::standing(at, now()), now()),
        DriverSeed::Busy { at, free_at, free_in } => {
            (Motion::leg(at.point, free_at, now(), now() + free_in), now() + free_in)
        }
    };
    let driver = Driver {
        id,
        phone: Rc::new(Phone::new(owner, world)),
        motion: Cell::new(motion),
        heard_at: Cell::new(opens_app_at),
        available: Cell::new(false),
        told_available: Cell::new(false),
        must_report: Cell::new(true),
        must_resume: Cell::new(false),
        kept: RefCell::new(None),
        choices: RefCell::new(choices),
    };
    sleep_until(opens_app_at).await;
    while driver.phone.sign_in().await.is_none() {
        let pause = about(driver.phone.world.patience.backoff_cap, &mut driver.choices.borrow_mut());
        sleep(pause).await;
    }
    runtime::select! {
        () = driver.duty(free_at) => {}
        () = driver.pings() => {}
    }
}

impl Driver {
    /// Pings for ever: often while moving, else as a heartbeat.
    async fn pings(&self) {
        let timeout = self.phone.world.patience.timeout;
        let mut beat = Beat::new(self.first_beat(self.ping_every()), self.ping_every(), timeout);
        loop {
            let start = |at| self.phone.clone().tick("ping", self.ping(), at);
            let missed = |at| self.phone.missed("ping", at);
            let answer = poll_fn(|context| {
                // Who is free says so at once: nobody offers a trip to a driver who is thought busy.
                if self.available.get() && !self.told_available.get() {
                    beat.hurry();
                }
                beat.poll(context, (self.ping_every(), false), start, missed)
            })
            .await;
            if answer.is_ok() {
                let silence = now().since(self.heard_at.replace(now()));
                if silence > self.phone.world.habits.heartbeat_every * HEARTBEATS_MISSED {
                    self.must_report.set(true);
                }
            }
        }
    }

    fn ping_every(&self) -> Duration {
        let habits = &self.phone.world.habits;
        if self.motion.get().is_moving(now()) { habits.ping_every } else { habits.heartbeat_every }
    }

    fn ping(&self) -> Action {
        let at = coordinate(self.motion.get().at(now()));
        self.phone.world.observer.observe(&Observation::Position(DriverPosition {
            driver: self.id.0,
            at: now(),
            latitude_microdegrees: at.latitude_microdegrees,
            longitude_microdegrees: at.longitude_microdegrees,
        }));
        let available = self.available.get();
        self.told_available.set(available);
        Action::Ping { at, class: vehicle::class_of(self.id), available }
    }

    /// A first beat somewhere within one period: phones are not in step with each other.
    fn first_beat(&self, every: Duration) -> Time {
        now() + every.mul_f64(self.choices.borrow_mut().random())
    }

    /// Everything but pings: offers and trips, one after the other, until nobody wants any more.
    async fn duty(&self, free_at: Time) {
        sleep_until(free_at).await;
        let habits = &self.phone.world.habits;
        let every = habits.offer_poll_every;
        let beat = RefCell::new(Beat::new(now(), every, self.phone.world.patience.timeout));
        let look = |at, alone| self.phone.clone().look("offer-poll", Look::Offer, (at, every), alone);
        let missed = |at| self.phone.missed("offer-poll", at);
        loop {
            beat.borrow_mut().restart(self.first_beat(every));
            let offer = loop {
                if self.must_report.take() {
                    // Who is off duty looks for no offers.
                    poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
                    self.report_for_duty().await;
                    beat.borrow_mut().restart(self.first_beat(every));
                }
                if self.phone.world.crowd.is_away(self.id) {
                    self.available.set(false);
                    poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
                    self.phone.world.crowd.comes_back(self.id).await;
                    beat.borrow_mut().restart(self.first_beat(every));
                }
                if self.must_resume.take() {
                    self.available.set(false);
                    poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
                    self.resume().await;
                    beat.borrow_mut().restart(self.first_beat(every));
                }
                self.available.set(true);
                let answer = poll_fn(|context| {
                    let alone = self.phone.listens();
                    beat.borrow_mut().poll(context, (every, alone), |at| look(at, alone), missed)
                })
                .await;
                if let Some(offer) = self.offer_in(&answer) {
                    break offer;
                }
                if !self.phone.world.crowd.needs_drivers() {
                    return;
                }
            };
            let reacts_at = now() + about(habits.reaction, &mut self.choices.borrow_mut());
            poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
            sleep_until(reacts_at).await;
            if let Some(view) = self.answer(offer).await {
                self.available.set(false);
                self.serve(view).await;
            }
        }
    }

    fn offer_in(&self, answer: &Answer) -> Option<OfferView> {
        match answer {
            Ok(Response::Offer(offer)) => *offer,
            // The platform does not think that this driver is on duty.
            Err(Unfulfilled::Answered(ApiError::Rejected { reason: Rejection::NotAllowed })) => {
                self.must_report.set(true);
                None
            }
            Err(Unfulfilled::Answered(ApiError::Rejected { reason: Rejection::AlreadyOnTrip })) => {
                self.must_resume.set(true);
                None
            }
            _ => None,
        }
    }

    async fn report_for_duty(&self) {
        // A refusal is as good as an answer: the platform has its own idea of what this driver is doing.
        let now_ns = now().nanos().cast_signed();
        if let Some(papers) = vehicle::papers_by_mistake(self.id, now_ns)
            && self.phone.insist("online", &Action::GoOnDuty { papers }, now()).await.is_ok()
        {
            return;
        }
        let papers = vehicle::papers_of(self.id, now_ns);
        let _ = self.phone.insist("online", &Action::GoOnDuty { papers }, now()).await;
    }

    /// Takes the offer or not; the trip, if this driver has it.
    async fn answer(&self, offer: OfferView) -> Option<TripView> {
        let phone = &self.phone;
        let accepts = coin(phone.world.habits.accept_share, &mut self.choices.borrow_mut());
        let answer = if accepts { OfferAnswer::Accept } else { OfferAnswer::Decline };
        let OfferView { trip, token, .. } = offer;
        let action = Action::AnswerOffer { trip, token, answer, key: phone.new_key() };
        if !accepts {
            // An answer that is lost is a lapse, which is as good.
            let _ = phone.act("offer-answer", &action, now()).await;
            return None;
        }
        phone.world.crowd.begin(phone.owner, Doing::Answering, Some(trip));
        let answer = phone.insist("offer-answer", &action, now()).await;
        phone.world.crowd.end(phone.owner);
        match answer {
            Ok(Response::Trip(view)) => {
                view.assignment.is_some_and(|assignment| assignment.driver == self.id).then_some(view)
            }
            _ => None,
        }
    }

    /// Where the driver is now. The vehicle stops.
    fn halt(&self) {
        self.motion.set(Motion::standing(self.motion.get().place(now()), now()));
    }
}
