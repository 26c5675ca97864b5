//! A phone: its owner's session, and requests on the owner's behalf, each observed from the moment it was meant.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use platform::api::gateway::{Action, Request, Response};
use platform::api::{ApiError, users};
use platform::domain::ids::{DriverId, RiderId};
use platform::domain::session::{Caller, SessionToken};
use ports::observe::{JourneyEnded, JourneyOutcome, Observation, Tier};
use ports::{IdempotencyKey, Retry};
use runtime::random::{RngExt, Stream};
use runtime::{Time, now, sleep, timeout};
use tokio::sync::Mutex;

use super::line::Line;
use super::{World, secret};

/// Why a phone did not get what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfulfilled {
    /// The platform said no, and would say it again.
    Answered(ApiError),
    /// The phone gave up: it may have happened.
    GaveUp,
}

pub(super) type Answer = Result<Response, Unfulfilled>;

pub(super) struct Phone {
    pub(super) owner: Caller,
    pub(super) world: Rc<World>,
    line: Line,
    session: Cell<Option<SessionToken>>,
    signing_in: Mutex<()>,
    /// Keys and back-off: apart from the owner's choices, so that trouble does not change what people want.
    stream: RefCell<Stream>,
}

impl Phone {
    pub(super) fn new(owner: Caller, world: Rc<World>) -> Phone {
        let name = match owner {
            Caller::Rider(rider) => format!("rider {rider}"),
            Caller::Driver(driver) => format!("driver {driver}"),
        };
        // A rider who comes back has a later journey: the moment tells them apart.
        let stream = |what| runtime::random::stream(&format!("{what} of {name} from {}", now().nanos()));
        let line = Line::new(world.lookup.clone(), stream("line"));
        let signing_in = Mutex::new(());
        Phone { owner, world, line, session: Cell::new(None), signing_in, stream: RefCell::new(stream("phone")) }
    }

    /// A key for a new intention.
    pub(super) fn new_key(&self) -> IdempotencyKey {
        IdempotencyKey(self.stream.borrow_mut().random())
    }

    /// A request that repeats by itself: one attempt, counted from its beat and over when its time-out is, however late it was sent.
    pub(super) async fn tick(self: Rc<Self>, kind: &'static str, action: Action, intended_at: Time) -> Answer {
        let deadline = intended_at + self.world.patience.timeout;
        let mut attempts = 0;
        let mut answer = Err(Unfulfilled::GaveUp);
        if deadline > now() {
            attempts = 1;
            answer = self.attempt(action, deadline).await;
        }
        self.observe(kind, intended_at, attempts, &answer);
        answer
    }

    /// A request that repeats by itself and could not even be sent.
    pub(super) fn missed(&self, kind: &'static str, intended_at: Time) {
        let ended_at = intended_at + self.world.patience.timeout;
        self.observe_end(kind, intended_at, ended_at, 0, JourneyOutcome::Failed);
    }

    /// What a person wants: several attempts, the same in every one of them.
    pub(super) async fn act(&self, kind: &'static str, action: &Action, intended_at: Time) -> Answer {
        let patience = &self.world.patience;
        let mut attempts = 0;
        let answer = loop {
            attempts += 1;
            let answer = self.attempt(action.clone(), now() + patience.timeout).await;
            if answer != Err(Unfulfilled::GaveUp) || attempts >= patience.attempts {
                break answer;
            }
            let backoff = patience.backoff(attempts, &mut self.stream.borrow_mut());
            sleep(backoff).await;
        };
        self.observe(kind, intended_at, attempts, &answer);
        answer
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

    /// Gets a session if there is none; whether there is one.
    pub(super) async fn sign_in(&self) -> Option<SessionToken> {
        let _turn = self.signing_in.lock().await;
        if let Some(session) = self.session.get() {
            return Some(session);
        }
        let action = Action::SignIn(users::SignIn { caller: self.owner, secret: secret(runtime::seed(), self.owner) });
        if let Ok(Response::SignedIn(session)) = self.act("sign-in", &action, now()).await {
            self.session.set(Some(session));
        }
        self.session.get()
    }

    async fn attempt(&self, action: Action, deadline: Time) -> Answer {
        let session = match self.session.get() {
            _ if matches!(action, Action::SignIn(_)) => None,
            // Rare, and it comes back here: boxed.
            None => match timeout(deadline.since(now()), Box::pin(self.sign_in())).await {
                Ok(Some(session)) => Some(session),
                _ => return Err(Unfulfilled::GaveUp),
            },
            session => session,
        };
        match self.line.call(Request { session, action }, deadline, &self.world.patience).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(ApiError::Unauthenticated)) if session.is_some() => {
                self.session.set(None);
                Err(Unfulfilled::GaveUp)
            }
            Ok(Err(error)) if error.retry() == Retry::Useless => Err(Unfulfilled::Answered(error)),
            _ => Err(Unfulfilled::GaveUp),
        }
    }

    fn observe(&self, kind: &'static str, intended_at: Time, attempts: u32, answer: &Answer) {
        let outcome = match answer {
            Ok(_) => JourneyOutcome::Succeeded,
            // The platform did not answer as it should: it broke, or does not know what it acknowledged.
            Err(Unfulfilled::Answered(ApiError::Internal | ApiError::NotFound | ApiError::Unauthenticated)) => {
                JourneyOutcome::Failed
            }
            Err(Unfulfilled::Answered(_)) => JourneyOutcome::Refused,
            Err(Unfulfilled::GaveUp) => JourneyOutcome::Failed,
        };
        self.observe_end(kind, intended_at, now(), attempts, outcome);
    }

    fn observe_end(
        &self,
        kind: &'static str,
        intended_at: Time,
        ended_at: Time,
        attempts: u32,
        outcome: JourneyOutcome,
    ) {
        let (Caller::Rider(RiderId(number)) | Caller::Driver(DriverId(number))) = self.owner;
        let actor = number.cast_unsigned();
        let ended = JourneyEnded { kind, tier: Tier::Critical, actor, intended_at, ended_at, attempts, outcome };
        self.world.observer.observe(&Observation::JourneyEnded(ended));
    }
}
