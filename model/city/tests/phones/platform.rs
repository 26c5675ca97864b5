//! A platform that keeps its word, in one process and without a database: what phones are tried against.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use platform::api::error::{ApiError, Rejection};
use platform::api::gateway::{Action, Heard, Look, News, Request, Response};
use platform::api::geo::Noted;
use platform::api::matching::OfferView;
use platform::api::pricing::QuoteView;
use platform::api::trips::{OfferAnswer, Progress, ReceiptView, TripView};
use platform::domain::ids::{DriverId, FencingToken, QuoteId, RiderId, TripId};
use platform::domain::money::Currency;
use platform::domain::place::Coordinate;
use platform::domain::session::{Caller, SessionKey, SessionToken};
use platform::domain::trip::{Assignment, EventKind, State};
use ports::IdempotencyKey;
use runtime::{Time, now};
use tokio::sync::Notify;

/// What the platform does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Serving,
    /// It carries requests out and never says so.
    Mute,
    /// It refuses everything for now.
    Unavailable,
    /// It knows no session any more, and whoever signs in hears nothing.
    SignedOut,
    /// Whoever cancels a trip hears nothing, and it is not done.
    DeafToCancels,
}

struct Trip {
    rider: RiderId,
    view: TripView,
    /// Who has an offer, and its token.
    offered: Option<(DriverId, FencingToken)>,
    refused_by: Vec<DriverId>,
}

#[derive(Default)]
struct Driver {
    online: bool,
    available: bool,
    at: Option<Coordinate>,
    offer: Option<TripId>,
    trip: Option<TripId>,
}

/// The platform, and what it was asked.
pub struct Platform {
    pub mood: Cell<Mood>,
    /// So many requests for a trip are carried out and never answered.
    pub swallowed_requests: Cell<u32>,
    /// Requests of riders and drivers, in order.
    pub log: RefCell<Vec<(Time, Option<Caller>, Action)>>,
    key: SessionKey,
    quotes: RefCell<BTreeMap<QuoteId, (Coordinate, Coordinate)>>,
    trips: RefCell<BTreeMap<TripId, Trip>>,
    drivers: RefCell<BTreeMap<DriverId, Driver>>,
    answers: RefCell<BTreeMap<IdempotencyKey, Result<Response, ApiError>>>,
    searching: RefCell<Vec<TripId>>,
    tokens: Cell<i64>,
    /// Whether requests are logged: not where millions come.
    pub logs: Cell<bool>,
    /// Rung when there may be news for somebody who listens.
    bells: RefCell<BTreeMap<Caller, Rc<Notify>>>,
}

impl Platform {
    pub fn new() -> Rc<Platform> {
        Rc::new(Platform {
            mood: Cell::new(Mood::Serving),
            swallowed_requests: Cell::new(0),
            log: RefCell::default(),
            key: SessionKey::new([7; 32]),
            quotes: RefCell::default(),
            trips: RefCell::default(),
            drivers: RefCell::default(),
            answers: RefCell::default(),
            searching: RefCell::default(),
            tokens: Cell::new(0),
            logs: Cell::new(true),
            bells: RefCell::default(),
        })
    }

    /// Serves phones on a port of the current host, for ever.
    pub async fn serve(self: Rc<Self>, port: u16) {
        let serving = runtime::call::serve(port, move |request: Request, _| {
            let platform = self.clone();
            async move {
                if platform.is_deaf_to(&request.action) {
                    runtime::task::forever().await;
                }
                let is_request = matches!(request.action, Action::RequestTrip { .. });
                let answer = match request.action {
                    Action::Listen { look, keep_for_ms } => {
                        platform.listen(request.session, look, Duration::from_millis(keep_for_ms.into())).await
                    }
                    _ => platform.handle(request),
                };
                if platform.mood.get() == Mood::Mute || is_request && platform.swallows() {
                    runtime::task::forever().await;
                }
                answer
            }
        });
        let _port = serving.expect("the port is free");
        runtime::task::forever().await;
    }

    /// Keeps the request until there is news.
    async fn listen(
        &self,
        session: Option<SessionToken>,
        look: Look,
        keep_for: Duration,
    ) -> Result<Response, ApiError> {
        let since = now();
        let bell = session.map(|session| self.bells.borrow_mut().entry(session.caller).or_default().clone());
        loop {
            let rung = bell.as_ref().map(|bell| bell.notified());
            let action = match look {
                Look::Offer => Action::PollOffer,
                Look::Trip { trip, .. } => Action::TripStatus { trip },
            };
            let news = match self.handle(Request { session, action })? {
                Response::Offer(offer) => News::Offer(offer),
                Response::Trip(view) => News::Trip(view),
                other => panic!("no look shows {other:?}"),
            };
            let kept = now().since(since);
            let left = keep_for.saturating_sub(kept);
            let Some(rung) = rung.filter(|_| !news.is_new(look) && !left.is_zero()) else {
                return Ok(Response::Heard(Heard { news, kept_ns: kept.as_nanos() as u64, hears: true }));
            };
            // Too late is time to look once more.
            let _ = runtime::timeout(left, rung).await;
        }
    }

