//! A rider's journey, from opening the app to the end of the trip or to giving up.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use platform::api::error::{ApiError, Rejection};
use platform::api::gateway::{Action, Look, Response};
use platform::api::trips::TripView;
use platform::domain::ids::{QuoteId, RiderId};
use platform::domain::session::Caller;
use platform::domain::trip::State;
use ports::observe::{Observation, ReceiptRead};
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, sleep, sleep_until};

use super::answer::Unfulfilled;
use super::beat::Beat;
use super::chance::coin;
use super::crowd::{Doing, Ride};
use super::motion::coordinate;
use super::patience::about;
use super::phone::Phone;
use super::vehicle;
use super::world::World;
use crate::demand::TripWish;
use crate::habits::LEFT_AT;

/// How often a rider whose trip the platform has forgotten asks for another. Assumption: then a taxi is hailed.
const STARTS_OVER_MAX: u32 = 2;

/// What this rider does if all goes well: drawn before anything is sent, so that it is the same over any two runs of one demand.
struct Plan {
    quotes: u32,
    requests: bool,
    /// When the rider changes their mind, counted from the request.
    cancels_after: Option<Duration>,
    /// Whether the rider comes to the pickup.
    shows_up: bool,
    ride: Ride,
}

/// How a trip ended for its rider.
enum Ended {
    /// With what the phone showed of it last, if there was a trip.
    Over(Option<TripView>),
    /// The platform knows nothing of a trip that it had acknowledged, and the rider still stands at the kerb.
    Forgotten,
}

impl Plan {
    fn draw(world: &World, decided: bool, stream: &mut Stream) -> Plan {
        let habits = &world.habits;
        let more_quotes = habits.quotes_per_rider - habits.quotes_per_rider.floor();
        let quotes = habits.quotes_per_rider.floor() as u32 + u32::from(coin(more_quotes, stream));
        let requests = coin(habits.request_share, stream) || decided;
        let window = habits.cancel_within.mul_f64(stream.random());
        let cancels_after = coin(habits.cancel_share, stream).then_some(window);
        let shows_up = !coin(habits.no_show_share, stream);
        let leaves_at = coin(habits.leave_early_share, stream).then(|| stream.random_range(LEFT_AT));
        Plan { quotes: quotes.max(1), requests, cancels_after, shows_up, ride: Ride { leaves_at } }
    }
}

/// A rider opens the app. `decided` riders request a trip whatever it costs.
pub(super) async fn open_app(world: Rc<World>, rider: RiderId, wish: TripWish, decided: bool) {
    let owner = Caller::Rider(rider);
    let mut stream = runtime::random::stream(&format!("choices of rider {rider} from {}", now().nanos()));
    let plan = Plan::draw(&world, decided, &mut stream);
    // Apart from the other choices, none of which depends on it.
    let mut afterwards = runtime::random::stream(&format!("afterwards of rider {rider} from {}", now().nanos()));
    let [reads_receipt, wants_to_be_forgotten] =
        [world.habits.receipt_share, world.habits.erasure_share].map(|share| coin(share, &mut afterwards));
    let phone = Rc::new(Phone::new(owner, world.clone()));
    let mut travelled = None;
    for _ in 0..=STARTS_OVER_MAX {
        if let Ended::Over(shown) = try_to_travel(&phone, &plan, wish, &mut stream).await {
            travelled = shown.filter(|view| !view.state.is_active());
            break;
        }
    }
    world.crowd.end(owner);
    if let Some(view) = travelled {
        if reads_receipt {
            read_receipt(&phone, view).await;
        }
        if wants_to_be_forgotten && phone.insist("erasure", &Action::EraseMe, now()).await.is_ok() {
            return; // and never comes back
        }
    }
    world.resting.borrow_mut().push_back(rider);
}

/// From looking at prices to the end of the trip, if there is one.
async fn try_to_travel(phone: &Rc<Phone>, plan: &Plan, wish: TripWish, stream: &mut Stream) -> Ended {
    let crowd = &phone.world.crowd;
    crowd.begin(phone.owner, Doing::Looking, None);
    let Some(quote) = look(phone, plan, wish, stream).await.filter(|_| plan.requests) else { return Ended::Over(None) };
    crowd.begin(phone.owner, Doing::Requesting, None);
    match request(phone, quote, stream).await {
        Some(view) => travel(phone, view, plan).await,
        None => Ended::Over(None),
    }
}

/// Looks up what the trip came to, when it is over.
async fn read_receipt(phone: &Phone, seen: TripView) {
    let action = Action::Receipt { trip: seen.id, seen_version: seen.version };
    if let Ok(Response::Receipt(receipt)) = phone.act("receipt", &action, now()).await {
        let (trip, seen_version, shown_version) = (seen.id.0, seen.version, receipt.version);
        let read = ReceiptRead { trip, seen_version, shown_version, at: now() };
        phone.world.observer.observe(&Observation::ReceiptRead(read));
    }
}

/// Signs in and asks for prices; the last one.
async fn look(phone: &Phone, plan: &Plan, wish: TripWish, stream: &mut Stream) -> Option<QuoteId> {
    phone.sign_in().await?;
    let class = match phone.owner {
        Caller::Rider(rider) => vehicle::needed_by(rider),
        Caller::Driver(_) | Caller::Operator(_) => None,
    };
    let action = Action::Quote { pickup: coordinate(wish.pickup), dropoff: coordinate(wish.dropoff), class };
    let mut quote = None;
    for _ in 0..plan.quotes {
        let Ok(Response::Quote(view)) = phone.act("quote", &action, now()).await else { return None };
        quote = Some(view.id);
        sleep(about(phone.world.habits.deciding, stream)).await;
    }
    quote
}

