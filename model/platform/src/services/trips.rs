//! The trips service: takes trips through their lives, on behalf of riders and drivers, and by itself where nobody acts.

mod advance;
mod answer;
mod cancel;
mod create;
mod dues;
mod late;
mod lost_drivers;
mod next;
mod receipt;
mod search;
mod stuck;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use ports::IdempotencyKey;
use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use super::clock::now_ns;
use super::fleet::Fleet;
use super::nudges::Nudges;
use super::once::{caller_number, once};
use super::peers::Peers;
use super::transaction::{Failure, Store};
use super::{Config, periodic, server, sweep, transition};
use crate::api::trips::{Progress, Request, Response, TripView};
use crate::api::{ApiError, Reply, matching, payments};
use crate::domain::idempotency::{Keyed, Scope, request_hash};
use crate::domain::ids::TripId;
use crate::domain::schema::Trip;
use crate::domain::session::Caller;
use next::Next;

/// The services that this one calls.
pub struct Neighbours {
    pub matching: Peers<matching::Request, matching::Response>,
    pub payments: Peers<payments::Request, payments::Response>,
    pub fleet: Fleet,
}

/// Runs one replica. Riders are nudged when their trip gets on. What may be a moment old is read from `copy`, a copy of the database that
/// lags, if there is one.
pub async fn run<D: Database>(
    config: Rc<Config>,
    neighbours: Neighbours,
    nudges: Box<dyn Nudges>,
    database: D,
    copy: Option<D>,
) {
    let store = Store::new(database, &config.calls);
    let copy = copy.map(|copy| Store::new(copy, &config.calls));
    let trips = Rc::new(Trips { config: config.clone(), store, copy, neighbours, nudges });
    let searches = trips.clone();
    periodic::every(config.loop_interval, "trips.searches", async move || searches.search_round().await);
    let lost = trips.clone();
    periodic::every(config.lost_driver_interval, "trips.lost_drivers", async move || lost.lost_drivers_round().await);
    let stuck = trips.clone();
    periodic::every(config.stuck_interval, "trips.stuck", async move || stuck.stuck_round().await);
    let sweeper = trips.clone();
    periodic::every(config.sweep_interval, "trips.sweep", async move || sweeper.sweep_round().await);
    let _ports = server::open(&config, move |request, context| {
        let trips = trips.clone();
        async move { trips.handle(request, context).await }
    });
    runtime::task::forever().await;
}

struct Trips<D> {
    config: Rc<Config>,
    store: Store<D>,
    copy: Option<Store<D>>,
    neighbours: Neighbours,
    nudges: Box<dyn Nudges>,
}

impl<D: Database> Trips<D> {
    async fn handle(self: &Rc<Self>, request: Request, mut context: CallContext) -> Reply<Response> {
        if let Request::Active { caller } = request {
            let work = async |transaction: &mut D::Transaction| active(transaction, caller).await;
            return self.store.run(&mut context, work).await.map(Response::Active);
        }
        if let Request::Receipt { rider, trip, seen_version } = request {
            return self.receipt(rider, trip, seen_version, &mut context).await.map(Response::Receipt);
        }
        self.handle_trip(request, &mut context).await.map(Response::Trip)
    }

    /// A request about one trip.
    async fn handle_trip(self: &Rc<Self>, request: Request, context: &mut CallContext) -> Reply<TripView> {
        let hash = request_hash(&request);
        let keyed = |scope, caller, key: IdempotencyKey| Keyed {
            scope,
            caller: caller_number(caller),
            key,
            request_hash: hash,
            remembered_for: self.config.retention.keys,
        };
        match request {
            Request::Create { rider, quote, key } => {
                let keyed = keyed(Scope::RequestTrip, Caller::Rider(rider), key);
                let work = async |x: &mut D::Transaction, now_ns| create::create(x, rider, quote, now_ns).await;
                let view = self.step(keyed, context, Next::BeginSearch, work).await?;
                if runtime::planted::is("outbox-after-commit") {
                    let tell = async |x: &mut D::Transaction| transition::tell_late(x, view.id).await;
                    self.store.run(context, tell).await?;
                }
                Ok(view)
            }
            Request::Cancel { caller, trip, key } => {
                let keyed = keyed(Scope::CancelTrip, caller, key);
                let next = if matches!(caller, Caller::Rider(_)) { Next::Settle } else { Next::Search };
                let work =
                    async |x: &mut D::Transaction, now_ns| cancel::cancel(x, &self.config, caller, trip, now_ns).await;
                self.step(keyed, context, next, work).await
            }
            Request::Status { caller, trip } => {
                self.store.run(context, async |transaction| status(transaction, caller, trip).await).await
            }
            Request::Active { .. } | Request::Receipt { .. } => Err(ApiError::Internal),
            Request::AnswerOffer { driver, trip, token, answer, key } => {
                let keyed = keyed(Scope::AnswerOffer, Caller::Driver(driver), key);
                let offered = answer::Offered { driver, trip, token };
                let work = async |x: &mut D::Transaction, now_ns| answer::answer(x, offered, answer, now_ns).await;
                self.step(keyed, context, answer::next(answer), work).await
            }
            Request::Advance { assignment, trip, progress, key } => {
                let keyed = keyed(Scope::AdvanceTrip, Caller::Driver(assignment.driver), key);
                let work = async |x: &mut D::Transaction, now_ns| {
                    advance::advance(x, &self.config, assignment, trip, progress, now_ns).await
                };
                let view = self.step(keyed, context, advance::next(progress), work).await?;
                if matches!(progress, Progress::DroppedOff(_) | Progress::LeftEarly(_))
                    && runtime::planted::is("driver-freed-apart")
                {
                    let free = async |x: &mut D::Transaction| advance::free_driver(x, assignment, now_ns()).await;
                    self.store.run(context, free).await?;
                }
                Ok(view)
            }
        }
    }