    fn ring(&self, caller: Caller) {
        if let Some(bell) = self.bells.borrow().get(&caller) {
            bell.notify_waiters();
        }
    }

    fn is_deaf_to(&self, action: &Action) -> bool {
        match self.mood.get() {
            Mood::SignedOut => matches!(action, Action::SignIn(_)),
            Mood::DeafToCancels => matches!(action, Action::CancelTrip { .. }),
            Mood::Serving | Mood::Mute | Mood::Unavailable => false,
        }
    }

    fn swallows(&self) -> bool {
        let left = self.swallowed_requests.get();
        self.swallowed_requests.set(left.saturating_sub(1));
        left > 0
    }

    pub fn trips_in(&self, state: State) -> usize {
        self.trips.borrow().values().filter(|trip| trip.view.state == state).count()
    }

    fn handle(&self, request: Request) -> Result<Response, ApiError> {
        let caller = match request.session {
            Some(session) => {
                Some(self.key.check(session, now().nanos() as i64).map_err(|_| ApiError::Unauthenticated)?)
            }
            None => None,
        };
        if self.logs.get() {
            self.log.borrow_mut().push((now(), caller, request.action.clone()));
        }
        if self.mood.get() == Mood::Unavailable {
            return Err(ApiError::Unavailable);
        }
        if self.mood.get() == Mood::SignedOut {
            return Err(ApiError::Unauthenticated);
        }
        match (caller, request.action) {
            (None, Action::SignIn(sign_in)) => {
                assert_eq!(sign_in.secret, city::phones::secret(runtime::seed(), sign_in.caller));
                Ok(Response::SignedIn(self.key.sign(sign_in.caller, now().nanos() as i64)))
            }
            (Some(Caller::Rider(rider)), action) => self.rider(rider, action),
            (Some(Caller::Driver(driver)), action) => self.driver(driver, action),
            (Some(Caller::Operator(_)), action) => panic!("no phone is an operator's: {action:?}"),
            (None, _) => Err(ApiError::Unauthenticated),
        }
    }

    fn once(
        &self,
        key: IdempotencyKey,
        act: impl FnOnce() -> Result<Response, ApiError>,
    ) -> Result<Response, ApiError> {
        if let Some(answer) = self.answers.borrow().get(&key) {
            return answer.clone();
        }
        let answer = act();
        self.answers.borrow_mut().insert(key, answer.clone());
        answer
    }

    fn rider(&self, rider: RiderId, action: Action) -> Result<Response, ApiError> {
        match action {
            Action::Quote { pickup, dropoff, .. } => {
                let id = QuoteId(self.quotes.borrow().len() as i64 + 1);
                self.quotes.borrow_mut().insert(id, (pickup, dropoff));
                Ok(Response::Quote(QuoteView {
                    id,
                    estimate_minor: 1_000,
                    ceiling_minor: 1_500,
                    currency: Currency::Usd,
                    multiplier_per_mille: 1_000,
                    expires_at_ns: i64::MAX,
                }))
            }
            Action::RequestTrip { quote, key } => self.once(key, || self.create(rider, quote)),
            Action::CancelTrip { trip, key } => {
                self.once(key, || self.step(trip, EventKind::RiderCancelled, |trip| trip.rider == rider))
            }
            Action::TripStatus { trip } => self.view(trip),
            Action::Receipt { trip, .. } => self.receipt(trip),
            Action::EraseMe => Ok(Response::Done),
            Action::ActiveTrip => Ok(self.active(|trip| trip.rider == rider)),
            other => panic!("a rider does not ask for {other:?}"),
        }
    }

