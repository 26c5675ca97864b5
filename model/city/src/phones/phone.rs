//! A phone: its owner's session, and requests on the owner's behalf, each observed from the moment it was meant.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use platform::api::gateway::{Action, Look, Request, Response};
use platform::api::{ApiError, users};
use platform::domain::ids::{DriverId, OperatorId, RiderId, TripId};
use platform::domain::rider::PhoneNumber;
use platform::domain::session::{Caller, SessionToken};
use ports::observe::{AttemptFailed, JourneyEnded, JourneyOutcome, Kept, Observation, Tier};
use ports::{IdempotencyKey, Retry};
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, sleep, timeout};
use tokio::sync::Mutex;

use super::answer::{Answer, Attempt, Unfulfilled};
use super::asked::{Asked, UnderWay};
use super::line::Line;
use super::secret::secret;
use super::world::World;
use super::{code, vehicle};

pub(super) struct Phone {
    pub(super) owner: Caller,
    pub(super) world: Rc<World>,
    line: Rc<Line>,
    asked: Rc<RefCell<Asked>>,
    session: Cell<Option<SessionToken>>,
    signing_in: Mutex<()>,
    /// From when on it listens, where there is a push channel: before, it looks by itself.
    pub(super) listens_from: Cell<Time>,
    /// Keys and back-off: apart from the owner's choices, so that trouble does not change what people want.
    pub(super) stream: RefCell<Stream>,
}

impl Phone {
    pub(super) fn new(owner: Caller, world: Rc<World>) -> Phone {
        let name = match owner {
            Caller::Rider(rider) => format!("rider {rider}"),
            Caller::Driver(driver) => format!("driver {driver}"),
            Caller::Operator(operator) => format!("operator {operator}"),
        };
        // A rider who comes back has a later journey: the moment tells them apart.
        let stream = |what| runtime::random::stream(&format!("{what} of {name} from {}", now().nanos()));
        let line = Rc::new(Line::new(world.lookups.of(owner).clone(), stream("line")));
        let asked = Rc::default();
        world.crowd.has_phone(owner, &line, &asked);
        let signing_in = Mutex::new(());
        Phone {
            owner,
            world,
            line,
            asked,
            session: Cell::new(None),
            signing_in,
            listens_from: Cell::new(Time::ZERO),
            stream: RefCell::new(stream("phone")),
        }
    }

    /// A key for a new intention.
    pub(super) fn new_key(&self) -> IdempotencyKey {
        IdempotencyKey(self.stream.borrow_mut().random())
    }

    /// A request that repeats by itself: one attempt, counted from its beat and over when its time-out is, however late it was sent.
    pub(super) async fn tick(self: Rc<Self>, kind: &'static str, action: Action, intended_at: Time) -> Answer {
        let deadline = intended_at + self.world.patience.timeout;
        let trip = trip_of(&action);
        let mut attempts = 0;
        let mut attempt = Err((Unfulfilled::GaveUp, code::NOT_SENT));
        let request = self.sends(kind, trip);
        if deadline > now() {
            attempts = 1;
            attempt = self.attempt(action, deadline).await;
        }
        if let Some(request) = request {
            request.ends(&attempt);
        }
        self.observe(kind, trip, (intended_at, Kept::default()), attempts, &attempt);
        attempt.map_err(|(why, _)| why)
    }

    /// A request that repeats by itself and could not even be sent.
    pub(super) fn missed(&self, kind: &'static str, intended_at: Time) {
        let ended_at = intended_at + self.world.patience.timeout;
        let ending = (JourneyOutcome::Failed, Some(code::NOT_SENT));
        self.observe_end(kind, None, (intended_at, ended_at, Kept::default()), 0, ending);
    }

    /// What a person wants: several attempts, the same in every one of them.
    pub(super) async fn act(&self, kind: &'static str, action: &Action, intended_at: Time) -> Answer {
        let patience = &self.world.patience;
        let mut number = 0;
        let attempt = loop {
            number += 1;
            let began_at = now();
            let request = Asked::sends(&self.asked, kind);
            let attempt = self.attempt(action.clone(), began_at + patience.timeout).await;
            request.ends(&attempt);
            let error = match attempt {
                Err((Unfulfilled::GaveUp, error)) if number < patience.attempts => error,
                attempt => break attempt,
            };
            let failed = AttemptFailed { kind, actor: self.actor(), number, began_at, ended_at: now(), error };
            self.world.observer.observe(&Observation::AttemptFailed(failed));
            let backoff = patience.backoff(number, &mut self.stream.borrow_mut());
            sleep(backoff).await;
        };
        self.observe(kind, trip_of(action), (intended_at, Kept::default()), number, &attempt);
        attempt.map_err(|(why, _)| why)
    }

    /// What the phone repeats until the platform has answered, whatever its owner does meanwhile. The first round counts from `intended_at`.
    pub(super) async fn insist(
        &self,
        kind: &'static str,
        action: &Action,
        intended_at: Time,
    ) -> Result<Response, ApiError> {
        let mut intended_at = intended_at;
        loop {
            match self.act(kind, action, intended_at).await {
                Ok(response) => return Ok(response),
                // A service that failed may be well later; what the phone has to say stays true.
                Err(Unfulfilled::GaveUp | Unfulfilled::Answered(ApiError::Internal)) => {}
                Err(Unfulfilled::Answered(error)) => return Err(error),
            }
            let backoff = self.world.patience.backoff(u32::MAX, &mut self.stream.borrow_mut());
            sleep(backoff).await;
            intended_at = now();
        }
    }