/// Requests the trip, tapping again under a new key where that failed.
async fn request(phone: &Phone, quote: QuoteId, stream: &mut Stream) -> Option<TripView> {
    let patience = &phone.world.patience;
    let mut unknown = None;
    for taps in 0..=patience.retaps {
        let key = phone.new_key();
        match phone.act("request", &Action::RequestTrip { quote, key }, now()).await {
            Ok(Response::Trip(view)) => return Some(view),
            // An earlier tap took effect after all: its key fetches the answer that was lost.
            Err(Unfulfilled::Answered(ApiError::Rejected { reason: Rejection::AlreadyOnTrip })) => {
                let Some(key) = unknown else {
                    call_off_unknown_trip(phone).await;
                    continue;
                };
                return match phone.act("request", &Action::RequestTrip { quote, key }, now()).await {
                    Ok(Response::Trip(view)) => Some(view),
                    _ => None,
                };
            }
            Err(Unfulfilled::GaveUp) => unknown = Some(key),
            _ => return None,
        }
        if taps == patience.retaps || !coin(patience.retap_share, stream) {
            return None;
        }
        sleep(about(patience.retap_after, stream)).await;
    }
    None
}

/// Cancels the trip that the platform says the rider is on, and of which the rider knows nothing: a store that lost what came after brought it back.
async fn call_off_unknown_trip(phone: &Phone) {
    if let Ok(Response::ActiveTrip(Some(view))) = phone.act("active-trip", &Action::ActiveTrip, now()).await {
        let action = Action::CancelTrip { trip: view.id, key: phone.new_key() };
        // If it cannot be, it ends by itself, and the next tap finds out.
        let _ = phone.act("cancel", &action, now()).await;
    }
}

/// Waits and rides, until the platform says that the trip is over or that it will not be.
async fn travel(phone: &Rc<Phone>, view: TripView, plan: &Plan) -> Ended {
    let trip = Trip { phone, requested_at: now(), view: Cell::new(view) };
    let (habits, crowd) = (&phone.world.habits, &phone.world.crowd);
    crowd.begin(phone.owner, Doing::Waiting, Some(view.id));
    if plan.shows_up {
        crowd.wait_at_kerb(view.id, plan.ride);
    }
    let beat = RefCell::new(Beat::new(
        now() + habits.waiting_poll_every,
        habits.waiting_poll_every,
        phone.world.patience.timeout,
    ));
    let every = || if trip.has_begun() { habits.riding_poll_every } else { habits.waiting_poll_every };
    let look = |at, alone| {
        let look = Look::Trip { trip: view.id, seen: trip.view.get().version };
        phone.clone().look("status", look, (at, every()), alone)
    };
    let missed = |at| phone.missed("status", at);
    let watching = async {
        while trip.is_open() {
            let answer = poll_fn(|context| {
                let alone = phone.listens();
                beat.borrow_mut().poll(context, (every(), alone), |at| look(at, alone), missed)
            });
            match answer.await {
                Ok(Response::Trip(view)) => trip.take(view),
                // There is nothing to wait for; a rider who sits in the car is driven all the same.
                Err(Unfulfilled::Answered(ApiError::NotFound)) => return !crowd.is_on_board(view.id),
                _ => {}
            }
        }
        false
    };
    let is_forgotten = runtime::select! {
        is_forgotten = watching => is_forgotten,
        () = trip.lose_patience(plan) => false,
    };
    crowd.leave_kerb(view.id);
    poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
    if is_forgotten { Ended::Forgotten } else { Ended::Over(Some(trip.view.get())) }
}

/// The rider's side of a trip.
struct Trip<'a> {
    phone: &'a Phone,
    requested_at: Time,
    view: Cell<TripView>,
}

impl Trip<'_> {
    /// What the phone shows from now on, unless it has seen a newer state.
    fn take(&self, view: TripView) {
        if view.version < self.view.get().version {
            return;
        }
        let began = !self.has_begun();
        self.view.set(view);
        if began && self.has_begun() {
            self.phone.world.crowd.begin(self.phone.owner, Doing::Riding, Some(view.id));
        }
    }

    fn is_open(&self) -> bool {
        self.view.get().state.is_active()
    }

    fn has_begun(&self) -> bool {
        self.view.get().state == State::InProgress
    }

    /// Cancels when the rider changes their mind or has waited too long; returns when that ended the trip.
    async fn lose_patience(&self, plan: &Plan) {
        let patience = &self.phone.world.patience;
        if let Some(after) = plan.cancels_after {
            sleep_until(self.requested_at + after).await;
            if self.cancel().await {
                return;
            }
        }
        sleep_until(self.requested_at + patience.unmatched).await;
        if self.view.get().assignment.is_none() && self.cancel().await {
            return;
        }
        sleep_until(self.requested_at + patience.unserved).await;
        if self.cancel().await {
            return;
        }
        std::future::pending().await
    }

    /// Whether the trip is cancelled now. A rider who sits in the car does not want it; one who wants it walks away at once.
    async fn cancel(&self) -> bool {
        let trip = self.view.get().id;
        let crowd = &self.phone.world.crowd;
        if self.has_begun() || crowd.is_on_board(trip) {
            return false;
        }
        crowd.leave_kerb(trip);
        let action = Action::CancelTrip { trip, key: self.phone.new_key() };
        match self.phone.insist("cancel", &action, now()).await {
            Ok(Response::Trip(view)) => self.take(view),
            Ok(_) | Err(ApiError::NotFound) => return true,
            // It ended or began meanwhile: the polls tell which.
            Err(_) => {}
        }
        !self.is_open()
    }
}
