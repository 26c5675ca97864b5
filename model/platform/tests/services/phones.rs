//! Riders and drivers, as scripts: what each wants next, and patience with a platform that does not answer at once.

use std::cell::Cell;
use std::time::Duration;

use platform::api::error::Rejection;
use platform::api::gateway::{Action, Heard, Look, Request, Response};
use platform::api::matching::OfferView;
use platform::api::pricing::QuoteView;
use platform::api::trips::{OfferAnswer, Progress, TripView};
use platform::api::users::SignIn;
use platform::api::{ApiError, Reply};
use platform::domain::ids::{DriverId, OperatorId, OrganisationId, RiderId, TripId, VehicleId};
use platform::domain::place::Coordinate;
use platform::domain::rider::PhoneNumber;
use platform::domain::session::{Caller, SessionKey, SessionToken};
use platform::domain::trip::{Assignment, Drive, State};
use platform::domain::vehicle::{Papers, VehicleClass};
use ports::{IdempotencyKey, Retry};
use runtime::call::{CallContext, Caller as Connection};
use runtime::net::Address;
use runtime::sleep;

pub const PICKUP: Coordinate = Coordinate { latitude_microdegrees: 40_750_000, longitude_microdegrees: -73_980_000 };
pub const DROPOFF: Coordinate = Coordinate { latitude_microdegrees: 40_770_000, longitude_microdegrees: -73_960_000 };

/// A drive of the path between the two.
pub const DRIVE: Drive = Drive { distance_m: 3_770, duration_s: 733 };

/// Papers of the vehicle with the driver's number, an ordinary one, that are in force for longer than any test.
pub fn papers(driver: i64) -> Papers {
    let (vehicle, class, until_ns) = (VehicleId(driver), VehicleClass::Standard, i64::MAX);
    Papers {
        vehicle,
        organisation: None,
        class,
        registered_until_ns: until_ns,
        inspected_until_ns: until_ns,
        insured_until_ns: until_ns,
    }
}

/// Under which number a rider is reached.
fn number_of(caller: Caller) -> Option<PhoneNumber> {
    match caller {
        Caller::Rider(rider) => Some(PhoneNumber(12_125_550_000 + rider.0.unsigned_abs())),
        Caller::Driver(_) | Caller::Operator(_) => None,
    }
}

pub struct Phone {
    gateways: Vec<Address>,
    caller: Caller,
    session: Option<SessionToken>,
    keys: Cell<u128>,
}

impl Phone {
    /// A phone that has signed in.
    pub async fn rider(gateways: &[Address], id: i64) -> Self {
        Self::sign_in(gateways, Caller::Rider(RiderId(id)), None).await
    }

    /// The phone of a driver who is on duty at the pickup and whose pings go on by themselves.
    pub async fn driver(gateways: &[Address], id: i64) -> Self {
        Self::driver_of(gateways, id, papers(id)).await
    }

    /// As [`driver`](Self::driver), in the vehicle of these papers.
    pub async fn driver_of(gateways: &[Address], id: i64, papers: Papers) -> Self {
        let phone = Self::off_duty_driver(gateways, id).await;
        phone.ask(Action::GoOnDuty { papers }).await.expect("a driver may go on duty");
        let pings = Self { gateways: phone.gateways.clone(), keys: Cell::new(0), ..phone };
        drop(runtime::spawn(async move {
            loop {
                let _ = pings.attempt(&Action::Ping { at: PICKUP, class: papers.class, available: true }).await;
                sleep(Duration::from_secs(4)).await;
            }
        }));
        phone
    }

    /// A driver's phone that has signed in.
    pub async fn off_duty_driver(gateways: &[Address], id: i64) -> Self {
        Self::driver_for(gateways, id, None).await
    }

    /// As [`off_duty_driver`](Self::off_duty_driver), of somebody who drives for this company.
    pub async fn driver_for(gateways: &[Address], id: i64, organisation: Option<OrganisationId>) -> Self {
        Self::sign_in(gateways, Caller::Driver(DriverId(id)), organisation).await
    }

    /// Somebody who works for the platform, signed in by the company.
    pub fn operator(gateways: &[Address], id: i64) -> Self {
        let caller = Caller::Operator(OperatorId(id));
        let session = Some(SessionKey::new(crate::world::SESSION_SECRET).sign(caller, 0));
        Self { gateways: gateways.to_vec(), caller, session, keys: Cell::new(0) }
    }

    async fn sign_in(gateways: &[Address], caller: Caller, organisation: Option<OrganisationId>) -> Self {
        let mut phone = Self { gateways: gateways.to_vec(), caller, session: None, keys: Cell::new(0) };
        match phone.ask(Action::SignIn(SignIn { caller, secret: 42, organisation, number: number_of(caller) })).await {
            Ok(Response::SignedIn(session)) => phone.session = Some(session),
            other => panic!("{other:?}"),
        }
        phone
    }