    /// Remembers that what repeats by itself is sent, if it is about a trip: nobody is pending for the sake of a ping.
    pub(super) fn sends(&self, kind: &'static str, trip: Option<TripId>) -> Option<UnderWay<'_>> {
        trip.is_some().then(|| Asked::sends(&self.asked, kind))
    }

    /// The same of a look that the platform keeps until there is news.
    pub(super) fn listens_for(&self, kind: &'static str, trip: Option<TripId>) -> Option<UnderWay<'_>> {
        trip.is_some().then(|| Asked::listens(&self.asked, kind))
    }

    /// Gets a session if there is none; whether there is one.
    pub(super) async fn sign_in(&self) -> Option<SessionToken> {
        let _turn = self.signing_in.lock().await;
        if let Some(session) = self.session.get() {
            return Some(session);
        }
        let organisation = match self.owner {
            Caller::Driver(driver) => vehicle::organisation_of(driver),
            Caller::Rider(_) | Caller::Operator(_) => None,
        };
        let (caller, secret) = (self.owner, secret(runtime::seed(), self.owner));
        let action = Action::SignIn(users::SignIn { caller, secret, organisation, number: number_of(caller) });
        if let Ok(Response::SignedIn(session)) = self.act("sign-in", &action, now()).await {
            self.session.set(Some(session));
        }
        self.session.get()
    }

    pub(super) async fn attempt(&self, action: Action, deadline: Time) -> Attempt {
        let session = match self.session.get() {
            _ if matches!(action, Action::SignIn(_)) => None,
            // Rare, and it comes back here: boxed.
            None => match timeout(deadline.since(now()), Box::pin(self.sign_in())).await {
                Ok(Some(session)) => Some(session),
                _ => return Err((Unfulfilled::GaveUp, code::NOT_SIGNED_IN)),
            },
            session => session,
        };
        let (listens, patience) = (matches!(action, Action::Listen { .. }), &self.world.patience);
        let request = Request { session, action };
        let answer = if listens {
            self.line.listen(request, deadline, patience).await
        } else {
            self.line.call(request, deadline, patience).await
        };
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let mut why = Unfulfilled::GaveUp;
                if error == ApiError::Unauthenticated && session.is_some() {
                    self.session.set(None);
                } else if error.retry() == Retry::Useless {
                    why = Unfulfilled::Answered(error);
                }
                Err((why, code::of_error(error)))
            }
            Err(silence) => Err((Unfulfilled::GaveUp, code::of_silence(silence))),
        }
    }

    pub(super) fn observe(
        &self,
        kind: &'static str,
        asked: Option<TripId>,
        (intended_at, kept): (Time, Kept),
        attempts: u32,
        attempt: &Attempt,
    ) {
        let ending = match attempt {
            Ok(_) => (JourneyOutcome::Succeeded, None),
            // The platform did not answer as it should: it broke, or does not know what it acknowledged.
            Err((
                Unfulfilled::Answered(ApiError::Internal | ApiError::NotFound | ApiError::Unauthenticated),
                error,
            )) => (JourneyOutcome::Failed, Some(*error)),
            Err((Unfulfilled::Answered(_), error)) => (JourneyOutcome::Refused, Some(*error)),
            Err((Unfulfilled::GaveUp, error)) => (JourneyOutcome::Failed, Some(*error)),
        };
        let told = match attempt {
            Ok(Response::Trip(view)) => Some(view.id),
            _ => None,
        };
        self.observe_end(kind, asked.or(told), (intended_at, now(), kept), attempts, ending);
    }

    fn observe_end(
        &self,
        kind: &'static str,
        trip: Option<TripId>,
        (intended_at, ended_at, kept): (Time, Time, Kept),
        attempts: u32,
        (outcome, error): (JourneyOutcome, Option<&'static str>),
    ) {
        let tier = if matches!(kind, "receipt" | "erasure") { Tier::Standard } else { Tier::Critical };
        let (actor, trip) = (self.actor(), trip.map(|trip| trip.0));
        let ended = JourneyEnded { kind, tier, actor, trip, intended_at, ended_at, kept, attempts, outcome, error };
        self.world.observer.observe(&Observation::JourneyEnded(ended));
    }

    pub(super) fn actor(&self) -> u64 {
        let (Caller::Rider(RiderId(number)) | Caller::Driver(DriverId(number)) | Caller::Operator(OperatorId(number))) =
            self.owner;
        number.cast_unsigned()
    }
}

/// A rider's telephone number, in New York (assumption: no two riders of a run share one).
fn number_of(caller: Caller) -> Option<PhoneNumber> {
    match caller {
        Caller::Rider(rider) => Some(PhoneNumber(19_170_000_000 + rider.0.cast_unsigned())),
        Caller::Driver(_) | Caller::Operator(_) => None,
    }
}

/// The trip that this is about.
pub(super) fn trip_of(action: &Action) -> Option<TripId> {
    match action {
        Action::CancelTrip { trip, .. }
        | Action::TripStatus { trip }
        | Action::Receipt { trip, .. }
        | Action::Listen { look: Look::Trip { trip, .. }, .. }
        | Action::AnswerOffer { trip, .. }
        | Action::Advance { trip, .. } => Some(*trip),
        _ => None,
    }
}