    /// Takes one step of a trip, once per key, and then sees to what it left to be done.
    async fn step(
        self: &Rc<Self>,
        keyed: Keyed,
        context: &mut CallContext,
        next: Next,
        work: impl AsyncFn(&mut D::Transaction, i64) -> Result<Trip, Failure>,
    ) -> Reply<TripView> {
        let rider = Cell::new(None);
        let step = async |transaction: &mut D::Transaction| {
            let now_ns = now_ns();
            let work = async |transaction: &mut D::Transaction| {
                let trip = work(transaction, now_ns).await?;
                rider.set(Some(trip.rider_id));
                Ok(TripView::from(&trip))
            };
            once(transaction, keyed, now_ns, work).await
        };
        let view = self.store.run(context, step).await?;
        runtime::fault_point!("trips.after_commit");
        // Who requests a trip has the answer; a step that was taken before was told of then.
        if let Some(rider) = rider.get().filter(|_| next != Next::BeginSearch) {
            self.nudges.nudge(Caller::Rider(rider));
        }
        self.follow(view.id, next);
        Ok(view)
    }

    /// Sees to what a step left to be done, while the answer is on its way.
    fn follow(self: &Rc<Self>, trip: TripId, next: Next) {
        let trips = self.clone();
        match next {
            Next::Nothing => {}
            Next::BeginSearch => detach(async move { trips.begin_search(trip).await }),
            Next::Search => detach(async move { trips.search(trip).await }),
            Next::Settle => detach(async move { trips.settle(trip, trips.background()).await }),
        }
    }

    /// Has the payments service get on with what the trip's payment has under way. If it cannot now, its own loop will.
    async fn settle(&self, trip: TripId, mut context: CallContext) {
        let _ = self.neighbours.payments.call(payments::Request::Settle { trip }, &mut context).await;
    }

    /// Deletes what is over. Keys and events of all services are in the same tables.
    async fn sweep_round(&self) {
        sweep::keys(&self.store, &self.config).await;
        sweep::events(&self.store, &self.config).await;
        sweep::trips(&self.store, &self.config).await;
    }

    /// The context of what is done on nobody's behalf.
    fn background(&self) -> CallContext {
        CallContext::within(self.config.background_limit, self.config.calls.background_retries)
    }
}

fn detach(future: impl Future<Output = ()> + 'static) {
    drop(runtime::spawn(future));
}

/// The trip that the caller is on, if the caller is on one.
async fn active<X: Transaction>(transaction: &mut X, caller: Caller) -> Result<Option<TripView>, Failure> {
    let trips: Vec<Trip> = match caller {
        Caller::Rider(rider) => transaction.scan(Trip::BY_ACTIVE_RIDER, rider, 1).await?,
        Caller::Driver(driver) => transaction.scan(Trip::BY_ACTIVE_DRIVER, driver, 1).await?,
        Caller::Operator(_) => Vec::new(),
    };
    Ok(trips.first().map(TripView::from))
}

/// Only a trip's rider, its driver and operators may see it: to anybody else there is no such trip.
async fn status<X: Transaction>(transaction: &mut X, caller: Caller, trip: TripId) -> Result<TripView, Failure> {
    let trip = transaction.get::<Trip>(trip).await?.ok_or(ApiError::NotFound)?;
    let may_see = match caller {
        Caller::Rider(rider) => trip.rider_id == rider,
        Caller::Driver(driver) => trip.driver_id == Some(driver) || trip.offered_driver_id == Some(driver),
        Caller::Operator(_) => true,
    };
    if may_see { Ok(TripView::from(&trip)) } else { Err(ApiError::NotFound.into()) }
}
