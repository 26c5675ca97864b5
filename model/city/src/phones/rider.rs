//! A rider's journey, from opening the app to the end of the trip or to giving up.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use platform::api::error::{ApiError, Rejection};
use platform::api::gateway::{Action, Response};
use platform::api::trips::TripView;
use platform::domain::ids::{QuoteId, RiderId};
use platform::domain::session::Caller;
use platform::domain::trip::State;
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, sleep, sleep_until};

use super::beat::Beat;
use super::crowd::Doing;
use super::motion::coordinate;
use super::patience::about;
use super::phone::{Phone, Unfulfilled};
use super::{World, coin};
use crate::demand::TripWish;

/// What this rider does if all goes well: drawn before anything is sent, so that it is the same over any two runs of one demand.
struct Plan {
    quotes: u32,
    requests: bool,
    /// When the rider changes their mind, counted from the request.
    cancels_after: Option<Duration>,
}

impl Plan {
    fn draw(world: &World, decided: bool, stream: &mut Stream) -> Plan {
        let habits = &world.habits;
        let more_quotes = habits.quotes_per_rider - habits.quotes_per_rider.floor();
        let quotes = habits.quotes_per_rider.floor() as u32 + u32::from(coin(more_quotes, stream));
        let requests = coin(habits.request_share, stream) || decided;
        let window = habits.cancel_within.mul_f64(stream.random());
        let cancels_after = coin(habits.cancel_share, stream).then_some(window);
        Plan { quotes: quotes.max(1), requests, cancels_after }
    }
}

/// A rider opens the app. `decided` riders request a trip whatever it costs.
pub(super) async fn open_app(world: Rc<World>, rider: RiderId, wish: TripWish, decided: bool) {
    let owner = Caller::Rider(rider);
    let mut stream = runtime::random::stream(&format!("choices of rider {rider} from {}", now().nanos()));
    let plan = Plan::draw(&world, decided, &mut stream);
    let phone = Rc::new(Phone::new(owner, world.clone()));
    world.crowd.begin(owner, Doing::Looking, None);
    if let Some(quote) = look(&phone, &plan, wish, &mut stream).await
        && plan.requests
    {
        world.crowd.begin(owner, Doing::Requesting, None);
        if let Some(view) = request(&phone, quote, &mut stream).await {
            travel(&phone, view, &plan).await;
        }
    }
    world.crowd.end(owner);
    world.resting.borrow_mut().push_back(rider);
}

/// Signs in and asks for prices; the last one.
async fn look(phone: &Phone, plan: &Plan, wish: TripWish, stream: &mut Stream) -> Option<QuoteId> {
    phone.sign_in().await?;
    let action = Action::Quote { pickup: coordinate(wish.pickup), dropoff: coordinate(wish.dropoff) };
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
                let action = Action::RequestTrip { quote, key: unknown? };
                return match phone.act("request", &action, now()).await {
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

/// Waits and rides, until the platform says that the trip is over or that it will not be.
async fn travel(phone: &Rc<Phone>, view: TripView, plan: &Plan) {
    let trip = Trip { phone, requested_at: now(), view: Cell::new(view) };
    let (habits, crowd) = (&phone.world.habits, &phone.world.crowd);
    crowd.begin(phone.owner, Doing::Waiting, Some(view.id));
    crowd.wait_at_kerb(view.id);
    let beat = RefCell::new(Beat::new(
        now() + habits.waiting_poll_every,
        habits.waiting_poll_every,
        phone.world.patience.timeout,
    ));
    let poll = |at| phone.clone().tick("status", Action::TripStatus { trip: view.id }, at);
    let missed = |at| phone.missed("status", at);
    let watching = async {
        while trip.is_open() {
            let every = if trip.has_begun() { habits.riding_poll_every } else { habits.waiting_poll_every };
            match poll_fn(|context| beat.borrow_mut().poll(context, every, poll, missed)).await {
                Ok(Response::Trip(view)) => trip.take(view),
                // The platform knows nothing of the trip that it acknowledged: there is nothing to wait for.
                Err(Unfulfilled::Answered(ApiError::NotFound)) => return,
                _ => {}
            }
        }
    };
    runtime::select! {
        () = watching => {}
        () = trip.lose_patience(plan) => {}
    }
    crowd.leave_kerb(view.id);
    poll_fn(|context| beat.borrow_mut().poll_rest(context, missed)).await;
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