    /// A key that no other phone and no earlier wish has.
    pub fn key(&self) -> IdempotencyKey {
        self.keys.set(self.keys.get() + 1);
        let caller = match self.caller {
            Caller::Rider(rider) => rider.0,
            Caller::Driver(driver) => -driver.0,
            Caller::Operator(operator) => operator.0 << 20,
        };
        IdempotencyKey(u128::from(caller.cast_unsigned()) << 32 | self.keys.get())
    }

    /// One attempt, at a gateway that moves on with time.
    pub async fn attempt(&self, action: &Action) -> Reply<Response> {
        self.attempt_with(action, 3).await
    }

    /// One attempt that the platform may repeat so often in all.
    pub async fn attempt_with(&self, action: &Action, retry_budget: u8) -> Reply<Response> {
        let turn = runtime::now().nanos() / 1_000_000_007;
        let gateway = self.gateways[turn as usize % self.gateways.len()];
        let kept = match action {
            Action::Listen { keep_for_ms, .. } => Duration::from_millis(u64::from(*keep_for_ms)),
            _ => Duration::ZERO,
        };
        let limit = Duration::from_secs(5) + kept;
        let Ok(Ok(gateway)) = runtime::timeout(limit, Connection::<Request, Reply<Response>>::connect(gateway)).await
        else {
            return Err(ApiError::Unavailable);
        };
        let request = Request { session: self.session, action: action.clone() };
        let answer = gateway.call(request, CallContext::within(limit, retry_budget)).await;
        answer.unwrap_or(Err(ApiError::OutcomeUnknown))
    }

    /// Attempts until there is an answer that repeating cannot change.
    pub async fn ask(&self, action: Action) -> Reply<Response> {
        loop {
            match self.attempt(&action).await {
                Err(error) if error.retry() != Retry::Useless => sleep(Duration::from_millis(700)).await,
                answer => return answer,
            }
        }
    }

    pub async fn quote(&self) -> QuoteView {
        self.quote_for(None).await
    }

    pub async fn quote_for(&self, class: Option<VehicleClass>) -> QuoteView {
        match self.ask(Action::Quote { pickup: PICKUP, dropoff: DROPOFF, class }).await {
            Ok(Response::Quote(quote)) => quote,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for something about a trip.
    pub async fn trip(&self, action: Action) -> Reply<TripView> {
        match self.ask(action).await? {
            Response::Trip(trip) => Ok(trip),
            other => panic!("{other:?}"),
        }
    }

    /// Requests a trip on a new quote.
    pub async fn request_trip(&self) -> TripView {
        self.request_trip_in(None).await
    }

    /// Requests a trip in such a vehicle on a new quote.
    pub async fn request_trip_in(&self, class: Option<VehicleClass>) -> TripView {
        let quote = self.quote_for(class).await.id;
        self.trip(Action::RequestTrip { quote, key: self.key() }).await.expect("the quote is good")
    }

    /// Waits until the trip is in this state.
    pub async fn wait_for(&self, trip: TripId, state: State) -> TripView {
        loop {
            let view = self.trip(Action::TripStatus { trip }).await.expect("it is this phone's trip");
            if view.state == state {
                return view;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits for an offer.
    pub async fn offer(&self) -> OfferView {
        loop {
            match self.ask(Action::PollOffer).await {
                Ok(Response::Offer(Some(offer))) => return offer,
                Ok(_) => sleep(Duration::from_millis(500)).await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Listens once, for as long as phones do.
    pub async fn listen(&self, look: Look) -> Heard {
        match self.ask(Action::Listen { look, keep_for_ms: 12_000 }).await {
            Ok(Response::Heard(heard)) => heard,
            other => panic!("{other:?}"),
        }
    }

    pub async fn answer(&self, offer: OfferView, answer: OfferAnswer) -> Reply<TripView> {
        let OfferView { trip, token, .. } = offer;
        self.trip(Action::AnswerOffer { trip, token, answer, key: self.key() }).await
    }

    pub async fn advance(&self, trip: TripId, assignment: Assignment, progress: Progress) -> Reply<TripView> {
        self.trip(Action::Advance { trip, assignment, progress, key: self.key() }).await
    }

    /// Takes the next offer that is not taken back meanwhile.
    pub async fn accept_next(&self) -> (TripId, Assignment) {
        loop {
            let offer = self.offer().await;
            match self.answer(offer, OfferAnswer::Accept).await {
                Ok(view) => return (view.id, view.assignment.expect("an accepted trip has a driver")),
                Err(ApiError::Rejected { reason: Rejection::OfferOver }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Takes the next offer and drives it to its end.
    pub async fn drive_next(&self) -> TripId {
        let (trip, assignment) = self.accept_next().await;
        for progress in [Progress::Departed, Progress::Arrived, Progress::PickedUp] {
            self.advance(trip, assignment, progress).await.expect("the next step of a trip");
            sleep(Duration::from_secs(5)).await;
        }
        self.advance(trip, assignment, Progress::DroppedOff(DRIVE)).await.expect("the last step of a trip");
        trip
    }
}