    fn driver(&self, id: DriverId, action: Action) -> Result<Response, ApiError> {
        match action {
            Action::GoOnDuty { papers } => {
                assert!(papers.inspected_until_ns > now().nanos() as i64, "{papers:?}");
                self.drivers.borrow_mut().entry(id).or_default().online = true;
                Ok(Response::Done)
            }
            Action::Ping { at, available, .. } => {
                {
                    let mut drivers = self.drivers.borrow_mut();
                    let driver = drivers.entry(id).or_default();
                    (driver.at, driver.available) = (Some(at), available);
                }
                self.search();
                Ok(Response::Noted(Noted { at_ns: now().nanos() as i64 }))
            }
            Action::ActiveTrip => Ok(self.active(|trip| trip.view.assignment.is_some_and(|by| by.driver == id))),
            Action::CancelTrip { trip, key } => self.once(key, || self.give_back(id, trip)),
            Action::PollOffer if self.drivers.borrow().get(&id).is_some_and(|driver| driver.trip.is_some()) => {
                Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip })
            }
            Action::PollOffer => {
                let offer = self.drivers.borrow().get(&id).and_then(|driver| driver.offer);
                Ok(Response::Offer(offer.map(|trip| {
                    let trips = self.trips.borrow();
                    let trip = &trips[&trip];
                    let (_, token) = trip.offered.expect("an offer has a token");
                    OfferView { trip: trip.view.id, token, pickup: trip.view.pickup, expires_at_ns: i64::MAX }
                })))
            }
            Action::AnswerOffer { trip, token, answer, key } => {
                self.once(key, || self.answer_offer(id, trip, token, answer))
            }
            Action::Advance { trip, assignment, progress, key } => self.once(key, || {
                let event = match progress {
                    Progress::Departed => EventKind::DriverDeparted,
                    Progress::Arrived => EventKind::DriverArrived,
                    Progress::PickedUp => EventKind::PickedUp,
                    Progress::DroppedOff(_) | Progress::LeftEarly(_) => EventKind::DroppedOff,
                    Progress::RiderDidNotShow => EventKind::RiderDidNotShow,
                };
                self.step(trip, event, |trip| trip.view.assignment == Some(assignment))
            }),
            other => panic!("a driver does not ask for {other:?}"),
        }
    }

    fn create(&self, rider: RiderId, quote: QuoteId) -> Result<Response, ApiError> {
        let (pickup, dropoff) = *self.quotes.borrow().get(&quote).ok_or(ApiError::NotFound)?;
        if self.trips.borrow().values().any(|trip| trip.rider == rider && trip.view.state.is_active()) {
            return Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip });
        }
        let id = TripId(self.trips.borrow().len() as i64 + 1);
        let view =
            TripView { id, state: State::Matching, version: 1, assignment: None, pickup, dropoff, charge_minor: None };
        self.trips.borrow_mut().insert(id, Trip { rider, view, offered: None, refused_by: Vec::new() });
        self.searching.borrow_mut().push(id);
        self.search();
        self.view(id)
    }

    /// Forgets a trip altogether, as a store does that goes back behind it.
    pub fn forget(&self, trip: TripId) {
        self.trips.borrow_mut().remove(&trip);
        for driver in self.drivers.borrow_mut().values_mut() {
            driver.trip = driver.trip.filter(|known| *known != trip);
            driver.offer = driver.offer.filter(|known| *known != trip);
        }
    }

    /// Takes a trip back to the state in which its driver was on the way, as a store does that goes back behind its end.
    pub fn bring_back(&self, id: TripId, assignment: Assignment) {
        let mut trips = self.trips.borrow_mut();
        let trip = trips.get_mut(&id).expect("a trip that was known");
        (trip.view.state, trip.view.assignment) = (State::EnRoutePickup, Some(assignment));
        self.drivers.borrow_mut().entry(assignment.driver).or_default().trip = Some(id);
    }

    fn active(&self, is_theirs: impl Fn(&Trip) -> bool) -> Response {
        let trips = self.trips.borrow();
        let trip = trips.values().find(|trip| trip.view.state.is_active() && is_theirs(trip));
        Response::ActiveTrip(trip.map(|trip| trip.view))
    }

    fn give_back(&self, driver: DriverId, id: TripId) -> Result<Response, ApiError> {
        let is_theirs = |trip: &Trip| trip.view.assignment.is_some_and(|by| by.driver == driver);
        self.step(id, EventKind::Reassigned, is_theirs)?;
        {
            let (mut trips, mut drivers) = (self.trips.borrow_mut(), self.drivers.borrow_mut());
            let trip = trips.get_mut(&id).expect("it was there a moment ago");
            trip.view.assignment = None;
            trip.refused_by.push(driver);
            drivers.get_mut(&driver).expect("whose trip it was").trip = None;
        }
        self.searching.borrow_mut().push(id);
        self.search();
        self.view(id)
    }

    fn view(&self, trip: TripId) -> Result<Response, ApiError> {
        self.trips.borrow().get(&trip).map(|trip| Response::Trip(trip.view)).ok_or(ApiError::NotFound)
    }

    fn receipt(&self, trip: TripId) -> Result<Response, ApiError> {
        let view = self.trips.borrow().get(&trip).map(|trip| trip.view).ok_or(ApiError::NotFound)?;
        assert!(!view.state.is_active(), "whoever asks has seen the end of the trip: {view:?}");
        Ok(Response::Receipt(ReceiptView {
            trip,
            state: view.state,
            version: view.version,
            charge_minor: view.charge_minor,
            tax_minor: None,
            tolls_minor: None,
            distance_m: None,
            duration_s: None,
        }))
    }

    /// Offers every trip that searches to the nearest free driver.
    fn search(&self) {
        let searching = self.searching.take();
        let unmatched = searching.into_iter().filter(|id| !self.offer(*id)).collect();
        self.searching.replace(unmatched);
    }

    fn offer(&self, id: TripId) -> bool {
        let (mut trips, mut drivers) = (self.trips.borrow_mut(), self.drivers.borrow_mut());
        let trip = trips.get_mut(&id).expect("a trip that searches exists");
        if trip.view.state != State::Matching {
            return true;
        }
        let distance = |at: Coordinate| {
            let north = f64::from(at.latitude_microdegrees - trip.view.pickup.latitude_microdegrees);
            // The cosine of New York's latitude.
            let east = 0.758 * f64::from(at.longitude_microdegrees - trip.view.pickup.longitude_microdegrees);
            north * north + east * east
        };
        let free = drivers.iter_mut().filter(|(id, driver)| {
            let idle = driver.online && driver.available && driver.offer.is_none() && driver.trip.is_none();
            idle && !trip.refused_by.contains(id)
        });
        let nearest = free
            .filter_map(|(id, driver)| Some((distance(driver.at?), id, driver)))
            .min_by(|(a, _, _), (b, _, _)| a.total_cmp(b));
        let Some((_, driver_id, driver)) = nearest else { return false };
        self.tokens.set(self.tokens.get() + 1);
        trip.offered = Some((*driver_id, FencingToken(self.tokens.get())));
        driver.offer = Some(id);
        trip.view.state = State::Offered;
        trip.view.version += 1;
        self.ring(Caller::Driver(*driver_id));
        self.ring(Caller::Rider(trip.rider));
        true
    }

    fn answer_offer(
        &self,
        driver: DriverId,
        id: TripId,
        token: FencingToken,
        answer: OfferAnswer,
    ) -> Result<Response, ApiError> {
        {
            let (mut trips, mut drivers) = (self.trips.borrow_mut(), self.drivers.borrow_mut());
            let trip = trips.get_mut(&id).ok_or(ApiError::NotFound)?;
            if trip.offered != Some((driver, token)) || trip.view.state != State::Offered {
                return Err(ApiError::Rejected { reason: Rejection::OfferOver });
            }
            let record = drivers.get_mut(&driver).expect("who has an offer is known");
            trip.offered = None;
            trip.view.version += 1;
            record.offer = None;
            match answer {
                OfferAnswer::Accept => {
                    record.trip = Some(id);
                    trip.view.assignment = Some(Assignment { driver, epoch: 1 });
                    trip.view.state = State::Accepted;
                    self.ring(Caller::Rider(trip.rider));
                }
                OfferAnswer::Decline => {
                    trip.view.state = State::Matching;
                    trip.refused_by.push(driver);
                    self.searching.borrow_mut().push(id);
                }
            }
        }
        self.search();
        self.view(id)
    }

    fn step(&self, id: TripId, event: EventKind, may: impl Fn(&Trip) -> bool) -> Result<Response, ApiError> {
        let mut trips = self.trips.borrow_mut();
        let trip = trips.get_mut(&id).ok_or(ApiError::NotFound)?;
        if !may(trip) {
            return Err(ApiError::Rejected { reason: Rejection::StaleAssignment });
        }
        let reason = Rejection::IllegalTransition;
        let after = trip.view.state.after(event).ok_or(ApiError::Rejected { reason })?;
        trip.view.state = after;
        trip.view.version += 1;
        self.ring(Caller::Rider(trip.rider));
        if !after.is_active() {
            let mut drivers = self.drivers.borrow_mut();
            if let Some(driver) = trip.view.assignment.and_then(|by| drivers.get_mut(&by.driver)) {
                driver.trip = None;
            }
            if let Some((driver, _)) = trip.offered.take() {
                drivers.get_mut(&driver).expect("who has an offer is known").offer = None;
            }
            trip.view.assignment = None;
        }
        Ok(Response::Trip(trip.view))
    }
}
